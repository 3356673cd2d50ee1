"""Countries: ISO 3166-1 codes, English names, UN M49 regions, membership of the European Union."""

import functools
from pathlib import Path

import polars as pl

TABLE = Path(__file__).with_suffix(".csv")
"""Reviewed table of the 249 entries of ISO 3166-1, and Kosovo under XK, its code in OpenAlex."""


@functools.cache
def load() -> pl.DataFrame:
    """Read the country reference table.

    Returns
    -------
    pl.DataFrame
        Sorted by code.

        - ``code``, ``code3``: ISO 3166-1 alpha-2 and alpha-3. ISO does not list Kosovo, which is XK and XKX.
        - ``name``: short, in everyday English.
        - ``region``, ``subregion``: UN M49. Null for Antarctica, which has no region in M49. M49 does not
          list Taiwan and Kosovo, which have the regions of their neighbours.
        - ``eu_from``: year of accession to the European Union or its predecessors. Null if never a member.
        - ``eu_to``: year of leaving. Null for members.

    Notes
    -----
    Only the empty field is null; the text NA is Namibia.
    """
    return pl.read_csv(
        TABLE, null_values=[""], schema_overrides={"eu_from": pl.Int16, "eu_to": pl.Int16}, encoding="utf8"
    )


@functools.cache
def names() -> dict[str, str]:
    """Short English names of all countries by two-letter code."""
    frame = load()
    return dict(zip(frame["code"], frame["name"], strict=True))


def eu_members(year: int) -> set[str]:
    """Countries that were members of the European Union for most of a year.

    Parameters
    ----------
    year : int
        Calendar year. Members of 1958-1992 are those of the European Communities.

    Returns
    -------
    set of str
        Two-letter codes. The year of accession counts, because all accessions fell before 2 July. The year
        of leaving does not, because the United Kingdom left on 31 January 2020.
    """
    is_member = (pl.col("eu_from") <= year) & (pl.col("eu_to").is_null() | (pl.col("eu_to") > year))
    return set(load().filter(is_member)["code"])
