"""Records as lines of JSON, assembled from fragments of text.

A line is a list of fragments of text and of numbers. Texts that lines share stand in one table, so a line is
described by their places there. `poles.corpus.demo.joining` puts the lines together.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import orjson

from poles.corpus.demo.joining import join, numbers
from poles.corpus.demo.parquet_schema import SCHEMA
from poles.corpus.demo.records import (
    CONSTANT,
    POSITIONS,
    URL,
    Describer,
    Rows,
)
from poles.corpus.demo.works import BASE, PARATEXT, TYPES

VARIABLE = [key for key in SCHEMA.names if key not in CONSTANT]
"""Keys whose values differ between records."""
DAYS = 366
"""Entries of a year in the table of dates."""


class Lines:
    """Writes records as lines of JSON, as orjson writes them.

    Parameters
    ----------
    describer : Describer
    years : ndarray of int
        Years of the works, without a gap.
    updated : sequence of str
        Dates of a last update that occur, as ``2026-09-01``.
    """

    def __init__(self, describer: Describer, years: np.ndarray, updated: Sequence[str]):
        self.describer, self.first, self.updated = describer, int(years[0]), list(updated)
        self.at: dict[str, int] = {}
        self._fragments: list[bytes] = []
        self._add(empty=[b""], null=[b"null"], flag=[b"false", b"true"])
        self._add(quote=[b'"'], open=[b"["], close=[b"]"])
        self._add(between=_between(), end=[b"}\n"])
        self._add_works(years)
        self._add_authors()
        self.fragments = np.frombuffer(b"".join(self._fragments), np.uint8)
        self.start = np.cumsum([0, *map(len, self._fragments)])

    def _add(self, **fragments: Sequence[bytes]) -> None:
        """Add fragments, the first of which get the numbers ``at[name]``."""
        for name, entries in fragments.items():
            self.at[name] = len(self._fragments)
            self._fragments += entries

    def _add_list(self, **fragments: Sequence[bytes]) -> None:
        """Add entries of lists, alone and behind a comma; what is empty stays so."""
        for name, entries in fragments.items():
            self._add(**{name: entries, f"next_{name}": [entry and b"," + entry for entry in entries]})

    def _add_works(self, years: np.ndarray) -> None:
        """Add what works are described with."""
        days = [date(year, 1, 1) + timedelta(days=day) for year in years.tolist() for day in range(DAYS)]
        self._add(
            url=[f'"{URL}/W'.encode()],
            doi=[b'"https://doi.org/10.5555/demo.'],
            title=[f'"{title}'.encode() for title in self.describer.titles],
            end_of_title=[b')"'],
            ids=[f'{{"openalex":"{URL}/W'.encode()],
            doi_in_ids=[b'"}', b'","doi":"https://doi.org/10.5555/demo.'],
            end_of_ids=[b"", b'"}'],
            indexed_in=[b"[]", b'["crossref"]'],
            date=[f'"{day}"'.encode() for day in days],
            year=[str(year).encode() for year in years.tolist()],
            language=[b'"en"'],
            type=[orjson.dumps(kind) for kind in TYPES],
            created=[f'"{year}-12-31T00:00:00.000Z"'.encode() for year in years.tolist()],
            updated=[f'"{day}T00:00:00.000Z"'.encode() for day in self.updated],
            reference=[f'["{URL}/W'.encode(), f'","{URL}/W'.encode()],
            end_of_references=[b"null", b'"]'],
        )
        self._add_list(topic=list(map(orjson.dumps, self.describer.topics)))

    def _add_authors(self) -> None:
        """Add what authors and their affiliations are described with."""
        codes = self.describer.codes
        institutions, affiliations = self.describer.institutions, self.describer.affiliations
        without = [b""] * (len(affiliations) - len(institutions))  # affiliations that name no institution
        author = f'{{"author":{{"id":"{URL}/A'.encode()
        self._add_list(
            affiliation=list(map(orjson.dumps, affiliations)),
            raw=[orjson.dumps(entry["raw_affiliation_string"]) for entry in affiliations],
            institution=[*map(orjson.dumps, institutions), *without],
            institution_id=[*(orjson.dumps(entry["id"]) for entry in institutions), *without],
            country=list(map(orjson.dumps, codes)),
        )
        self._add(
            author=[author, b"," + author],
            named=[f'","display_name":"Author {code}-'.encode() for code in codes],
            position=[
                f'","orcid":null}},"author_position":"{name}","affiliations":['.encode() for name in POSITIONS
            ],
            countries=[b'],"countries":['],
            raw_name=[f'],"raw_author_name":"Author {code}-'.encode() for code in codes],
            corresponding=[
                f'","is_corresponding":{flag},"raw_affiliation_strings":['.encode()
                for flag in ("false", "true")
            ],
            institutions=[b'],"raw_orcid":null,"institutions":['],
            end_of_author=[b"]}"],
            author_id=[b"[]", f'["{URL}/A'.encode()],
            end_of_author_id=[b"", b'"]'],
        )

    def text(self, rows: Rows, updated: str) -> memoryview:
        """Write records with a date of their last update, each with a line end."""
        return memoryview(join(*_Part(self, rows, updated).tables(), self.fragments, self.start))


class _Part:
    """The entries of the lines of some works, for `join`."""

    def __init__(self, lines: Lines, rows: Rows, updated: str):
        self.at, self.rows, self.first = lines.at, rows, lines.first
        self.updated = lines.updated.index(updated)

    def entries(self, name: str, *columns: np.ndarray) -> list[int | np.ndarray]:
        """Fragments of a list of entries of some name, at the places that columns give; -1 is no entry."""
        names = [name] + [f"next_{name}"] * (len(columns) - 1)
        entries = [
            np.where(places < 0, self.at["empty"], self.at[name] + places)
            for name, places in zip(names, columns, strict=True)
        ]
        return [self.at["open"], *entries, self.at["close"]]

    def tables(self) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
        """Tables of entries in the order in which a line holds them, and the number of their rows in each."""
        works, of_works = np.ones(len(self.rows), dtype=np.int64), self._works()
        lists = {
            "authorships": (self._authorships(), self.rows.authors),
            "referenced_works": (self._references(), self.rows.references),
        }
        tables: list[np.ndarray] = []
        counts: list[np.ndarray] = []
        columns: list[int | np.ndarray] = []
        for place, key in enumerate(VARIABLE):
            columns.append(self.at["between"] + place)
            if key in lists:
                tables += [_table(columns, len(works)), lists[key][0]]
                counts += [works, lists[key][1]]
                columns = []
            columns += of_works[key]
        tables.append(_table([*columns, self.at["end"]], len(works)))
        return tuple(tables), (*counts, works)

    def _works(self) -> dict[str, list[int | np.ndarray]]:
        """Fragments by the key of a record; of its authorships and references, only the end."""
        at, rows = self.at, self.rows
        empty, null, quote = at["empty"], at["null"], at["quote"]
        number = numbers(rows.numbers)
        has_doi = rows.has_doi
        number_in_doi = np.where(has_doi, number, empty)
        year = rows.years - self.first
        has_title = rows.titles >= 0
        titles: list[int | np.ndarray] = [
            np.where(has_title, at["title"] + rows.titles, null),
            np.where(has_title, numbers(rows.numbers - BASE), empty),
            np.where(has_title, at["end_of_title"], empty),
        ]
        first, second, third = rows.topics.T
        leads, leading = rows.authors > 0, rows.leading
        return {
            "id": [at["url"], number, quote],
            "doi": [np.where(has_doi, at["doi"], null), number_in_doi, np.where(has_doi, quote, empty)],
            "title": titles,
            "display_name": titles,
            "ids": [at["ids"], number, at["doi_in_ids"] + has_doi, number_in_doi, at["end_of_ids"] + has_doi],
            "indexed_in": [at["indexed_in"] + has_doi],
            "publication_date": [np.where(rows.is_dated, at["date"] + year * DAYS + rows.days, null)],
            "publication_year": [np.where(rows.is_dated, at["year"] + year, null)],
            "language": [np.where(rows.has_language, at["language"], null)],
            "type": [at["type"] + rows.types],
            "authorships": [at["close"]],
            "authors_count": [numbers(rows.authors)],
            "corresponding_author_ids": [
                at["author_id"] + leads,
                np.append(numbers(rows.author_ids), empty)[leading],  # -1, for no author, is the last place
                at["end_of_author_id"] + leads,
            ],
            "corresponding_institution_ids": self.entries("institution_id", *rows.leading_members.T),
            "primary_topic": [np.where(first < 0, null, at["topic"] + first)],
            "topics": self.entries("topic", first, second, third),
            "countries_distinct_count": [numbers(rows.countries)],
            "institutions_distinct_count": [numbers(rows.institutions)],
            "is_paratext": [at["flag"] + (rows.types == PARATEXT)],
            "is_retracted": [at["flag"] + rows.is_retracted],
            "is_xpac": [at["flag"] + rows.is_xpac],
            "referenced_works": [at["end_of_references"] + (rows.references > 0)],
            "referenced_works_count": [numbers(rows.references)],
            "cited_by_count": [numbers(rows.citations)],
            "created_date": [at["created"] + year],
            "updated_date": [at["updated"] + self.updated],
        }

    def _authorships(self) -> np.ndarray:
        """Fragments of the authorships."""
        at, rows = self.at, self.rows
        number = numbers(rows.author_number)
        first, second = rows.members.T
        leads = rows.position == 0
        columns = [
            at["author"] + ~leads,
            numbers(rows.author_ids),
            at["named"] + rows.author_country,
            number,
            at["position"] + rows.position,
            *self.entries("affiliation", first, second)[1:-1],
            at["countries"],
            *self.entries("country", *rows.listed.T)[1:-1],
            at["raw_name"] + rows.author_country,
            number,
            at["corresponding"] + leads,
            *self.entries("raw", first, second)[1:-1],
            at["institutions"],
            *self.entries("institution", first, second)[1:-1],
            at["end_of_author"],
        ]
        return _table(columns, len(number))

    def _references(self) -> np.ndarray:
        """Fragments of the references, without the end of a list."""
        rows = self.rows
        again = np.ones(len(rows.referenced), dtype=bool)
        begins = np.cumsum(rows.references) - rows.references
        again[begins[rows.references > 0]] = False
        return _table([self.at["reference"] + again, numbers(rows.referenced)], len(again))


def _table(columns: Sequence[int | np.ndarray], rows: int) -> np.ndarray:
    """Put columns side by side, each of which may be one number for all rows."""
    table = np.empty((rows, len(columns)), dtype=np.int64)
    for place, column in enumerate(columns):
        table[:, place] = column
    return table


def _between() -> list[bytes]:
    """What stands before the value of each of `VARIABLE`: its key, and the constant keys before it."""
    texts = []
    text = b"{"
    for key in SCHEMA.names:
        text += orjson.dumps(key) + b":"
        if key in CONSTANT:
            text += orjson.dumps(CONSTANT[key]) + b","
        else:
            # Works without authors have an empty list, but those without references have none.
            texts.append(text + b"[" if key == "authorships" else text)
            text = b","
    return texts
