"""Countries: ISO 3166-1 codes, English names, UN M49 regions, membership of the European Union.

Polars is imported where it is needed. The configuration is checked against these codes whenever
Snakemake reads the workflow, and that must be fast.
"""

from __future__ import annotations

import csv
import functools
import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

TABLE = Path(__file__).with_suffix(".csv")
"""Reviewed table of the 249 entries of ISO 3166-1, and Kosovo under XK, its code in OpenAlex."""
FOREIGN = TABLE.with_suffix(".foreign.csv")
"""Codes that ISO 3166-1 reserves or has withdrawn, codes of other lists, and codes of groups of countries."""
ALIASES = TABLE.with_suffix(".aliases.csv")
"""English names of countries beside those of `TABLE`."""


_WITH_ARTICLE = re.compile(
    "^(United|Isle|Netherlands$|Philippines$|Bahamas$|Gambia$|Maldives$|Comoros$)| "
    "(Islands|Republic|Territory|Territories)$"
)
"""Names that have an article in a sentence."""


@functools.cache
def load() -> pl.DataFrame:
    """Read the country reference table.

    Returns
    -------
    pl.DataFrame
        Sorted by code.

        - ``code``, ``code3``: ISO 3166-1 alpha-2 and alpha-3. ISO does not list Kosovo, which is XK and XKX.
        - ``numeric``: ISO 3166-1 numeric, by which files of shapes name countries; null for Kosovo.
        - ``name``: short, in everyday English.
        - ``region``, ``subregion``: UN M49. Null for Antarctica, which has no region in M49. M49 does not
          list Taiwan and Kosovo, which have the regions of their neighbours.
        - ``eu_from``: year of accession to the European Union or its predecessors. Null if never a member.
        - ``eu_to``: year of leaving. Null for members.

    Notes
    -----
    Only the empty field is null; the text NA is Namibia.
    """
    import polars as pl

    return pl.read_csv(
        TABLE,
        null_values=[""],
        schema_overrides=dict.fromkeys(("numeric", "eu_from", "eu_to"), pl.Int16),
        encoding="utf8",
    )


@functools.cache
def names() -> dict[str, str]:
    """Short English names of all countries by two-letter code."""
    return {row["code"]: row["name"] for row in _rows(TABLE)}


@functools.cache
def numeric() -> dict[int, str]:
    """Two-letter codes of all countries by ISO 3166-1 numeric code."""
    return {int(row["numeric"]): row["code"] for row in _rows(TABLE) if row["numeric"]}


def _rows(path: Path) -> list[dict[str, str]]:
    """Rows of a table of this module, all as text."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@functools.cache
def _foreign() -> dict[str, dict[str, str]]:
    """Rows of `FOREIGN` by code."""
    return {row["code"]: row for row in _rows(FOREIGN)}


def _words(name: str) -> frozenset[str]:
    """Words of a name that matter, in any order, without case and accents."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return frozenset(re.findall("[a-z]+", ascii_name.lower().replace("'", ""))) - {"the", "of", "and"}


@functools.cache
def _codes() -> dict[str | frozenset[str], str]:
    """Codes of countries by alpha-3 code, by foreign code, and by the words of a name."""
    rows = _rows(TABLE)
    return {
        **{row["code3"]: row["code"] for row in rows},
        **{code: row["country"] for code, row in _foreign().items() if row["country"]},
        **{_words(row["name"]): row["code"] for row in (*rows, *_rows(ALIASES))},
    }


def meant(text: str) -> str | None:
    """Guess the country that a text names which is no code of ISO 3166-1 alpha-2.

    Parameters
    ----------
    text : str
        A code in small letters, an alpha-3 code, a reserved, withdrawn or foreign code, or an English name.

    Returns
    -------
    str or None
        Two-letter code. None if the text names several countries or nothing known.
    """
    text = text.strip()
    if text.upper() in names():
        return text.upper()
    return _codes().get(text.upper()) or _codes().get(_words(text))


IN_DOUBT = ("Congo", "England", "Northern Ireland", "Scotland", "Wales")
"""Names of two countries, and aliases of countries that are only a part of them."""


@functools.cache
def _named() -> dict[str | frozenset[str], str]:
    """Codes of countries by alpha-3 code and by the words of a name, without names in doubt."""
    rows = _rows(TABLE)
    certain = [row for row in (*rows, *_rows(ALIASES)) if row["name"] not in IN_DOUBT]
    return {
        **{row["code3"]: row["code"] for row in rows},
        **{_words(row["name"]): row["code"] for row in certain},
    }


def named(text: str) -> str | None:
    """Two-letter code of a country that a text names without doubt.

    Parameters
    ----------
    text : str
        An alpha-3 code of ISO 3166-1, or an English name.

    Returns
    -------
    str or None
        None if the text names no country, a part of one, or several. Codes that ISO 3166-1 does not list are
        no names, see `meant`.
    """
    text = text.strip()
    return _named().get(text.upper()) or _named().get(_words(text))


def advice(text: str) -> str:
    """What to say about a text that is no code of ISO 3166-1 alpha-2.

    Parameters
    ----------
    text : str
        As in `meant`.

    Returns
    -------
    str
        A question such as ``did you mean GB?``, or what the code stands for, or the empty string.
    """
    if country := meant(text):
        return f"did you mean {country}?"
    code = text.strip().upper()
    if code in _foreign():
        return f"{code} is {_foreign()[code]['meaning']}"
    if re.fullmatch(r"(EU|EA|EFTA|G|OECD)[-_]?\d[\d_-]*", code):
        return f"{code} is a group of countries"
    return ""


def in_text(code: str) -> str:
    """Name of a country within a sentence, with an article where English has one: the United States."""
    name = names()[code]
    return f"the {name}" if _WITH_ARTICLE.search(name) else name


def region_of(code: str, year: int) -> str:
    """Region of a country: EU for members of the European Union in a year, else its subregion of UN M49."""
    row = next(row for row in _rows(TABLE) if row["code"] == code)
    member = row["eu_from"] and int(row["eu_from"]) <= year and (not row["eu_to"] or year < int(row["eu_to"]))
    return "EU" if member else row["subregion"] or row["name"]


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
    import polars as pl

    is_member = (pl.col("eu_from") <= year) & (pl.col("eu_to").is_null() | (pl.col("eu_to") > year))
    return set(load().filter(is_member)["code"])
