"""The chain of a result as text and as data; the audit of the whole study."""

import difflib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from poles.audits import environment, expected
from poles.audits.expected import Plan, read_plan
from poles.audits.hashes import Reader
from poles.errors import StudyError
from poles.study import audit, extraction, run_record
from poles.study.audit import Link, Walk

PARAMS = 100
"""Most characters of a param that are shown, if not all are asked for."""
OF_A_STUDY = (str(audit.AUDIT), str(run_record.RUN), "results/logs")
"""One of these stands in every folder in which the study worked, and in copies of its results."""
NEAR = 3
"""Most results that are suggested for a name that is none."""
ALIKE = 0.75
"""Least likeness of a suggested name, from 0 to 1."""


class Chain(NamedTuple):
    """What an audit found.

    Attributes
    ----------
    links : list of Link
        Files, from each result to its sources.
    faults : list of str
        What is wrong with the study and not with one of the files: its software, rules without producers.
    notes : list of str
        What a reader should know and is not wrong.
    plan : Plan or None
        Workflow under the present configuration, if it could be read.
    given : Given
        Configuration of this plan.
    """

    links: list[Link]
    faults: list[str]
    notes: list[str]
    plan: Plan | None
    given: "Given"

    def broken(self) -> str | None:
        """First broken link, the nearest to the result, and how to mend it; None if all holds."""
        link = audit.nearest_break(self.links)
        if link is None:
            return f"the study does not hold: {self.faults[0]}" if self.faults else None
        return f"first broken link: {link.path} {link.breaks[0]}{self._remedy(link)}"

    def _remedy(self, link: Link) -> str:
        """Command that makes a file anew; nothing for a source, which no rule makes."""
        rule = self.plan.maker(link.path) if self.plan else (link.record or {}).get("rule")
        if not rule:
            return ""
        if link.digest is None:  # a plain run may not miss it
            first = "remove what is there; " if Path(link.path).exists() else ""
            return f" ({first}`{self.given.command(link.path)}` makes it again)"
        return f" (to mend it: {self.given.command('-R', rule)})"

    def document(self) -> dict[str, Any]:
        """All of it for JSON."""
        return {
            "holds": self.broken() is None,
            "first_broken": self.broken(),
            "links": [link._asdict() for link in self.links],
            "faults": self.faults,
            "notes": self.notes,
        }


class Given(NamedTuple):
    """Configuration with which a study is compared, as for Snakemake; that of the last run if empty."""

    configfiles: Sequence[str] = ()
    changes: Mapping[str, Any] = MappingProxyType({})

    def command(self, *arguments: str) -> str:
        """Command of Snakemake with this configuration."""
        given = {"configfiles": self.configfiles, "config": self.changes}
        return run_record.command(*arguments, given=given)


OF_LAST_RUN = Given()


def parse_changes(changes: Sequence[str]) -> dict[str, Any]:
    """Values of KEY=VALUE, read as ``snakemake --config`` reads them.

    Raises
    ------
    StudyError
        If one of them has another form.
    """
    from snakemake.cli import parse_config

    try:
        return parse_config(list(changes))
    except ValueError as error:
        raise StudyError(f"--config: {error}") from None


def locate(result: str) -> tuple[Path | None, str]:
    """Folder in which a study worked, and a result in it.

    Parameters
    ----------
    result : str
        Path of a file.

    Returns
    -------
    folder : Path or None
        This folder, or the one above the folder ``results`` in which the file lies. None for a file that lies
        in no such folder: it was copied alone.
    path : str
        The file, relative to that folder if there is one. It need not be there if the last complete run left
        it: then it is a broken link.

    Raises
    ------
    StudyError
        If there is no such file, or it is no result.
    """
    if not result:
        raise StudyError("no result is named; name a file below results/, or a copy of one")
    path = Path(os.path.relpath(result))
    folder: Path | None = Path()
    if path.parts[:1] != ("results",):
        parts = Path(result).absolute().parts
        if "results" in parts[:-1]:
            place = len(parts) - 1 - parts[::-1].index("results")
            folder, path = Path(*parts[:place]), Path(*parts[place:])
        else:
            folder = None
    if folder is None or not any((folder / name).exists() for name in OF_A_STUDY):
        folder, path = None, Path(result)  # anybody may have a folder of this name
    if path.as_posix().startswith(audit.NO_RESULTS):
        raise StudyError(
            f"{path} describes a run and is no result; name one that it describes, such as results/claims.md"
        )
    if not Path(folder or "", path).is_file():
        base = folder or Path()
        recorded = audit.recorded_digests(base)
        if folder is None or path.as_posix() not in recorded:
            present = (file.relative_to(base).as_posix() for file in (base / "results").rglob("*.*"))
            raise StudyError(_unknown(result, recorded or present))
    return folder, path.as_posix()


def _unknown(result: str, recorded: Iterable[str]) -> str:
    """Say that there is no such result, and which have a name like it."""
    if Path(result).is_dir():
        return f"{result}: a folder; name a file in it, or --all for the whole study"
    scored = sorted(((_likeness(result, path), path) for path in recorded), reverse=True)
    near = [path for likeness, path in scored if max(likeness) >= ALIKE][:NEAR]
    advice = f"do you mean {' or '.join(near)}?" if near else "name a file below results/, or a copy of one"
    return f"{result}: no result here; {advice}"


def _likeness(result: str, path: str) -> tuple[float, float]:
    """How like a path is to a name that is meant for it: by its end or its words, and as a whole."""
    pairs = ((Path(result).name, Path(path).name), (Path(result).stem, Path(path).stem))
    ratios = [difflib.SequenceMatcher(None, *pair).ratio() for pair in (*pairs, (result, path))]
    words = [set(re.findall("[a-z0-9]+", name.lower())) for name in (result, path)]
    shared = len(words[0] & words[1]) / len(words[0] | words[1])
    return max(*ratios, shared), ratios[-1]


def _plan(given: Given, notes: list[str], unread: list[str]) -> tuple[Plan | None, Given]:
    """Workflow under the configuration that is given, or that of the last run; and this configuration.

    If that of the last run cannot be read, the reason is added to `unread`, and there is no plan. One that is
    given and cannot be read is an error.
    """
    if given.configfiles or given.changes:
        return read_plan(*given), given
    run = run_record.read_run()
    recorded = run.get("given", {})
    used = given = Given(recorded.get("configfiles", ()), recorded.get("config", {}))
    if lost := [name for name in given.configfiles if not Path(name).is_file()]:
        notes.append(f"{lost[0]}: not here; params are compared with the configuration in results/run.json")
        used = Given((), run["config"])
    try:
        return read_plan(*used), given
    except StudyError as error:
        unread.append(f"params were not compared with the configuration: {error}")
        return None, given


def trace(path: str, given: Given = OF_LAST_RUN, cold: bool = False, alone: bool = False) -> Chain:
    """Audit the chain of one result, in the folder in which the study worked.

    Parameters
    ----------
    path : str
        A result, see `locate`.
    given : Given
        Configuration that the params are compared with.
    cold : bool
        Whether to read every file, and not to know those of earlier audits.
    alone : bool
        Whether the file was copied alone: then its inputs need not be here.

    Raises
    ------
    StudyError
        If the file was copied alone and carries no record.
    """
    notes: list[str] = []
    reader = Reader(cold)
    if alone and (twin := _twin(path, reader)):
        notes.append(f"{path} has the bytes of {twin}, whose chain this is")
        path, alone = twin, False
    plan, given = _plan(given, notes, unread=notes)
    walk = Walk(reader, plan.faults if plan else audit.no_faults, complete=not alone)
    links = list(walk.along(path, None if alone else audit.recorded_digest(path)))
    if alone and links[0].record is None and not links[0].breaks:
        where = _packaged(links[0])
        raise StudyError(f"{path}: carries no provenance, so it is no result of the study{where}")
    if away := [link for link in links if link.digest is None and not link.breaks]:
        notes.append(
            f"{len(away)} of its inputs are not here; the chain ends at what the file itself records"
        )
    reader.save()
    if alone:
        return Chain(links, [], notes, plan, given)
    run = run_record.read_run()
    return Chain(links, list(environment.faults(run)), [*notes, *run_record.notes(run)], plan, given)


def _twin(path: str, reader: Reader) -> str | None:
    """Result of the study in this folder that has the bytes of a file which was copied without its record."""
    try:
        content = reader(path)
    except OSError:  # the walk says so
        return None
    if content.record is not None:
        return None
    return next((name for name, digest in audit.recorded_digests().items() if digest == content.digest), None)


def _packaged(link: Link) -> str:
    """Where the record of a file stands whose format has no place for one."""
    if not link.path.endswith(extraction.PACKAGED):
        return ""
    return (
        f"; that of such a file stands in {extraction.PACKAGE} of its folder, with its SHA-256: copy both "
        f"files, or look there for {link.digest}"
    )


def trace_all(given: Given = OF_LAST_RUN, cold: bool = False) -> Chain:
    """Audit every result that the configuration asks for, and all files that they were made from.

    Parameters
    ----------
    given : Given
        Configuration that says which results these are, and that the params are compared with.
    cold : bool
        Whether to read every file, and not to know those of earlier audits.

    Raises
    ------
    StudyError
        If there are no results here, or neither the workflow nor results/audit.json says what they are.
    """
    if not any(map(os.path.exists, OF_A_STUDY)):
        raise StudyError(
            "results: nothing of a study here; give this command in the folder in which the study worked"
        )
    notes: list[str] = []
    faults: list[str] = []
    reader = Reader(cold)
    plan, given = _plan(given, notes, unread=faults)
    try:
        recorded = audit.recorded_digests()
    except StudyError:
        recorded = {}  # the file itself is audited below, and is named there
    outputs, unmade = plan.survey() if plan else (set(recorded), [])
    targets = sorted(outputs)
    if plan:
        made = (plan.beside(path) for path in plan.on_demand if Path(path).is_file())
        targets = [*plan.targets, *targets, *sorted(path for paths in made for path in paths)]
    if not targets:
        raise StudyError(f"neither the workflow nor {audit.AUDIT} says what the results are")
    walk = Walk(reader, plan.faults if plan else audit.no_faults)
    links: list[Link] = []
    for path in targets:
        if path not in walk.contents:  # else an earlier chain has followed it to its sources
            links += walk.along(path, recorded.get(path))
    if audit.AUDIT.is_file():
        links += walk.along(str(audit.AUDIT))
    else:
        again = f"`{given.command('-R', 'audit_results')}` makes it again"
        faults.append(f"{audit.AUDIT}: no such file; it has the results of the last complete run; {again}")
    reader.save()
    faults += [f"{name}: no rule makes it, but {user} needs it" for name, user in unmade]
    run = run_record.read_run()
    faults += [*expected.read_past_params(), *environment.faults(run)]
    notes += run_record.notes(run)
    if others := _others(walk):
        notes.append(
            f"{len(others)} files below results/ belong to no result of this configuration: {others[0]}"
            + (" ..." if others[1:] else "")
        )
    notes.append(f"{len(walk.contents)} files, of which {reader.read} were read and hashed in this audit")
    return Chain(links, faults, notes, plan, given)


def _others(walk: Walk) -> list[str]:
    """Results that are there and that no chain has reached."""
    paths = (path.as_posix() for path in sorted(Path("results").rglob("*")) if path.is_file())
    return [path for path in paths if path not in walk.contents and not path.startswith(audit.NO_RESULTS)]


def describe(chain: Chain, full: bool = False) -> str:
    """Write a chain as a tree for a terminal.

    Parameters
    ----------
    chain : Chain
        Of one result.
    full : bool
        Whether to list every file and all of the params. Otherwise only the first of the files that one rule
        made with the same params is listed, with the number of the others. All are checked in either case.
    """
    listing = _Listing(full)
    folded_depth: int | None = None
    for link in chain.links:
        if folded_depth is not None and link.depth > folded_depth and not link.breaks:
            continue  # below a file that is not listed
        folded_depth = None
        if not full and listing.fold(link):
            folded_depth = link.depth
        else:
            listing.add(link)
    listing.close()
    return "\n".join([*listing.lines, *_end(chain)])


def describe_all(chain: Chain, full: bool = False) -> str:
    """Write the audit of a study: files by rule, and those with broken links; every file if `full`."""
    files: dict[str, Link] = {}
    for link in chain.links:  # the visit that finds something wrong counts
        if link.path not in files or (link.breaks and not files[link.path].breaks):
            files[link.path] = link
    rules: dict[str, list[Link]] = {}
    for link in files.values():
        rules.setdefault((link.record or {}).get("rule", "source"), []).append(link)
    lines = [f"{'rule':28}{'files':>6}{'broken':>8}"]
    for rule in sorted(rules):
        broken = sum(bool(link.breaks) for link in rules[rule])
        lines.append(f"{'✗' if broken else '✓'} {rule:26}{len(rules[rule]):6d}{broken:8d}")
    for link in sorted(files.values(), key=lambda link: (link.depth, link.path)):
        if link.breaks or full:
            lines.append(f"{'✗' if link.breaks else '✓'} {link.path}")
            lines += [f"    BROKEN: {sentence}" for sentence in link.breaks]
    return "\n".join([*lines, *_end(chain)])


def _end(chain: Chain) -> list[str]:
    """Lines below a chain: what is wrong with the study, and what a reader should know."""
    faults = [f"✗ {sentence}" for sentence in chain.faults]
    return [*faults, *chain.notes, *(["every link holds"] if chain.broken() is None else [])]


def _describe(link: Link, full: bool) -> str:
    """One entry of a chain: the path, whether the link holds, and the rule that made the file."""
    indent = "  " * link.depth
    if link.digest is None and not link.breaks:
        return f"{indent}? {link.path}  not here; recorded sha256 {(link.recorded or 'none')[:16]}"
    mark = "✗" if link.breaks else "✓"
    lines = [f"{indent}{mark} {link.path}  sha256 {link.digest[:16] if link.digest else 'none'}"]
    lines += [f"{indent}    BROKEN: {text}" for text in link.breaks]
    if link.place not in (None, link.path):
        lines.append(f"{indent}    written as {link.place}")
    if link.record is None:
        lines[0] += "  (source)" if not link.breaks else ""
    elif link.repeated:
        lines[0] += "  (above)"
    elif "answers" in link.record:
        lines[0] += "  (source: answers as received)"
    else:
        params = {key: value for key, value in link.record["params"].items() if key != "code"}
        wildcards = " ".join(f"{key}={value}" for key, value in link.record["wildcards"].items())
        lines.append(f"{indent}    rule {link.record['rule']} {wildcards}".rstrip())
        lines.append(f"{indent}    code {link.record['params']['code']}")
        lines += [f"{indent}    {key} {_param(value, full)}" for key, value in params.items()]
    return "\n".join(lines)


def _param(value: Any, full: bool) -> str:
    """Text of a param; a long one is cut."""
    words = json.dumps(value, ensure_ascii=False)
    if full or len(words) <= PARAMS:
        return words
    return f"{words[:PARAMS]}... ({len(words)} characters; --full shows them)"


def _family(link: Link) -> tuple[Any, ...]:
    """What files of one job in one folder have in common."""
    record = link.record and tuple(map(link.record.get, ("rule", "params", "wildcards")))
    return Path(link.path).parent, record, link.repeated, link.digest is None


class _Listing:
    """Entries of a chain, of which files like the one before are counted and not listed.

    Parameters
    ----------
    full : bool
        Whether entries show long params whole.

    Attributes
    ----------
    lines : list of str
        The entries.
    families : dict
        `_family` of the last entry, by depth, on the way from the result to the last entry.
    folded : dict
        Number of files like that entry that are not listed, by depth.
    """

    def __init__(self, full: bool) -> None:
        self.full = full
        self.lines: list[str] = []
        self.families: dict[int, tuple[Any, ...]] = {}
        self.folded: dict[int, int] = {}

    def fold(self, link: Link) -> bool:
        """Count a file that holds and is like the entry before; whether it is one."""
        if link.breaks or self.families.get(link.depth) != _family(link):
            return False
        self.folded[link.depth] = self.folded.get(link.depth, 0) + 1
        return True

    def add(self, link: Link) -> None:
        """List a file."""
        self.close(link.depth)
        self.lines.append(_describe(link, self.full))
        self.families[link.depth] = _family(link)

    def close(self, depth: int = 0) -> None:
        """Say how many files were not listed at this depth and below."""
        for level in sorted((level for level in self.families if level >= depth), reverse=True):
            there = not self.families.pop(level)[-1]
            if count := self.folded.pop(level, 0):
                mark, state = ("✓", "all checked") if there else ("?", "not here either")
                self.lines.append(f"{'  ' * level}{mark} ... and {count} more like this one, {state}")
