"""Which modules have changed since a result was made, and how, where the history of the code is at hand.

A record holds the digest of the code behind a file and no more. The commit of results/run.json is tried
first. If its code does not give that digest, as the run had uncommitted changes or an earlier run made the
file, the history is searched backwards. Without a history, the modules of results/audit.json say which have
changed since the last complete run, and not how.
"""

import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from poles.audits.hashes import Reader
from poles.errors import StudyError
from poles.study import audit, digest, run_record

SEARCHED = 100
"""Most states of the code that are looked at in the history."""
SHOWN = 120
"""Most lines of a difference that are shown, if not all are asked for."""
PROGRAM = """
import json, sys
from poles.study import digest
for roots in json.load(sys.stdin):
    try:
        print(json.dumps([digest.code_digest(*roots), [str(path) for path in digest.code_files(*roots)]]))
    except Exception as error:
        print(json.dumps([str(error), []]))
"""
"""Prints the digest of some code and its files, by the rules of the state of the code in which it runs."""


class Past(NamedTuple):
    """Code of the past.

    Attributes
    ----------
    origin : str
        Where it is known from: a commit, or results/audit.json.
    modules : dict
        Digest of each module, by its path below scripts/.
    commit : str or None
        The commit, if it is one.
    """

    origin: str
    modules: dict[str, str]
    commit: str | None


def trace(path: str) -> dict[str, Any]:
    """Say which modules behind a result have changed since it was made.

    Parameters
    ----------
    path : str
        A result, see `poles.audits.chain.locate`.

    Returns
    -------
    dict
        ``result``. ``rules``: the rules on its chain whose code has changed, with the digest then and now.
        ``origin``: where the code of the past is known from, or None. ``modules``: changed, added and removed
        modules. ``diff``: the difference, or None without a history.

    Raises
    ------
    StudyError
        If the file carries no record, or results/run.json is none of a run.
    """
    commit = run_record.read_run().get("commit")
    reader = Reader()
    links = list(audit.Walk(reader).along(path))
    reader.save()
    if links[0].digest is None:
        raise StudyError(f"{path}: {links[0].breaks[0]}")
    if links[0].record is None:
        raise StudyError(f"{path}: carries no provenance, so nothing says what code made it")
    records = [link.record for link in links if link.record]
    changed: dict[str, str] = {}
    for record in records:
        if audit.code_state(record):
            changed[_code_of(record, path)] = record["rule"]
    roots = [code.split()[1:] for code in changed]
    answer: dict[str, Any] = {"result": path, "rules": [], "origin": None, "modules": {}, "diff": None}
    if not changed:
        return answer
    now: dict[str, str] = {}
    for code, names in zip(changed, roots, strict=True):
        present = _present(names)
        now |= present[1]
        answer["rules"].append({"rule": changed[code], "then": code.split()[0], "now": present[0]})
    past = _from_history([code.split()[0] for code in changed], roots, commit) or _from_audit(now)
    if past is not None:
        answer["origin"], answer["modules"] = past.origin, _compare(past.modules, now)
    if past is not None and past.commit:
        files = [f"scripts/{name}" for names in answer["modules"].values() for name in names]
        answer["diff"] = _git("diff", past.commit, "--", *files)
    return answer


def _code_of(record: Mapping[str, Any], path: str) -> str:
    """Digest and roots of the code that a record of a chain names."""
    code = record.get("params", {}).get("code")
    if not isinstance(code, str) or not code.split()[1:] or "rule" not in record:
        raise StudyError(f"{path}: a record of its chain names no code; audit.py {path} says which")
    return code


def _present(roots: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Digest of the present code of some roots, and of its modules; nothing of a root that is gone."""
    here = [root for root in roots if (digest.SCRIPTS / f"{root.replace('.', '/')}.py").is_file()]
    return (digest.code_digest(*here) if here == list(roots) else "none"), digest.module_digests(*here)


def _compare(then: Mapping[str, str], now: Mapping[str, str]) -> dict[str, list[str]]:
    """Modules that were changed, added and removed."""
    return {
        "changed": sorted(name for name in then.keys() & now.keys() if then[name] != now[name]),
        "added": sorted(now.keys() - then.keys()),
        "removed": sorted(then.keys() - now.keys()),
    }


def _git(*arguments: str) -> str | None:
    """Output of a git command about the project, or None if it fails."""
    command = ["git", "-C", str(digest.SCRIPTS.parent), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None


def _from_audit(now: Mapping[str, str]) -> Past | None:
    """Modules of the last complete run, of those that are behind the result; None if they are not known."""
    try:
        modules = json.loads(audit.AUDIT.read_bytes())["modules"]
    except (OSError, ValueError, KeyError):
        return None
    return Past(
        f"{audit.AUDIT}, which has no lines of code", {n: modules[n] for n in modules if n in now}, None
    )


def _from_history(digests: Sequence[str], roots: Sequence[Sequence[str]], commit: str | None) -> Past | None:
    """State of the code in the history that gives these digests; None if none does or there is no history."""
    for name in _candidates(commit):
        with tempfile.TemporaryDirectory() as folder:
            found = _state(name, roots, Path(folder))
            if [code for code, _ in found] == list(digests):
                files = {file for _, files in found for file in files}
                modules = {file: digest.module_digest(Path(folder, "scripts", file)) for file in files}
                return Past(f"commit {name}", modules, name)
    return None


def _candidates(commit: str | None) -> Iterator[str]:
    """The commit of the last run, then those that changed the code, latest first; of equal code only one."""
    listed = (_git("log", f"--max-count={SEARCHED}", "--format=%H", "--", "scripts") or "").split()
    seen = set()
    recorded = [commit] if commit and re.fullmatch("[0-9a-f]{7,64}", commit) else []  # no option of git
    for name in [*recorded, *listed]:
        tree = _git("rev-parse", "--verify", "--quiet", f"{name}:scripts")
        if tree is not None and tree not in seen:
            seen.add(tree)
            yield name


def _state(commit: str, roots: Sequence[Sequence[str]], folder: Path) -> list[tuple[str, list[str]]]:
    """Digest of the code of some roots at a commit, with its files; the code is put into a folder."""
    command = ["git", "-C", str(digest.SCRIPTS.parent), "archive", "--format=tar", commit, "scripts"]
    archive = subprocess.run(command, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=json.dumps(list(map(list, roots))), cwd=folder / "scripts",
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return [tuple(json.loads(line)) for line in process.stdout.splitlines()]


def describe(traced: Mapping[str, Any], full: bool = False) -> str:
    """Write what `trace` gives as text for a terminal.

    Parameters
    ----------
    traced : Mapping
        As `trace` returns it.
    full : bool
        Whether to show the whole of a long difference.
    """
    if not traced["rules"]:
        return f"the code behind {traced['result']} and its chain is that of today"
    lines = [f"rule {one['rule']}: code {one['then']} then, {one['now']} now" for one in traced["rules"]]
    if traced["origin"] is None:
        return "\n".join(
            [*lines, "no commit here has that code, and results/audit.json does not name its modules"]
        )
    lines.append(f"the code then: {traced['origin']}")
    lines += [f"{state}: scripts/{name}" for state, names in traced["modules"].items() for name in names]
    if traced["diff"]:
        difference = traced["diff"].splitlines()
        lines += ["", *(difference if full else difference[:SHOWN])]
        if not full and len(difference) > SHOWN:
            lines.append(f"... {len(difference) - SHOWN} more lines; --full shows them")
    return "\n".join(lines)
