"""From records to the works that count, in two passes over the source; nothing is lost without being counted.

The first pass finds which works are in the field. The second keeps the records of these works and of the
works that cite them. What is kept is small enough to be deduplicated at once, and selected year by year.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from poles import tables
from poles.corpus.records import Tally, read_records
from poles.errors import StudyError
from poles.jobs import log

STEPS = {
    "read": "works",
    "with an id": "works",
    "in the field or citing it": "works",
    "distinct": "works",
    "year in the study": "works",
    "document type": "works",
    "not retracted": "works",
    "not paratext": "works",
    "not in the expansion corpus": "works",
    "in the field or citing a selected work": "works",
    "with a country": "works",
    "with a country and references": "works",
    "listed": "references",
    "listed once": "references",
    "not to the work itself": "references",
    "to a work of the field": "references",
    "to a selected work": "references",
}
"""Steps of the selection in their order, and what each counts. Works without a country or references stay."""

_LIGHT = (
    "work_id",
    "position",
    "year",
    "updated",
    "type",
    "is_retracted",
    "is_paratext",
    "is_xpac",
    "is_core",
)
"""Columns of kept records that are held of all years at once."""

_HEAVY = ("work_id", "position", "year", "type", "is_core", "n_authors", "authorships", "references")
"""Columns that are held of one year."""


def in_field(field: Mapping[str, Any] | None) -> pl.Expr:
    """Whether a record is in the field.

    Parameters
    ----------
    field : Mapping or None
        ``subfields``, numbers of OpenAlex subfields, or None; ``match``, ``primary`` (the subfield of the
        primary topic counts) or ``any`` (that of any topic). Without subfields every work is in the field.

    Returns
    -------
    pl.Expr
        Boolean, never null, over ``primary_subfield`` and ``topic_subfields`` of `tables.RECORDS`.

    Raises
    ------
    StudyError
        If ``match`` is neither.
    """
    if field is None or field["subfields"] is None:
        return pl.lit(True)
    subfields = pl.Series(field["subfields"], dtype=pl.Int32).implode()
    primary = pl.col("primary_subfield").is_in(subfields).fill_null(False)
    if field["match"] == "primary":
        return primary
    if field["match"] == "any":
        return primary | pl.col("topic_subfields").list.eval(pl.element().is_in(subfields)).list.any()
    raise StudyError(f"field.match: {field['match']!r}; primary or any is wanted")


def find_core(
    files: Sequence[str], field: Mapping[str, Any] | None, expected: Mapping[str, int] | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """First pass: which works are in the field, and how many records were read.

    Parameters
    ----------
    files : sequence of str
        Files of a shard.
    field : Mapping or None
        See `in_field`.
    expected : Mapping, optional
        Number of records by file, where the source states it.

    Returns
    -------
    core : pl.DataFrame
        `tables.CORE`: sorted, distinct.
    counts : pl.DataFrame
        `tables.COUNTS`, a null year for records without one.

    Raises
    ------
    StudyError
        If a file is not as `read_records` or `expected` want it.
    """
    columns = ("work_id", "year", "primary_subfield", "topic_subfields")
    ids = [pl.Series("work_id", [], pl.Int64)]
    identified: Counter[int | None] = Counter()
    nameless: Counter[int | None] = Counter()
    for file in files:
        tally = Tally()
        for chunk in read_records(file, 0, columns, tally=tally):
            ids.append(chunk.filter(in_field(field))["work_id"])
            identified.update(dict(chunk["year"].value_counts().iter_rows()))
        nameless += tally.without_id
        if expected and tally.rows != expected.get(file, tally.rows):
            raise StudyError(f"{file}: {tally.rows} records, but the manifest says {expected[file]}")
    core = pl.concat(ids).unique().sort().to_frame()
    years = sorted(identified.keys() | nameless.keys(), key=lambda year: (year is None, year))
    counts = pl.DataFrame(
        {
            "year": years,
            "read": [identified[year] + nameless[year] for year in years],
            "identified": [identified[year] for year in years],
        },
        schema=dict(tables.COUNTS.columns),
    )
    log.info("%d files: %d records, %d works of the field", len(files), counts["read"].sum(), len(core))
    return core, counts


def core_ids(files: Iterable[str | Path]) -> pl.Series:
    """Ids of the works of the field that any shard found: sorted, distinct int64."""
    return pl.concat(tables.read(file, tables.CORE)["work_id"] for file in files).unique().sort()


def _cites(core: pl.Series) -> pl.Expr:
    """Whether a record's references, whose nulls are dropped already, name a work of `core`."""
    return pl.col("references").list.eval(pl.element().is_in(core.implode())).list.any()


def read_works(
    files: Sequence[str], indices: Sequence[int], core: pl.Series, field: Mapping[str, Any] | None
) -> pl.DataFrame:
    """Second pass: the records of the works of the field, and of the works that cite them.

    Parameters
    ----------
    files : sequence of str
        Files of a shard.
    indices : sequence of int
        Place of each among all files of the source.
    core : pl.Series
        Ids of the works of the field in the whole source (`core_ids`).
    field : Mapping or None
        See `in_field`.

    Returns
    -------
    pl.DataFrame
        `tables.KEPT`, with every record of a work that some record puts into the field: which one counts is
        decided when all are at hand.
    """
    wanted = pl.col("work_id").is_in(core.implode()) | _cites(core)
    keep = None if field is None or field["subfields"] is None else wanted
    chunks = [pl.DataFrame(schema=dict(tables.KEPT.columns))]
    for file, index in zip(files, indices, strict=True):
        chunks += [
            chunk.with_columns(in_field(field).alias("is_core"))
            for chunk in read_records(file, index, keep=keep)
        ]
    kept = tables.conform(pl.concat(chunks), tables.KEPT)
    log.info("%d files: %d records kept, %d of the field", len(files), len(kept), kept["is_core"].sum())
    return kept


def countries_of(choice: str) -> pl.Expr:
    """Countries of a work: those of all its authorships.

    Parameters
    ----------
    choice : str
        Countries of one authorship. ``listed``: its ``countries``, or where there are none (records from
        before OpenAlex had them) those of its institutions; ``institutions``: those alone; ``union``: both.

    Returns
    -------
    pl.Expr
        Sorted, distinct codes, over ``authorships`` of `tables.RECORDS`.

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
    counts = pl.concat(tables.read(file, tables.COUNTS) for file in counts_files)
    return [
        counts.group_by("year").agg(
            pl.col(column).sum().alias("left"),
            pl.lit(None, pl.Int64).alias("left_core"),
            pl.lit(step).alias("step"),
        )
        for step, column in (("read", "read"), ("with an id", "identified"))
    ]


def _table(parts: Sequence[pl.DataFrame], years: Iterable[int]) -> pl.DataFrame:
    """`tables.LOSSES` of what the steps left; zero where a year is not mentioned."""
    left = pl.concat(part.select("year", "step", "left", "left_core") for part in parts)
    all_years = pl.concat([left["year"], pl.Series(years, dtype=tables.YEAR)]).unique().to_frame()
    steps = pl.DataFrame(list(STEPS.items()), ("step", "unit"), orient="row").with_row_index("order")
    core = pl.when(pl.col("order") >= 2).then(pl.col("left_core").fill_null(0))
    losses = all_years.join(steps, how="cross").join(left, on=["year", "step"], how="left", nulls_equal=True)
    return tables.conform(losses.with_columns(pl.col("left").fill_null(0), core), tables.LOSSES)


def _choose(
    kept: pl.DataFrame, years: Sequence[int], selection: Mapping[str, Any]
) -> tuple[pl.DataFrame, list[pl.DataFrame], pl.Series]:
    """Apply the steps that ask for neither authorships nor references.

    Returns
    -------
    chosen : pl.DataFrame
        Rows of `kept` that are left.
    parts : list of pl.DataFrame
        What each step left.
    field : pl.Series
        Ids of all works of the field, selected or not.
    """
    types = selection["types"]
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
    field = chosen.filter("is_core")["work_id"]
    if not len(field):
        raise StudyError(
            "field.subfields: no work is in the field; records from before 2024 carry no topics, and null "
            "takes every work"
        )
    for step, (predicate, key) in sound.items():
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


def _works_of(records: pl.DataFrame, field: pl.Series, selected: pl.Series, choice: str) -> pl.DataFrame:
    """Works of one year with their countries and references, and their references left at each step."""

    def within(ids: pl.Series) -> pl.Expr:
        return pl.col("references").list.eval(pl.element().is_in(ids.implode())).list.sum()

    return (
        records.with_columns(
            countries_of(choice).alias("countries"),
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
        )
        .filter(pl.col("is_core") | (pl.col("to a selected work") > 0))
    )


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
        `tables.KEPT` of every shard.
    counts_files : sequence of path
        `tables.COUNTS` of every shard.
    years : sequence of int
        Years of the study, in order and without gaps.
    selection : Mapping
        ``types`` (list of document types, or None for all); ``retracted``, ``paratext``, ``xpac`` (whether
        such works count); ``countries`` (see `countries_of`).
    save : callable
        Called with every year, in order, and its `tables.WORKS`, which may have no rows.

    Returns
    -------
    pl.DataFrame
        `tables.LOSSES`: for each year met in the source, a null year included, what each of `STEPS` leaves.

    Raises
    ------
    StudyError
        If no work of the field is left at some step.
    """
    scan = pl.scan_parquet(record_files)
    chosen, parts, field = _choose(scan.select(_LIGHT).collect(), years, selection)
    selected = chosen.filter("is_core")["work_id"]
    parts += _read(counts_files)
    for year in years:
        of_year = scan.filter(pl.col("year") == pl.lit(year, tables.YEAR)).select(_HEAVY)
        positions = chosen.filter(pl.col("year") == year).select("position")
        records = of_year.collect().join(positions, on="position", how="semi")
        works = _works_of(records, field, selected, selection["countries"])
        with_country = works.filter(pl.col("countries").list.len() > 0)
        parts.append(_left(works, "in the field or citing a selected work"))
        parts.append(_left(with_country, "with a country"))
        with_both = with_country.filter(pl.col("references").list.len() > 0)
        parts.append(_left(with_both, "with a country and references"))
        parts += [_left(works, step, step) for step, unit in STEPS.items() if unit == "references"]
        save(year, tables.conform(works, tables.WORKS))
    losses = _table(parts, years)
    total = dict(losses.group_by("step").agg(pl.col("left").sum()).iter_rows())
    log.info("left: %s", ", ".join(f"{step} {total[step]}" for step in STEPS))
    return losses
