"""Records of a planted world, each described by itself as a dictionary.

The demo writes records from columns. This is what every one of them has to be.
"""

import itertools
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np

from poles.corpus.demo.records import INSTITUTIONS, TOPICS, URL, _topic
from poles.corpus.demo.works import (
    BASE,
    NOTHING,
    PLAIN,
    SLOT,
    TWO_INSTITUTIONS,
    TYPES,
    UNMATCHED,
    Works,
    nobody,
)
from poles.corpus.demo.world import World


class Affiliation(NamedTuple):
    """Affiliations of an author as they occur in a record: lists for the keys of an authorship."""

    institutions: list[dict[str, Any]]
    countries: list[str]
    raw_strings: list[str]
    affiliations: list[dict[str, Any]]


class Describer:
    """Turns works into OpenAlex records.

    Parameters
    ----------
    world : World
        Its countries have names and codes.
    works : Works
        Works to describe.
    """

    def __init__(self, world: World, works: Works):
        self.codes, self.names, self.works = world.codes, world.names, works
        self.citations = np.bincount(works.references[works.references >= 0], minlength=len(works))
        self.types = list(TYPES)
        self.topics = [_topic(*topic) for topic in TOPICS]
        self.affiliations: dict[tuple[int, int], Affiliation] = {}

    def records(self, order: np.ndarray, updated: str) -> Iterator[dict[str, Any]]:
        """Yield the records of some works, given by their indices, with a date of their last update."""
        works = self.works
        columns = (
            works.ids,
            works.years,
            works.days,
            works.types,
            self.citations,
            works.topics,
            works.teams,
        )
        rows = zip(*(column[order].tolist() for column in columns), strict=True)
        flags = zip(*(flags[order].tolist() for flags in works.flaws.values()), strict=True)
        for index, row, flagged in zip(order.tolist(), rows, flags, strict=True):
            flaws = set(itertools.compress(works.flaws, flagged))
            yield self._record(index, row, flaws, f"{updated}T00:00:00.000Z")

    def _record(self, index: int, row: tuple[Any, ...], flaws: set[str], updated: str) -> dict[str, Any]:
        """Make the record of one work from a row of the columns in `records`."""
        number, year, day, kind, citations, topics, team = row
        url = f"{URL}/W{number}"
        doi = f"https://doi.org/10.5555/demo.{number}" if number % 11 else None
        scored = self._scored(topics, number)
        title = self._title(scored, number)
        authorships = self._authorships(index, team, "no_country" in flaws)
        institutions = {
            institution["id"]: institution
            for authorship in authorships
            for institution in authorship["institutions"]
        }
        references = self._references(index)
        published = None if "no_year" in flaws else date(year, 1, 1) + timedelta(days=day)
        leading = authorships[:1]
        return {
            "id": url,
            "doi": doi,
            "title": title,
            "display_name": title,
            "ids": {"openalex": url, "doi": doi} if doi else {"openalex": url},
            "indexed_in": ["crossref"] if doi else [],
            "publication_date": published and published.isoformat(),
            "publication_year": published and published.year,
            "language": "en" if number % 13 else None,
            "type": self.types[kind],
            "authorships": authorships,
            "authors_count": len(authorships),
            "corresponding_author_ids": [authorship["author"]["id"] for authorship in leading],
            "corresponding_institution_ids": [
                institution["id"] for authorship in leading for institution in authorship["institutions"]
            ],
            "primary_topic": scored[0] if scored else None,
            "topics": scored,
            "keywords": [],
            "concepts": [],
            "locations": [],
            "locations_count": 0,
            "primary_location": None,
            "best_oa_location": None,
            "sustainable_development_goals": [],
            "awards": [],
            "funders": [],
            "institutions": [],
            # As in OpenAlex, countries that were parsed from raw strings do not count here.
            "countries_distinct_count": len(
                {institution["country_code"] for institution in institutions.values()}
            ),
            "institutions_distinct_count": len(institutions),
            "open_access": {
                "is_oa": False,
                "oa_status": "closed",
                "any_repository_has_fulltext": False,
                "oa_url": None,
            },
            "is_paratext": self.types[kind] == "paratext",
            "is_retracted": "retracted" in flaws,
            "is_xpac": "xpac" in flaws,
            "biblio": {"volume": None, "issue": None, "first_page": None, "last_page": None},
            "referenced_works": references,
            "referenced_works_count": len(references or ()),
            "related_works": [],
            "abstract_inverted_index": None,
            "cited_by_count": citations,
            "counts_by_year": [],
            "apc_list": None,
            "apc_paid": None,
            "fwci": 0.0,
            "citation_normalized_percentile": None,
            "cited_by_percentile_year": None,
            "mesh": [],
            "has_content": {"pdf": False, "grobid_xml": False},
            "has_fulltext": False,
            "created_date": f"{year}-12-31T00:00:00.000Z",
            "updated_date": updated,
        }

    def _scored(self, topics: list[int], number: int) -> list[dict[str, Any]]:
        """Topics of a work, with falling scores."""
        scores = (0.99, 0.97, 0.94)
        return [
            {**self.topics[topic], "score": round(score - number % 97 / 1000, 4)}
            for topic, score in zip(topics, scores, strict=True)
            if topic >= 0
        ]

    @staticmethod
    def _title(topics: list[dict[str, Any]], number: int) -> str | None:
        """Title of a work, which says that the work is not real; None for a few works."""
        if not number % 331:
            return None
        opening = ("Notes on", "A study of", "Advances in", "An approach to", "Experiments in")[
            number // SLOT % 5
        ]
        subject = topics[0]["display_name"].lower() if topics else "an unclassified matter"
        return f"{opening} {subject} (demo work {number - BASE})"

    def _references(self, index: int) -> list[str] | None:
        """References of a work, or None if it has none."""
        start, stop = self.works.reference_start[index : index + 2]
        if start == stop:
            return None
        cited = self.works.references[start:stop]
        ids = self.works.ids[np.where(cited < 0, -1 - cited, cited)]
        return [f"{URL}/W{number}" for number in np.sort(np.where(cited < 0, nobody(ids), ids)).tolist()]

    def _authorships(self, index: int, team: list[int], blank: bool) -> list[dict[str, Any]]:
        """Authorships of a work; if `blank`, nothing is known of the authors."""
        works = self.works
        start, stop = works.author_start[index : index + 2].tolist()
        columns = (works.author_country, works.author_number, works.author_kind)
        rows = zip(*(column[start:stop].tolist() for column in columns), strict=True)
        return [
            self._authorship(place, stop - start, country, number, NOTHING if blank else kind, team)
            for place, (country, number, kind) in enumerate(rows)
        ]

    def _authorship(
        self, place: int, authors: int, country: int, number: int, kind: int, team: list[int]
    ) -> dict[str, Any]:
        affiliation = self._affiliation(country, number, kind, team)
        name = f"Author {self.codes[country]}-{number}"
        return {
            "author": {
                "id": f"{URL}/A{BASE + country * 10_000_000 + number}",
                "display_name": name,
                "orcid": None,
            },
            "author_position": "first" if not place else "last" if place == authors - 1 else "middle",
            "affiliations": affiliation.affiliations,
            "countries": affiliation.countries,
            "raw_author_name": name,
            "is_corresponding": not place,
            "raw_affiliation_strings": affiliation.raw_strings,
            "raw_orcid": None,
            "institutions": affiliation.institutions,
        }

    def _affiliation(self, country: int, number: int, kind: int, team: list[int]) -> Affiliation:
        """Affiliation of an author of a kind of `AUTHORS`."""
        if kind == NOTHING:
            return Affiliation([], [], [], [])
        if kind == UNMATCHED:
            raw = f"Unlisted Laboratory, {self.names[country]}"
            affiliation = {"raw_affiliation_string": raw, "institution_ids": []}
            return Affiliation([], [self.codes[country]], [raw], [affiliation])
        home = self._member(country, number)
        if kind == PLAIN:
            return home
        second = country if kind == TWO_INSTITUTIONS else team[0] if team[0] != country else team[1]
        other = self._member(second, number + 1)
        return Affiliation(
            home.institutions + other.institutions,
            sorted({*home.countries, *other.countries}),
            home.raw_strings + other.raw_strings,
            home.affiliations + other.affiliations,
        )

    def _member(self, country: int, number: int) -> Affiliation:
        """Affiliation with one institution of a country, given the author's number; records share it."""
        number %= int(self.works.institutions[country])
        if (country, number) not in self.affiliations:
            url = f"{URL}/I{BASE + country * 1000 + number}"
            kind = list(INSTITUTIONS)[number % len(INSTITUTIONS)]
            name = f"{kind} {number + 1} of {self.names[country]}"
            institution = {
                "id": url,
                "display_name": name,
                "ror": None,
                "country_code": self.codes[country],
                "type": INSTITUTIONS[kind],
                "lineage": [url],
            }
            raw = f"{name}, {self.names[country]}"
            affiliation = {"raw_affiliation_string": raw, "institution_ids": [url]}
            self.affiliations[country, number] = Affiliation(
                [institution], [self.codes[country]], [raw], [affiliation]
            )
        return self.affiliations[country, number]
