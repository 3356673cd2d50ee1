"""The selection of the works that count, from the records that the second pass kept.

The kept records are few enough to be deduplicated together; the works are then selected year by year. A table
of losses counts what every step leaves.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from poles import countries
from poles.corpus.field import cites, in_field
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
    "most cited": "works",
    "in the field or citing a selected work": "works",
    "with a country": "works",
    "with a country and references": "works",
    "with complete lists": "works",
    "listed": "references",
    "listed once": "references",
    "not to the work itself": "references",
    "to a work of the field": "references",
    "to a selected work": "references",
    "between works with a country": "references",
}
"""Steps of the selection, in order, and the unit that each one counts.

The steps ``topic score`` and ``most cited`` remove works from the field but not from the study, because they
may still cite the field. Works without a country or without references stay, and so do works that state more
authors, countries or references than their record holds. The references left at the end link countries.
"""
_DECIDING_COLUMNS = (
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
"""Columns of the kept records that are held in memory for all years together."""
_COUNTRY_COLUMNS = ("work_id", "position", "is_core", "topic_score", "authorships")
"""Columns of one year that tell which works have a country."""
_WORK_COLUMNS = (*_COUNTRY_COLUMNS, "year", "type", "n_authors", "references", "is_incomplete")
"""Columns of one year that its works are made from."""


def countries_of(
    choice: str,
    merge: Mapping[str, str] | None = None,
    authors: str = "all",
    types: Sequence[str] | None = None,
) -> pl.Expr:
    """Countries of a work, from its authorships.

    Parameters
    ----------
    choice : str
        Which countries of an authorship count. ``listed``: its ``countries``, or the countries of its
        institutions where it has none, as in older records; ``institutions``: the countries of its
        institutions; ``union``: both.
    merge : Mapping, optional
        Countries that count as another one, ``{"HK": "CN"}``.
    authors : str
        Which authorships count: ``all``, the ``first`` or the ``last`` one of the list, which OpenAlex gives
        in the order of the authors. The only author of a work is both.
    types : sequence of str, optional
        Types of institutions. If given, the countries are those of the institutions of these types, whatever
        `choice` says, as OpenAlex does not say which institution a listed country comes from.

    Returns
    -------
    pl.Expr
        Sorted, distinct codes, over ``authorships`` of `RECORDS`.

    Raises
    ------
    StudyError
        If `choice` or `authors` has another value.
    """
    counted = {
        "all": pl.col("authorships"),
        "first": pl.col("authorships").list.head(1),
        "last": pl.col("authorships").list.tail(1),
    }
    if authors not in counted:
        raise StudyError(f"selection.authors: {authors!r} is unknown; use one of {', '.join(counted)}")
    listed, institutions = (pl.element().struct.field(name) for name in ("countries", "institutions"))
    choices = {
        "listed": pl.when(listed.list.len() > 0).then(listed).otherwise(institutions),
        "institutions": institutions,
        "union": listed.list.concat(institutions),
    }
    if choice not in choices:
        raise StudyError(f"selection.countries: {choice!r} is unknown; use one of {', '.join(choices)}")
    codes = choices[choice].list.explode(empty_as_null=False, keep_nulls=False)
    if types is not None:
        of_types = pl.element().struct.field("types").list.explode(empty_as_null=False).is_in(list(types))
        codes = institutions.list.explode(empty_as_null=False).filter(of_types)
    codes = codes.replace(dict(merge)) if merge else codes
    return counted[authors].list.eval(codes).list.unique().list.sort()


def _left(works: pl.DataFrame, step: str, column: str | None = None) -> pl.DataFrame:
    """Count the works that a step leaves in every year, or sum a column; also for the field alone."""
    count = pl.lit(1) if column is None else pl.col(column)
    return (
        works.select("year", "is_core", count.cast(pl.Int64).alias("count"))
        .group_by("year")
        .agg(pl.col("count").sum().alias("left"), pl.col("count").filter("is_core").sum().alias("left_core"))
        .with_columns(pl.lit(step).alias("step"))
    )


def _read(counts_files: Iterable[str | Path]) -> list[pl.DataFrame]:
    """Count what the first two steps leave: the records read, and those with an id."""
    records = pl.concat(tables.read(file, COUNTS) for file in counts_files)
    stated, read = records.select(pl.col("stated").max(), pl.col("read").sum()).row(0)
    if stated is not None and stated > read:
        log.warning(
            "a page of the API states that its list has %d works, but all files together have %d records; "
            "fetch the other pages, too",
            stated, read,
        )  # fmt: skip
    return [
        records.group_by("year").agg(
            pl.col(column).sum().alias("left"),
            pl.lit(None, pl.Int64).alias("left_core"),
            pl.lit(step).alias("step"),
        )
        for step, column in (("read", "read"), ("with an id", "with_id"))
    ]


def _table(counts: Sequence[pl.DataFrame], years: Iterable[int]) -> pl.DataFrame:
    """Make the table `LOSSES` from the counts of the steps; a count is zero where a step lacks a year."""
    left = pl.concat(part.select("year", "step", "left", "left_core") for part in counts)
    all_years = pl.concat([left["year"], pl.Series(years, dtype=YEAR)]).unique().to_frame()
    steps = pl.DataFrame(list(STEPS.items()), ("step", "unit"), orient="row").with_row_index("order")
    core = pl.when(pl.col("order") >= 2).then(pl.col("left_core").fill_null(0))
    losses = all_years.join(steps, how="cross").join(left, on=["year", "step"], how="left", nulls_equal=True)
    return tables.conform(losses.with_columns(pl.col("left").fill_null(0), core), LOSSES)


def _warn_of_types(kept: pl.DataFrame, of_years: pl.DataFrame, types: Sequence[str]) -> None:
    """Warn of document types that no record has, and of conference papers that are left out."""
    present = set(kept["type"].unique().drop_nulls())
    if absent := [name for name in types if name not in present]:
        log.warning(
            "selection.types: no record has the type %s; the types of the records are: %s",
            ", ".join(absent), ", ".join(sorted(present)) or "none",
        )  # fmt: skip
    if "article" in types and "conference-paper" not in types:
        dropped = of_years.filter(pl.col("is_core") & (pl.col("type") == "conference-paper"))
        by_year = dropped["year"].value_counts().sort("year").rows()
        if by_year:
            log.warning(
                "selection.types has article but not conference-paper, the type that OpenAlex gives to "
                "papers in proceedings; works of the field that this drops, by year: %s",
                ", ".join(f"{year} {count}" for year, count in by_year),
            )  # fmt: skip


def _stays_core(least: float | None) -> pl.Expr:
    """Whether a record is in the field and the score of its primary topic, if it has one, is high enough."""
    enough = pl.lit(True) if least is None else (pl.col("topic_score") >= least).fill_null(True)
    return pl.col("is_core") & enough


def _of_field(scan: pl.LazyFrame) -> pl.DataFrame:
    """Positions of the kept records that the second pass would keep for the field of ``is_core`` alone."""
    core = scan.filter("is_core").select("work_id").unique().collect()["work_id"]
    return scan.filter(pl.col("work_id").is_in(core.implode()) | cites(core)).select("position").collect()


def _choose(
    kept: pl.DataFrame, years: Sequence[int], selection: Mapping[str, Any]
) -> tuple[pl.DataFrame, list[pl.DataFrame], pl.Series]:
    """Apply the steps that need neither authorships nor references.

    Returns
    -------
    chosen : pl.DataFrame
        Rows of `kept` that are left; ``is_core`` is false for works that the step ``topic score`` removed
        from the field.
    counts : list of pl.DataFrame
        Counts of what each step left.
    field : pl.Series
        Ids of all works of the field, selected or not.
    """
    types, least = selection["types"], selection["min_topic_score"]
    conditions = {
        "year in the study": (pl.col("year").is_between(years[0], years[-1]), "years"),
        "document type": (pl.lit(True) if types is None else pl.col("type").is_in(types), "selection.types"),
        "not retracted": (pl.lit(selection["retracted"]) | ~pl.col("is_retracted"), "selection.retracted"),
        "not paratext": (pl.lit(selection["paratext"]) | ~pl.col("is_paratext"), "selection.paratext"),
        "not in the expansion corpus": (pl.lit(selection["xpac"]) | ~pl.col("is_xpac"), "selection.xpac"),
    }
    latest = kept.sort("work_id", "updated", "position", descending=[False, True, False], nulls_last=True)
    chosen = latest.unique("work_id", keep="first", maintain_order=True)
    works = len(chosen)
    counts = [_left(kept, "in the field or citing it"), _left(chosen, "distinct")]
    if not chosen["is_core"].any():
        raise StudyError(
            "field.subfields: no work is in the field; name other subfields, or null for every work if the "
            "records are from before 2024 and have no topics"
        )
    scores = chosen.filter("is_core")["topic_score"]
    if least is not None and scores.null_count():
        log.warning(
            "selection.min_topic_score: %d works of the field have no score; they stay in the field",
            scores.null_count(),
        )
    chosen = chosen.with_columns(_stays_core(least))
    counts.append(_left(chosen, "topic score"))
    field = chosen.filter("is_core")["work_id"]
    if not len(field):
        highest = max(scores.to_list())
        raise StudyError(
            f"selection.min_topic_score: no work of the field reaches {least}; the highest score is {highest}"
        )
    for step, (predicate, key) in conditions.items():
        if step == "document type" and types is not None:
            _warn_of_types(kept, chosen, types)
        before = chosen.filter("is_core")
        chosen = chosen.filter(predicate)
        counts.append(_left(chosen, step))
        if not chosen["is_core"].any():
            years_before = sorted(before["year"].drop_nulls().unique()) or ["none"]
            types_before = ", ".join(sorted(before["type"].drop_nulls().unique()))
            raise StudyError(
                f"{key}: no work of the field is left after the step '{step}'; before it the years were "
                f"{years_before[0]}-{years_before[-1]} and the types {types_before}"
            )
    log.info("%d records kept, %d works, %d of them chosen", len(kept), works, len(chosen))
    return chosen, counts, field


def _records_of(
    scan: pl.LazyFrame, chosen: pl.DataFrame, year: int, columns: Sequence[str], selection: Mapping[str, Any]
) -> pl.DataFrame:
    """Read columns of the chosen records of one year, and add ``is_core`` and ``countries``."""
    of_year = scan.filter(pl.col("year") == pl.lit(year, YEAR)).select(columns).collect()
    records = of_year.join(chosen.filter(pl.col("year") == year), on="position", how="semi")
    codes = countries_of(*(selection[key] for key in ("countries", "merge", "authors", "institution_types")))
    return records.with_columns(_stays_core(selection["min_topic_score"]), codes.alias("countries"))


def _below_cap(selection: Mapping[str, Any]) -> pl.Expr:
    """Whether a work has no more countries than `max_countries` allows."""
    cap = selection["max_countries"]
    return pl.lit(True) if cap is None else pl.col("countries").list.len() <= cap


def _most_cited(
    scan: pl.LazyFrame, chosen: pl.DataFrame, years: Sequence[int], selection: Mapping[str, Any]
) -> pl.Series | None:
    """Return the ids of the most cited works of the field in each year; None if all works count.

    Citations of a work are the other works that are left, of the field or not, and that have it among their
    references. A work counts if it has any, and if less than the share `most_cited` of the works of the field
    in its year have more. So works with as many citations as the last one all count.
    """
    share = selection["most_cited"]
    if share is None:
        return None
    core = chosen.filter("is_core")["work_id"].implode()
    works, citations = [], []
    for year in years:
        records = _records_of(scan, chosen, year, (*_COUNTRY_COLUMNS, "references"), selection)
        records = records.filter(_below_cap(selection))
        works.append(records.filter("is_core").select("work_id", pl.lit(year, YEAR).alias("year")))
        others = pl.col("references").list.unique().list.set_difference(pl.concat_list("work_id"))
        cited = records.select(others.alias("work_id")).explode("work_id").drop_nulls()
        citations.append(cited.filter(pl.col("work_id").is_in(core)).group_by("work_id").len("citations"))
    total = pl.concat(citations).group_by("work_id").agg(pl.col("citations").sum())
    field = (
        pl.concat(works).join(total, on="work_id", how="left").with_columns(pl.col("citations").fill_null(0))
    )
    before = pl.col("citations").rank("min", descending=True).over("year") - 1
    # A quotient of whole numbers is rounded as the share was when it was read, so ends are exact.
    top = field.filter(pl.col("citations") > 0, before / pl.len().over("year") < share)
    if len(field) and not len(top):
        raise StudyError(
            "selection.most_cited: no work of the field is cited by a work of the source; allowed: null, or "
            "else a source whose records have references"
        )
    log.info("%d of %d works of the field are among the most cited of their year", len(top), len(field))
    return top["work_id"].sort()


def _stays_cited(most_cited: pl.Series | None) -> pl.Expr:
    """Whether a work is in the field and among the most cited ones, if only these count."""
    among = pl.lit(True) if most_cited is None else pl.col("work_id").is_in(most_cited.implode())
    return pl.col("is_core") & among


def _check_institutions(present: Sequence[str], types: Sequence[str], located: int) -> None:
    """Refuse types of institutions that leave no country; warn of those that no institution has."""
    known = f"the types of institutions of the field are: {', '.join(present) or 'none'}"
    if not located:
        raise StudyError(
            f"selection.institution_types: {', '.join(types)} leaves no work of the field with a country; "
            f"{known}"
        )
    if absent := [name for name in types if name not in present]:
        log.warning(
            "selection.institution_types: no institution has the type %s; %s", ", ".join(absent), known
        )


def _select_core(
    scan: pl.LazyFrame, chosen: pl.DataFrame, years: Sequence[int], selection: Mapping[str, Any]
) -> tuple[pl.Series, pl.Series]:
    """Return the ids of the selected works of the field, and the ids of those among them with a country."""
    core = chosen.filter("is_core")
    by_year: list[pl.DataFrame] = []
    present: set[str] = set()
    for year in years:
        records = _records_of(scan, core, year, _COUNTRY_COLUMNS, selection).filter(_below_cap(selection))
        by_year.append(records.select("work_id", located=pl.col("countries").list.len() > 0))
        if selection["institution_types"] is not None:
            of_works = pl.col("authorships").explode().struct.field("types").explode()
            present |= set(records.select(of_works).to_series().drop_nulls())
    selected = pl.concat(by_year)
    if not len(selected):
        cap = selection["max_countries"]
        raise StudyError(
            f"selection.max_countries: every work of the field has more than {cap} countries; raise it"
        )
    located = selected.filter("located")["work_id"]
    if selection["institution_types"] is not None:
        _check_institutions(sorted(present), selection["institution_types"], len(located))
    return selected["work_id"], located


def _works_of(
    records: pl.DataFrame, field: pl.Series, selected: pl.Series, located: pl.Series
) -> pl.DataFrame:
    """Select the works of one year that are in the field or cite it; count their references at each step."""

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


def _foreign_codes(works: pl.DataFrame) -> pl.DataFrame:
    """Count the works of each code that ISO 3166-1 does not have: code, works."""
    codes = works.select(pl.col("countries").explode().alias("code")).drop_nulls()
    foreign = codes.filter(~pl.col("code").is_in(list(countries.names())))
    return foreign.group_by("code").agg(pl.len().cast(pl.Int64).alias("works"))


def _warn_of_codes(counts: Iterable[pl.DataFrame]) -> None:
    """Warn of codes that ISO 3166-1 does not have, from their counts by year."""
    total = (
        pl.concat(counts).group_by("code").agg(pl.col("works").sum()).sort("works", "code", descending=True)
    )
    if not len(total):
        return
    parts = [
        f"{code[:20]} in {works}{f' ({advice})' if (advice := countries.advice(code)) else ''}"
        for code, works in total.head(10).rows()
    ]
    log.warning(
        "works have countries that ISO 3166-1 does not have; each counts as a country of its own unless "
        "selection.merge maps it, {UK: GB}; works by code: %s%s",
        ", ".join(parts), f" and {len(total) - 10} more codes" if len(total) > 10 else "",
    )  # fmt: skip


def _warn_of_incomplete(works: pl.DataFrame) -> None:
    """Warn of works that state more authors, countries or references than their record holds."""
    if len(works):
        log.warning(
            "%d works, %d of them of the field, state more authors, countries or references than their "
            "records hold, so links may be missing; lists of works from the API cut off authors: fetch these "
            "works one by one; the first are %s",
            len(works), works["is_core"].sum(), ", ".join(f"W{work}" for work in works["work_id"].head(5)),
        )  # fmt: skip


def _warn_of_losses(losses: pl.DataFrame) -> None:
    """Warn of steps that drop more than half of the works of the field, over all years."""
    works = losses.filter((pl.col("unit") == "works") & pl.col("left_core").is_not_null())
    totals = works.group_by("order", "step").agg(pl.col("left_core").sum()).sort("order")
    for (_, _, before), (_, step, left) in pairwise(totals.rows()):
        if 2 * left < before and step != "most cited":  # which drops the share that was asked for
            log.warning("the step '%s' drops %d of %d works of the field", step, before - left, before)


def select_works(
    record_files: Sequence[str | Path],
    counts_files: Sequence[str | Path],
    years: Sequence[int],
    selection: Mapping[str, Any],
    save: Callable[[int, pl.DataFrame], Any],
    field: Mapping[str, Any] | None = None,
) -> pl.DataFrame:
    """Deduplicate and select the works of every year.

    If a work has several records, the one updated last counts; among equals, the first one in the source. A
    work outside the field counts if it cites a selected work of the field. To save memory, few columns are
    held for all years together, and the others for one year at a time.

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
        such works count); ``countries``, ``merge``, ``authors`` and ``institution_types`` (see
        `countries_of`); ``max_countries`` (works with more countries do not count; None: no cap);
        ``min_topic_score`` (a work of the field counts as outside if its primary topic has a lower score;
        without a score it stays in the field; None: no minimum); ``most_cited`` (share of the works of the
        field of a year that count, those cited most, see `_most_cited`; the others count as outside; None:
        all).
    save : callable
        Called for every year, in order, with the year and its `WORKS`, which may have no rows.
    field : Mapping, optional
        Field within the one that was read, see `poles.corpus.field.in_field`. Works are then selected as if
        this field had been read. By default, the field is the one that was read.

    Returns
    -------
    pl.DataFrame
        `LOSSES`: what each of `STEPS` leaves in each year that occurs in the source; the year is null for
        works without one.

    Raises
    ------
    StudyError
        If a step leaves no work of the field.

    Notes
    -----
    The second pass keeps all records of a work if one of them is in the field; then the latest record
    decides. If none is in the field, it keeps only those records that cite the field. So if a source holds
    several records of such a work, for instance from two releases, an older record counts where the newest
    one no longer cites the field.
    """
    scan = pl.scan_parquet([Path(file) for file in record_files])
    if field is not None:
        scan = scan.with_columns(in_field(field).alias("is_core"))
    kept = scan.select(_DECIDING_COLUMNS).collect()
    if field is not None:
        kept = kept.join(_of_field(scan), on="position", how="semi")
    chosen, counts, of_field = _choose(kept, years, selection)
    most_cited = _most_cited(scan, chosen, years, selection)
    selected, located = _select_core(scan, chosen.with_columns(_stays_cited(most_cited)), years, selection)
    counts += _read(counts_files)
    foreign, incomplete = [], []
    for year in years:
        records = _records_of(scan, chosen, year, _WORK_COLUMNS, selection).filter(_below_cap(selection))
        left = records.with_columns(_stays_cited(most_cited))
        works = _works_of(left, of_field, selected, located)
        with_country = works.filter(pl.col("countries").list.len() > 0)
        with_references = with_country.filter(pl.col("references").list.len() > 0)
        complete = with_references.filter(~pl.col("is_incomplete"))
        foreign.append(_foreign_codes(works))
        incomplete.append(works.filter("is_incomplete").select("work_id", "is_core"))
        counts.append(_left(records, "not above the cap on countries"))
        counts.append(_left(left, "most cited"))
        counts.append(_left(works, "in the field or citing a selected work"))
        counts.append(_left(with_country, "with a country"))
        counts.append(_left(with_references, "with a country and references"))
        counts.append(_left(complete, "with complete lists"))
        counts += [_left(works, step, step) for step, unit in STEPS.items() if unit == "references"]
        save(year, tables.conform(works, WORKS))
    _warn_of_codes(foreign)
    _warn_of_incomplete(pl.concat(incomplete))
    losses = _table(counts, years)
    _warn_of_losses(losses)
    total = dict(losses.group_by("step").agg(pl.col("left").sum()).iter_rows())
    log.info("left: %s", ", ".join(f"{step} {total[step]}" for step in STEPS))
    return losses
