"""The end of a run in a few lines: verdicts, warnings, and where to look."""

from pathlib import Path

import polars as pl

from poles.claims import page
from poles.claims.judging import ALL
from poles.claims.tables import BASIS, CLAIMS
from poles.claims.verdicts import VERDICTS
from poles.errors import StudyError
from poles.study import tables
from poles.study.run_warnings import WARNINGS, read_warnings
from poles.study.timings import read_timings

TABLE = Path("results/claims.parquet")
PLACES = {
    "results/index.html": "what was found, with links to everything else",
    **{f"results/{place}": text for place, text in page.PLACES.items()},
    "results/figures": "the figures as files",
}
"""Where a reader may look, with what stands there."""
SHOWN = 10
"""Most warnings that the summary prints."""


def summarize() -> str:
    """Describe the results of the last run, in the folder in which the study worked.

    Returns
    -------
    str
        Lines of text: for each branch the number of claims with each verdict, the pairs of countries in the
        panel, warnings, the time of all jobs, and files to open.

    Raises
    ------
    StudyError
        If the study has not been run there.
    """
    if not TABLE.is_file():
        raise StudyError(f"{TABLE}: no such file; run the study in this folder first")
    judged = tables.read(TABLE, CLAIMS)
    parts = (_verdicts(judged), [""], _panels(judged), [""], _warnings(), _time(), _places())
    return "\n".join(line for lines in parts for line in lines)


def _verdicts(judged: pl.DataFrame) -> list[str]:
    """One line for each branch, the headline first: how many claims have each verdict."""
    lines = ["Claims, by branch (data, null model):"]
    branches = judged.filter(pl.col("null") != ALL).select("variant", "null").unique(maintain_order=True)
    for variant, null in branches.iter_rows():
        # A claim about several null models counts in each of their branches.
        own = judged.filter(pl.col("null").is_in([null, ALL]), variant=variant)
        counts = dict(own.group_by("verdict").len().iter_rows())
        numbers = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if verdict in counts)
        lines.append(f"  {variant}, {null}: {numbers}")
    return lines


def _panels(judged: pl.DataFrame) -> list[str]:
    """Number of pairs in the panel, and the rule that chose them; branches with equal panels share a line."""
    single = judged.filter(pl.col("null") != ALL).select("variant", "null").unique(maintain_order=True)
    basis = pl.concat(
        tables.read(f"results/{variant}/claims/{null}.basis.parquet", BASIS)
        for variant, null in single.iter_rows()
    )
    panels = basis.unique(["variant", "null"], maintain_order=True)
    counted = panels.group_by("pairs", "rule", maintain_order=True).len("branches").iter_rows()
    return [
        "Pairs of countries in the panel:",
        *(
            f"  {pairs} in {number} of {len(panels)} {'branch' if len(panels) == 1 else 'branches'}: {rule}"
            for pairs, rule, number in counted
        ),
    ]


def _warnings() -> list[str]:
    """The first warnings of the jobs; no line if there are none."""
    by_log = read_warnings()
    warnings = [f"  {log.removesuffix('.log')}: {text}" for log, texts in by_log.items() for text in texts]
    if not warnings:
        return []
    more = [f"  and {len(warnings) - SHOWN} more"] if len(warnings) > SHOWN else []
    return [f"Warnings ({WARNINGS} has all):", *warnings[:SHOWN], *more, ""]


def _time() -> list[str]:
    """One line with the CPU time of all jobs; none if it is not known."""
    try:
        timings = read_timings()
    except StudyError:
        return []
    jobs, cpu = timings["jobs"].sum(), timings["cpu"].sum()
    return [f"{jobs} jobs took {cpu:.0f} s of CPU; make timings lists them by rule.", ""]


def _places() -> list[str]:
    """Files that a reader may open next."""
    width = max(map(len, PLACES))
    known = {path: text for path, text in PLACES.items() if Path(path).exists()}
    return ["Where to look:", *(f"  {path:{width}}  {text}" for path, text in known.items())]
