"""The command ``scripts/audit.py``: the chain of a result, what decided a claim, one link in all stages."""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

from poles.errors import StudyError
from poles.study import audit


def main() -> str | None:
    """Command line: print the chain of a result, what decided a claim, or what every stage says of a link.

    Returns
    -------
    str or None
        The first broken link of the chain, or what is wrong with the arguments; None if all holds.
    """
    parser = argparse.ArgumentParser(
        description="Print the chain of a result, and name its first broken link; or list what decided the "
        "verdicts on a claim; or follow one link of two countries through all stages. Run it in the folder "
        "in which the study worked."
    )
    subject = parser.add_mutually_exclusive_group(required=True)
    subject.add_argument("result", nargs="?", help="file below results/")
    subject.add_argument("--claim", metavar="ID", help="id of a claim, such as poles_diverge_collaboration")
    subject.add_argument(
        "--link", nargs=3, metavar=("FROM", "TO", "YEAR"), help="two country codes and a year: US CN 2015"
    )
    parser.add_argument("--branch", metavar="VARIANT/NULL", help="with --claim: one branch alone")
    parser.add_argument("--full", action="store_true", help="list every file of the chain, every row")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    if arguments.branch and not arguments.claim:
        parser.error("--branch: allowed with --claim only")
    try:
        if arguments.claim:
            return _print_claim(arguments.claim, arguments.branch, arguments.full, arguments.json)
        if arguments.link:
            _print_link(arguments.link, arguments.json)
            return None
        return _print_chain(arguments.result, arguments.full, arguments.json)
    except StudyError as error:
        return str(error)


def _print_claim(name: str, branch: str | None, full: bool, as_json: bool) -> str | None:
    """Print what decided the verdicts on a claim; return the first thing that does not fit together."""
    from poles.audits import claim, text  # they take a second, and the chain does not need them

    traced = claim.evidence(name, branch)
    if as_json:
        print(json.dumps(text.finite(traced), indent=1))
    else:
        print(claim.describe(traced, full))
    broken = claim.breaks(traced)
    return f"judged anew, this does not fit together: {broken[0]}" if broken else None


def _print_link(named: Sequence[str], as_json: bool) -> None:
    """Print what every stage says of one link, named by two countries and a year."""
    from poles.audits import link  # it takes a second, and the chain does not need it

    first, second, year = named
    if not year.isdecimal():
        raise StudyError(f"--link: year {year!r}; allowed: a number such as 2015, after two country codes")
    traced = link.trace(first.upper(), second.upper(), int(year))
    print(json.dumps(traced, indent=1) if as_json else link.describe(traced))


def _print_chain(result: str, full: bool, as_json: bool) -> str | None:
    """Print the chain of a result; return its first broken link."""
    path = os.path.relpath(result)
    if not path.startswith("results/") or not Path(path).is_file():
        raise StudyError(
            f"{result}: no result here; name a file below results/, from the folder of the study"
        )
    if path.startswith(audit.NO_RESULTS):
        raise StudyError(
            f"{path} describes a run and is no result; name one that it describes, such as results/claims.md"
        )
    if as_json:
        links = list(audit.walk(path, audit.recorded_digest(path)))
        print(json.dumps([link._asdict() for link in links], indent=1))
        broken = audit.nearest_break(links)
    else:
        lines, broken = audit.chain(path, full)
        print("\n".join(lines))
    if broken:
        remedy = f" (to mend it: snakemake -R {broken.record['rule']})" if broken.record else ""
        return f"first broken link: {broken.path} {broken.breaks[0]}{remedy}"
    if not as_json:
        print("every link holds")
    return None
