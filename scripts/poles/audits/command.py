"""The command ``scripts/audit.py``: the chain of a result, what decided a claim, one link in all stages."""

import argparse
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from poles.errors import StudyError


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
    subject.add_argument("result", nargs="?", help="file below results/, or a copy of one")
    subject.add_argument("--all", action="store_true", help="every result of the study")
    subject.add_argument(
        "--code", metavar="RESULT", help="what has changed in the code since a result was made"
    )
    subject.add_argument("--claim", metavar="ID", help="id of a claim, such as poles_diverge_collaboration")
    subject.add_argument(
        "--link", nargs=3, metavar=("FROM", "TO", "YEAR"), help="two country codes and a year: US CN 2015"
    )
    parser.add_argument("--branch", metavar="VARIANT/NULL", help="with --claim: one branch alone")
    parser.add_argument("--full", action="store_true", help="list every file of the chain, every row")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--cold", action="store_true", help="read every file, know none from earlier audits")
    parser.add_argument(
        "--configfile",
        nargs="+",
        metavar="FILE",
        default=(),
        help="as for snakemake; that of the last run if left out",
    )
    parser.add_argument("--config", nargs="+", metavar="KEY=VALUE", default=(), help="as for snakemake")
    arguments = parser.parse_args()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal may know no ticks
    if arguments.branch and arguments.claim is None:
        parser.error("--branch: allowed with --claim only")
    try:
        if arguments.claim is not None:
            return _print_claim(arguments.claim, arguments.branch, arguments.full, arguments.json)
        if arguments.code is not None:
            _print_code(arguments.code, arguments.full, arguments.json)
            return None
        if arguments.link:
            _print_link(arguments.link, arguments.json)
            return None
        return _print_chain(arguments)
    except StudyError as error:
        return str(error)


def _show(words: str) -> None:
    """Print, as far as anybody reads: whoever takes the first lines alone still gets the exit status."""
    try:
        print(words, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python fails once more at its end


def _print_claim(name: str, branch: str | None, full: bool, as_json: bool) -> str | None:
    """Print what decided the verdicts on a claim; return the first thing that does not fit together."""
    from poles.audits import claim, text  # they take a second, and the chain does not need them

    traced = claim.evidence(name, branch)
    _show(json.dumps(text.finite(traced), indent=1) if as_json else claim.describe(traced, full))
    broken = claim.breaks(traced)
    return f"judged anew, this does not fit together: {broken[0]}" if broken else None


def _print_code(result: str, full: bool, as_json: bool) -> None:
    """Print which modules have changed since a result was made."""
    from poles.audits import chain, code

    folder, path = chain.locate(result)
    os.chdir(folder or Path())
    traced = code.trace(path)
    _show(json.dumps(traced, indent=1) if as_json else code.describe(traced, full))


def _print_link(named: Sequence[str], as_json: bool) -> None:
    """Print what every stage says of one link, named by two countries and a year."""
    from poles.audits import link, text  # they take a second, and the chain does not need them

    first, second, year = named
    if not (year.isascii() and year.isdecimal()):
        raise StudyError(f"--link: year {year!r}; allowed: a number such as 2015, after two country codes")
    traced = link.trace(first, second, int(year))
    _show(json.dumps(text.finite(traced), indent=1) if as_json else link.describe(traced))


def _print_chain(arguments: argparse.Namespace) -> str | None:
    """Print the chain of a result, or the audit of all; return the first broken link."""
    from poles.audits import chain  # a claim and a link do not need what it imports

    changes = chain.parse_changes(arguments.config)
    given = chain.Given(arguments.configfile, changes)
    if arguments.all:
        found = chain.trace_all(given, arguments.cold)
        words = chain.describe_all(found, arguments.full)
    else:
        folder, path = chain.locate(arguments.result)
        os.chdir(folder or Path())
        found = chain.trace(path, given, arguments.cold, alone=folder is None)
        words = chain.describe(found, arguments.full)
    _show(json.dumps(found.document(), indent=1) if arguments.json else words)
    return found.broken()
