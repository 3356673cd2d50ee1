"""From records to the works that count, in two passes over the source; nothing is lost without being counted.

The first pass finds which works are in the field. The second keeps the records of these works and of the
works that cite them. What is kept is small enough to be deduplicated at once, and selected year by year.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from poles.corpus.tables import COUNTS, LOSSES, WORKS
from poles.errors import StudyError
from poles.study import tables
from poles.study.tables import YEAR

log = logging.getLogger(__name__)

STEPS = {
    "read": "works",
    "with an id": "works",
    "in the field or citing it": "works",
    "distinct": "works",
    "topic score": "works",
    "year in the study": "works",
    "document type": "works",
    "not retracted": "works",
    "not paratext": "works",
    "not in the expansion corpus": "works",
    "not above the cap on countries": "works",
    "in the field or citing a selected work": "works",
    "with a country": "works",
    "with a country and references": "works",
    "listed": "references",
    "listed once": "references",
    "not to the work itself": "references",
    "to a work of the field": "references",
    "to a selected work": "references",
    "between works with a country": "references",
}
"""Steps of the selection in their order, and what each counts.

The step ``topic score`` takes works out of the field, not out of the study: they still may cite it. Works
without a country or references stay. References left at the end are those that link countries.
"""
_LIGHT = (
    "work_id",
    "position",
    "year",
    "updated",
    "type",
    "is_retracted",
    "is_paratext",
    "is_xpac",
    "topic_score",
    "is_core",
)
"""Columns of kept records that are held of all years at once."""
_LOCATING = ("work_id", "position", "is_core", "topic_score", "authorships")
"""Columns that tell which works have a country."""
_HEAVY = (*_LOCATING, "year", "type", "n_authors", "references")
"""Columns that are held of one year."""


def countries_of(choice: str, merge: Mapping[str, str] | None = None) -> pl.Expr:
    """Countries of a work: those of all its authorships.

    Parameters
    ----------
    choice : str
        Countries of one authorship. ``listed``: its ``countries``, or where there are none (records from
        before OpenAlex had them) those of its institutions; ``institutions``: those alone; ``union``: both.
    merge : Mapping, optional
        Countries that count as another, ``{"HK": "CN"}``.

    Returns
    -------
    pl.Expr
        Sorted, distinct codes, over ``authorships`` of `RECORDS`.

    Raises
    ------
    StudyError
        If `choice` is none of these.
    """
    listed, institutions = (pl.element().struct.field(name) for name in ("countries", "institutions"))
    choices = {
        "listed": pl.when(listed.list.len() > 0).then(listed).otherwise(institutions),
        "institutions": institutions,
        "union": listed.list.concat(institutions),
    }
    if choice not in choices:
        raise StudyError(f"selection.countries: {choice!r}; one of {', '.join(choices)} is wanted")
    codes = choices[choice].list.explode(empty_as_null=False, keep_nulls=False)
    codes = codes.replace(dict(merge)) if merge else codes
    return pl.col("authorships").list.eval(codes).list.unique().list.sort()


def _left(works: pl.DataFrame, step: str, number: str | None = None) -> pl.DataFrame:
    """Rows, or the sum of a number over them, that a step leaves in every year; and of which in the field."""
    count = pl.lit(1) if number is None else pl.col(number)
    return (
        works.select("year", "is_core", count.cast(pl.Int64).alias("count"))
        .group_by("year")
        .agg(pl.col("count").sum().alias("left"), pl.col("count").filter("is_core").sum().alias("left_core"))
        .with_columns(pl.lit(step).alias("step"))
    )


def _read(counts_files: Iterable[str | Path]) -> list[pl.DataFrame]:
    """What the first two steps leave: records read, and those with an id."""
    counts = pl.concat(tables.read(file, COUNTS) for file in counts_files)
    return [
        counts.group_by("year").agg(
            pl.col(column).sum().alias("left"),
            pl.lit(None, pl.Int64).alias("left_core"),
            pl.lit(step).alias("step"),
        )
        for step, column in (("read", "read"), ("with an id", "identified"))
    ]


def _table(parts: Sequence[pl.DataFrame], years: Iterable[int]) -> pl.DataFrame:
    """`LOSSES` of what the steps left; zero where a year is not mentioned."""
    left = pl.concat(part.select("year", "step", "left", "left_core") for part in parts)
    all_years = pl.concat([left["year"], pl.Series(years, dtype=YEAR)]).unique().to_frame()
    steps = pl.DataFrame(list(STEPS.items()), ("step", "unit"), orient="row").with_row_index("order")
    core = pl.when(pl.col("order") >= 2).then(pl.col("left_core").fill_null(0))
    losses = all_years.join(steps, how="cross").join(left, on=["year", "step"], how="left", nulls_equal=True)
    return tables.conform(losses.with_columns(pl.col("left").fill_null(0), core), LOSSES)


def _warn_of_types(kept: pl.DataFrame, of_years: pl.DataFrame, types: Sequence[str]) -> None:
    """Say which document types of the config no record has, and what a list from before 2026 would lose."""
    present = set(kept["type"].unique().drop_nulls())
    if absent := [name for name in types if name not in present]:
        log.warning(
            "selection.types: no record has the type %s; the types are %s",
            ", ".join(absent), ", ".join(sorted(present)) or "not given",
        )  # fmt: skip
    if "article" in types and "conference-paper" not in types:
        moved = of_years.filter(pl.col("is_core") & (pl.col("type") == "conference-paper"))
        by_year = moved["year"].value_counts().sort("year").rows()
        if by_year:
            log.warning(
                "selection.types has article, but not conference-paper, to which OpenAlex moves proceedings "
                "papers; works of the field lost to it by year: %s",
                ", ".join(f"{year} {count}" for year, count in by_year),
            )  # fmt: skip


def _stays_core(least: float | None) -> pl.Expr:
    """Whether a record is in the field, and the score of its primary topic, if it has one, not too low."""
    enough = pl.lit(True) if least is None else (pl.col("topic_score") >= least).fill_null(True)
    return pl.col("is_core") & enough


def _choose(
    kept: pl.DataFrame, years: Sequence[int], selection: Mapping[str, Any]
) -> tuple[pl.DataFrame, list[pl.DataFrame], pl.Series]:
    """Apply the steps that ask for neither authorships nor references.

    Returns
    -------
    chosen : pl.DataFrame
        Rows of `kept` that are left; ``is_core`` is false for those that have left the field.
    parts : list of pl.DataFrame
        What each step left.
    field : pl.Series
        Ids of all works of the field, selected or not.
    """
    types, least = selection["types"], selection["min_topic_score"]
    sound = {
        "year in the study": (pl.col("year").is_between(years[0], years[-1]), "years"),
        "document type": (pl.lit(True) if types is None else pl.col("type").is_in(types), "selection.types"),
        "not retracted": (pl.lit(selection["retracted"]) | ~pl.col("is_retracted"), "selection.retracted"),
        "not paratext": (pl.lit(selection["paratext"]) | ~pl.col("is_paratext"), "selection.paratext"),
        "not in the expansion corpus": (pl.lit(selection["xpac"]) | ~pl.col("is_xpac"), "selection.xpac"),
    }
    latest = kept.sort("work_id", "updated", "position", descending=[False, True, False], nulls_last=True)
    chosen = latest.unique("work_id", keep="first", maintain_order=True)
    parts = [_left(kept, "in the field or citing it"), _left(chosen, "distinct")]
    if not chosen["is_core"].any():
        raise StudyError(
            "field.subfields: no work is in the field; records from before 2024 carry no topics, and null "
            "takes every work"
        )
    scores = chosen.filter("is_core")["topic_score"]
    if least is not None and scores.null_count():
        log.warning(
            "selection.min_topic_score: works of the field without a score, which stay: %d",
            scores.null_count(),
        )
    chosen = chosen.with_columns(_stays_core(least))
    parts.append(_left(chosen, "topic score"))
    field = chosen.filter("is_core")["work_id"]
    if not len(field):
        raise StudyError(
            f"selection.min_topic_score: no work of the field is left; the highest score was {scores.max()}"
        )
    for step, (predicate, key) in sound.items():
        if step == "document type" and types is not None:
            _warn_of_types(kept, chosen, types)
        before = chosen.filter("is_core")
        chosen = chosen.filter(predicate)
        parts.append(_left(chosen, step))
        if not chosen["is_core"].any():
            raise StudyError(
                f"{key}: no work of the field is left after the step '{step}'; before it the years were "
                f"{before['year'].min()}-{before['year'].max()} and the types "
                f"{', '.join(sorted(before['type'].drop_nulls().unique()))}"
            )
    log.info("%d records kept, %d works, %d of them chosen", len(kept), parts[1]["left"].sum(), len(chosen))
    return chosen, parts, field


def _records_of(
    scan: pl.LazyFrame, chosen: pl.DataFrame, year: int, columns: Sequence[str], selection: Mapping[str, Any]
) -> pl.DataFrame:
    """Columns of the chosen records of one year, whether they are in the field, and their countries."""
    of_year = scan.filter(pl.col("year") == pl.lit(year, YEAR)).select(columns).collect()
    records = of_year.join(chosen.filter(pl.col("year") == year), on="position", how="semi")
    countries = countries_of(selection["countries"], selection["merge"])
    return records.with_columns(_stays_core(selection["min_topic_score"]), countries.alias("countries"))


def _below_cap(selection: Mapping[str, Any]) -> pl.Expr:
    """Whether a work has no more countries than count."""
    cap = selection["max_countries"]
    return pl.lit(True) if cap is None else pl.col("countries").list.len() <= cap


def _select_core(
    scan: pl.LazyFrame, chosen: pl.DataFrame, years: Sequence[int], selection: Mapping[str, Any]
) -> tuple[pl.Series, pl.Series]:
    """Ids of the works of the field that are selected, and of those of them that have a country."""
    core = chosen.filter("is_core")
    parts = [
        _records_of(scan, core, year, _LOCATING, selection)
        .filter(_below_cap(selection))
        .select("work_id", located=pl.col("countries").list.len() > 0)
        for year in years
    ]
    selected = pl.concat(parts)
    if not len(selected):
        cap = selection["max_countries"]
        raise StudyError(f"selection.max_countries: every work of the field has more than {cap} countries")
    return selected["work_id"], selected.filter("located")["work_id"]


def _works_of(
    records: pl.DataFrame, field: pl.Series, selected: pl.Series, located: pl.Series
) -> pl.DataFrame:
    """Works of one year that are in the field or cite it, and their references left at each step."""

    def within(ids: pl.Series) -> pl.Expr:
        return pl.col("references").list.eval(pl.element().is_in(ids.implode())).list.sum()

    return (
        records.with_columns(
            pl.col("references").list.len().alias("listed"),
            pl.col("references").list.unique(),
        )
        .with_columns(
            pl.col("references").list.len().alias("listed once"),
            pl.col("references").list.set_difference(pl.concat_list("work_id")).list.sort(),
        )
        .with_columns(
            pl.col("references").list.len().alias("not to the work itself"),
            within(field).alias("to a work of the field"),
            within(selected).alias("to a selected work"),
            pl.when(pl.col("countries").list.len() > 0)
            .then(within(located))
            .otherwise(0)
            .alias("between works with a country"),
        )
        .filter(pl.col("is_core") | (pl.col("to a selected work") > 0))
    )


def _warn_of_losses(losses: pl.DataFrame) -> None:
    """Say which steps drop more than half of the field's works, all years together."""
    works = losses.filter((pl.col("unit") == "works") & pl.col("left_core").is_not_null())
    totals = works.group_by("order", "step").agg(pl.col("left_core").sum()).sort("order")
    for (_, _, before), (_, step, left) in pairwise(totals.rows()):
        if 2 * left < before:
            log.warning("the step '%s' drops %d of %d works of the field", step, before - left, before)


def select_works(
    record_files: Sequence[str | Path],
    counts_files: Sequence[str | Path],
    years: Sequence[int],
    selection: Mapping[str, Any],
    save: Callable[[int, pl.DataFrame], Any],
) -> pl.DataFrame:
    """Deduplicate and select the works of every year.

    Of several records of a work the one updated last counts, and of those the first in the source. A work
    outside the field counts if it cites a selected work of the field. Few columns are held of all years at
    once, the others of one year.

    Parameters
    ----------
    record_files : sequence of path
        `KEPT` of every shard.
    counts_files : sequence of path
        `COUNTS` of every shard.
    years : sequence of int
        Years of the study, in order and without gaps.
    selection : Mapping
        ``types`` (list of document types, or None for all); ``retracted``, ``paratext``, ``xpac`` (whether
        such works count); ``countries`` and ``merge`` (see `countries_of`); ``max_countries`` (works with
        more do not count; None: no cap); ``min_topic_score`` (works of the field whose primary topic has a
        lower score count as works outside it, those without a score stay in it; None: no minimum).
    save : callable
        Called with every year, in order, and its `WORKS`, which may have no rows.

    Returns
    -------
    pl.DataFrame
        `LOSSES`: for each year met in the source, a null year included, what each of `STEPS` leaves.

    Raises
    ------
    StudyError
        If no work of the field is left at some step.

    Notes
    -----
    All records of a work are at hand, and the last one decides, if some record puts it into the field. Of a
    work that no record puts there only the records that cite the field are; so in a source that holds several
    records of a work, such as two releases mixed, an older record counts whose references to the field a
    newer one has lost.
    """
    scan = pl.scan_parquet(record_files)
    chosen, parts, field = _choose(scan.select(_LIGHT).collect(), years, selection)
    selected, located = _select_core(scan, chosen, years, selection)
    parts += _read(counts_files)
    for year in years:
        records = _records_of(scan, chosen, year, _HEAVY, selection).filter(_below_cap(selection))
        works = _works_of(records, field, selected, located)
        with_country = works.filter(pl.col("countries").list.len() > 0)
        with_both = with_country.filter(pl.col("references").list.len() > 0)
        parts.append(_left(records, "not above the cap on countries"))
        parts.append(_left(works, "in the field or citing a selected work"))
        parts.append(_left(with_country, "with a country"))
        parts.append(_left(with_both, "with a country and references"))
        parts += [_left(works, step, step) for step, unit in STEPS.items() if unit == "references"]
        save(year, tables.conform(works, WORKS))
    losses = _table(parts, years)
    _warn_of_losses(losses)
    total = dict(losses.group_by("step").agg(pl.col("left").sum()).iter_rows())
    log.info("left: %s", ", ".join(f"{step} {total[step]}" for step in STEPS))
    return losses
