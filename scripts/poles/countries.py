"""Countries as the study names and groups them: ISO 3166-1 codes, UN M49 regions, membership of the EU."""

import functools
from pathlib import Path

import polars as pl

TABLE = Path(__file__).with_suffix(".csv")
"""The reviewed list: the 249 entries of ISO 3166-1, and Kosovo as XK, which OpenAlex uses."""


@functools.cache
def load() -> pl.DataFrame:
    """Read the country reference table.

    Returns
    -------
    pl.DataFrame
        Sorted by code: ``code`` and ``code3`` (ISO 3166-1 alpha-2 and alpha-3; Kosovo, which ISO lacks, is
        XK and XKX), ``name`` (short, in everyday English), ``region`` and ``subregion`` (UN M49; null for
        Antarctica, which M49 puts in no region; Taiwan and Kosovo, which M49 does not list, stand with
        their neighbours), ``eu_from`` (year of accession to the European Union or its forerunners; null
        for countries that never joined) and ``eu_to`` (year of leaving; null for members).

    Notes
    -----
    No spelling stands for a null but the empty field: "NA" is Namibia.
    """
    return pl.read_csv(
        TABLE, null_values=[""], schema_overrides={"eu_from": pl.Int16, "eu_to": pl.Int16}, encoding="utf8"
    )


@functools.cache
def names() -> dict[str, str]:
    """Short English name of every country by its two-letter code."""
    frame = load()
    return dict(zip(frame["code"], frame["name"], strict=True))


def eu_members(year: int) -> set[str]:
    """Members of the European Union for most of a year.

    Parameters
    ----------
    year : int
        Calendar year. Members of 1958-1992 are those of the European Communities.

    Returns
    -------
    set of str
        Two-letter codes. The year of accession counts, the year of leaving does not: the United Kingdom
        left on 31 January 2020, and all accessions fell before 2 July.
    """
    joined = (pl.col("eu_from") <= year) & (pl.col("eu_to").is_null() | (pl.col("eu_to") > year))
    return set(load().filter(joined)["code"])
