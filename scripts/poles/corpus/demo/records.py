"""Works of a planted world as OpenAlex records: the columns from which records are written.

Keys, their order, their types and nulls are those of OpenAlex's snapshot of 2026. Keys that the demo does not
simulate exist too, with null or empty values.

Records are never made one by one. What many of them share, such as topics and institutions, is described
once, and a record names its place in a list. `poles.corpus.demo.lines` writes such columns as lines of JSON,
and `poles.corpus.demo.columns` makes tables of them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from poles.corpus.demo.works import (
    BASE,
    NOTHING,
    SLOT,
    TWO_COUNTRIES,
    TWO_INSTITUTIONS,
    UNMATCHED,
    Works,
    nobody,
)
from poles.corpus.demo.world import World

URL = "https://openalex.org"

_DOMAINS = {1: "Life Sciences", 2: "Social Sciences", 3: "Physical Sciences", 4: "Health Sciences"}
_FIELDS = {
    13: ("Biochemistry, Genetics and Molecular Biology", 1),
    17: ("Computer Science", 3),
    18: ("Decision Sciences", 2),
    20: ("Economics, Econometrics and Finance", 2),
    27: ("Medicine", 4),
    33: ("Social Sciences", 2),
}
_SUBFIELDS = {
    1312: ("Molecular Biology", 13),
    1702: ("Artificial Intelligence", 17),
    1703: ("Computational Theory and Mathematics", 17),
    1705: ("Computer Networks and Communications", 17),
    1707: ("Computer Vision and Pattern Recognition", 17),
    1710: ("Information Systems", 17),
    1803: ("Management Science and Operations Research", 18),
    2000: ("General Economics, Econometrics and Finance", 20),
    2739: ("Public Health, Environmental and Occupational Health", 27),
    3303: ("Development", 33),
    3304: ("Education", 33),
}
TOPICS = (
    (10320, "Neural Networks and Applications", 1702),
    (10181, "Natural Language Processing Techniques", 1702),
    (10028, "Topic Modeling", 1702),
    (10100, "Metaheuristic Optimization Algorithms Research", 1702),
    (10215, "Semantic Web and Ontologies", 1702),
    (10201, "Speech Recognition and Synthesis", 1702),
    (10664, "Sentiment Analysis and Opinion Mining", 1702),
    (10462, "Reinforcement Learning in Robotics", 1702),
    (12535, "Machine Learning and Data Classification", 1702),
    (11901, "Bayesian Methods and Mixture Models", 1702),
    (11550, "Text and Document Classification Technologies", 1702),
    (10036, "Advanced Neural Network Applications", 1707),
    (11714, "Multimodal Machine Learning Applications", 1707),
    (10211, "Computational Drug Discovery Methods", 1703),
    (10715, "Distributed and Parallel Computing Systems", 1705),
    (12016, "Web Data Mining and Analysis", 1710),
    (11937, "Research Data Management Practices", 1710),
    (11720, "Probability and Risk Models", 1803),
    (10128, "Global trade and economics", 2000),
    (10254, "Innovations in Medical Education", 2739),
    (11970, "Molecular Biology Techniques and Applications", 1312),
    (12636, "Regional Development and Innovation", 3303),
    (11806, "Service-Learning and Community Engagement", 3304),
)
"""Number, name and subfield of the topics; the topics of the field come first."""


INSTITUTIONS = {
    "University": "education",
    "Institute": "facility",
    "Company": "company",
    "College": "education",
}
"""First words of the names of institutions, with OpenAlex's types of these; they take turns in a country."""

CONSTANT: dict[str, Any] = {
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
    "open_access": {
        "is_oa": False,
        "oa_status": "closed",
        "any_repository_has_fulltext": False,
        "oa_url": None,
    },
    "biblio": {"volume": None, "issue": None, "first_page": None, "last_page": None},
    "related_works": [],
    "abstract_inverted_index": None,
    "counts_by_year": [],
    "apc_list": None,
    "apc_paid": None,
    "fwci": 0.0,
    "citation_normalized_percentile": None,
    "cited_by_percentile_year": None,
    "mesh": [],
    "has_content": {"pdf": False, "grobid_xml": False},
    "has_fulltext": False,
}
"""Keys that have one value in all records."""
SCORES = (0.99, 0.97, 0.94)
"""Largest scores of the topics of a work, by their place."""
SPREAD = 97
"""Number of scores of a topic at a place."""
SCORED = len(SCORES) * SPREAD
"""Entries of each topic in `Describer.topics`."""
TITLES = ("Notes on", "A study of", "Advances in", "An approach to", "Experiments in")
"""First words of titles."""
POSITIONS = ("first", "middle", "last")
"""Positions of authors."""
NO_DOI, NO_LANGUAGE, NO_TITLE = 11, 13, 331
"""One work in so many lacks a DOI, a language or a title."""


@dataclass(frozen=True)
class Rows:
    """Records of W works with A authorships and R references, as columns; -1 stands for nothing.

    Attributes
    ----------
    numbers : ndarray of int64, shape (W,)
        Numbers in the ids of the works.
    years, days : ndarray of int, shape (W,)
        Year, and day of the year.
    is_dated, is_retracted, is_xpac : ndarray of bool, shape (W,)
        Whether the record has a date, and what else it says.
    types, citations : ndarray of int, shape (W,)
        Index into `TYPES`, and number of citing works.
    topics : ndarray of int, shape (W, 3)
        Index into `Describer.topics`; the topics of a work come first.
    authors, countries, institutions : ndarray of int64, shape (W,)
        Number of authorships, and of countries and institutions among the institutions of these.
    author_country, author_number : ndarray of int64, shape (A,)
        Country, and number of the author within the country.
    position : ndarray of int, shape (A,)
        Index into `POSITIONS`.
    members : ndarray of int, shape (A, 2)
        Up to two affiliations, as indices into `Describer.affiliations`.
    listed : ndarray of int, shape (A, 2)
        Their countries, in the order of the codes, as indices into `Describer.codes`.
    references : ndarray of int64, shape (W,)
        Number of references.
    referenced : ndarray of int64, shape (R,)
        Numbers in the ids of the cited works, ascending within a work.
    """

    numbers: np.ndarray
    years: np.ndarray
    days: np.ndarray
    is_dated: np.ndarray
    is_retracted: np.ndarray
    is_xpac: np.ndarray
    types: np.ndarray
    citations: np.ndarray
    topics: np.ndarray
    authors: np.ndarray
    countries: np.ndarray
    institutions: np.ndarray
    author_country: np.ndarray
    author_number: np.ndarray
    position: np.ndarray
    members: np.ndarray
    listed: np.ndarray
    references: np.ndarray
    referenced: np.ndarray

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def author_ids(self) -> np.ndarray:
        """Numbers in the ids of the authors, shape (A,)."""
        return BASE + self.author_country * 10_000_000 + self.author_number

    @property
    def leading(self) -> np.ndarray:
        """First authorship of each work, shape (W,); -1 without authors."""
        return np.where(self.authors > 0, np.cumsum(self.authors) - self.authors, -1)

    @property
    def leading_members(self) -> np.ndarray:
        """Affiliations of the first authorship of each work, shape (W, 2)."""
        return np.append(self.members, [[-1, -1]], axis=0)[self.leading]

    @property
    def has_doi(self) -> np.ndarray:
        """Whether each work has a DOI, shape (W,)."""
        return self.numbers % NO_DOI > 0

    @property
    def has_language(self) -> np.ndarray:
        """Whether each work has a language, shape (W,)."""
        return self.numbers % NO_LANGUAGE > 0

    @property
    def titles(self) -> np.ndarray:
        """Index into `Describer.titles`, shape (W,); -1 without a title."""
        subject = np.where(self.topics[:, 0] < 0, len(TOPICS), self.topics[:, 0] // SCORED)
        title = self.numbers // SLOT % len(TITLES) * (len(TOPICS) + 1) + subject
        return np.where(self.numbers % NO_TITLE > 0, title, -1)


def _topic(number: int, name: str, subfield: int) -> dict[str, Any]:
    """Topic as in a record, with a null score."""
    subfield_name, field = _SUBFIELDS[subfield]
    field_name, domain = _FIELDS[field]
    return {
        "id": f"{URL}/T{number}",
        "display_name": name,
        "score": None,
        "subfield": {"id": f"{URL}/subfields/{subfield}", "display_name": subfield_name},
        "field": {"id": f"{URL}/fields/{field}", "display_name": field_name},
        "domain": {"id": f"{URL}/domains/{domain}", "display_name": _DOMAINS[domain]},
    }


class Describer:
    """Turns works into the columns of OpenAlex records.

    Parameters
    ----------
    world : World
        Its countries have names and codes.
    works : Works
        Works to describe.

    Attributes
    ----------
    codes, names : tuple of str
        Codes and names of the countries.
    titles : list of str
        Titles without the number of the work, which says that the work is not real.
    topics : list of dict
        Topics as in a record, with each score that they can have at each place.
    institutions : list of dict
        Institutions as in a record, country by country.
    affiliations : list of dict
        Affiliations as in a record: one for each of `institutions`, then one of each country without an
        institution.
    """

    def __init__(self, world: World, works: Works):
        self.codes, self.names, self.works = world.codes, world.names, works
        self.citations = _citations(works)
        subjects = [name.lower() for _, name, _ in TOPICS] + ["an unclassified matter"]
        self.titles = [f"{title} {subject} (demo work " for title in TITLES for subject in subjects]
        self.topics = [
            {**_topic(*topic), "score": round(score - step / 1000, 4)}
            for topic in TOPICS
            for score in SCORES
            for step in range(SPREAD)
        ]
        numbers = works.institutions.tolist()
        self.institutions = [
            self._institution(country, number) for country, n in enumerate(numbers) for number in range(n)
        ]
        self.affiliations = [
            {
                "raw_affiliation_string": f"{institution['display_name']}, {self.names[country]}",
                "institution_ids": [institution["id"]],
            }
            for institution, country in zip(
                self.institutions, np.repeat(np.arange(len(numbers)), numbers), strict=True
            )
        ] + [
            {"raw_affiliation_string": f"Unlisted Laboratory, {name}", "institution_ids": []}
            for name in self.names
        ]
        self._first = np.cumsum(works.institutions) - works.institutions
        self._rank = np.argsort(np.argsort(self.codes))

    def _institution(self, country: int, number: int) -> dict[str, Any]:
        """Institution of a country as in a record."""
        url = f"{URL}/I{BASE + country * 1000 + number}"
        kind = list(INSTITUTIONS)[number % len(INSTITUTIONS)]
        return {
            "id": url,
            "display_name": f"{kind} {number + 1} of {self.names[country]}",
            "ror": None,
            "country_code": self.codes[country],
            "type": INSTITUTIONS[kind],
            "lineage": [url],
        }

    def rows(self, order: np.ndarray) -> Rows:
        """Describe some works, given by their indices, in this order."""
        works = self.works
        numbers = works.ids[order]
        topics = works.topics[order].astype(np.int64)
        place = np.arange(topics.shape[1])
        scored = (topics * len(SCORES) + place) * SPREAD + (numbers % SPREAD)[:, None]
        authors, entries = _gather(works.author_start, order)
        work = np.repeat(np.arange(len(order)), authors)
        first = np.cumsum(authors) - authors
        within = np.arange(len(entries)) - first[work]
        country = works.author_country[entries].astype(np.int64)
        author = works.author_number[entries].astype(np.int64)
        kind = np.where(works.flaws["no_country"][order][work], NOTHING, works.author_kind[entries])
        members, places = self._members(country, author, kind, works.teams[order][work])
        references, cited = _gather(works.reference_start, order)
        institutions = members < len(self.institutions)
        return Rows(
            numbers=numbers,
            years=works.years[order].astype(np.int64),
            days=works.days[order].astype(np.int64),
            is_dated=~works.flaws["no_year"][order],
            is_retracted=works.flaws["retracted"][order],
            is_xpac=works.flaws["xpac"][order],
            types=works.types[order],
            citations=self.citations[order],
            topics=np.where(topics < 0, -1, scored),
            authors=authors,
            countries=_distinct(work, np.where(institutions, places, -1), len(order)),
            institutions=_distinct(work, np.where(institutions, members, -1), len(order)),
            author_country=country,
            author_number=author,
            position=np.select([within == 0, within == authors[work] - 1], [0, 2], 1),
            members=members,
            listed=self._listed(places),
            references=references,
            referenced=_referenced(works, np.repeat(np.arange(len(order)), references), cited),
        )

    def _members(
        self, country: np.ndarray, number: np.ndarray, kind: np.ndarray, teams: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Affiliations of authors of some kinds of `AUTHORS`, and their countries: both of shape (A, 2)."""
        other = np.where(teams[:, 0] == country, teams[:, 1], teams[:, 0])
        second = np.where(kind == TWO_COUNTRIES, other, country)
        sizes = self.works.institutions
        members = np.stack(
            [
                self._first[country] + number % sizes[country],
                self._first[second] + (number + 1) % sizes[second],
            ],
            axis=1,
        )
        places = np.stack([country, second], axis=1)
        unlisted = kind == UNMATCHED
        members[unlisted, 0] = len(self.institutions) + country[unlisted]
        nothing = np.stack([kind == NOTHING, ~np.isin(kind, (TWO_INSTITUTIONS, TWO_COUNTRIES))], axis=1)
        return np.where(nothing, -1, members), np.where(nothing, -1, places)

    def _listed(self, places: np.ndarray) -> np.ndarray:
        """Distinct countries of each of some pairs, in the order of their codes."""
        first, second = places.T
        swap = (second >= 0) & (self._rank[second] < self._rank[first])
        again = first == second
        return np.stack(
            [np.where(swap, second, first), np.where(swap, first, np.where(again, -1, second))], axis=1
        )


def _citations(works: Works) -> np.ndarray:
    """Number of works that cite each work, taken from a few references at a time."""
    citations = np.zeros(len(works), dtype=np.int64)
    for begin in range(0, len(works.references), 1_000_000):
        cited = works.references[begin : begin + 1_000_000]
        citations += np.bincount(cited[cited >= 0], minlength=len(works))
    return citations


def _gather(start: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lengths of some lists that follow each other in a table, and the places of their entries there."""
    length = start[order + 1] - start[order]
    shift = start[order] - (np.cumsum(length) - length)
    return length, np.repeat(shift, length) + np.arange(length.sum())


def _distinct(work: np.ndarray, values: np.ndarray, works: int) -> np.ndarray:
    """Number of distinct values, at least 0, in the rows of each work."""
    size = int(values.max(initial=0)) + 1
    distinct = np.unique((work[:, None] * size + values)[values >= 0])
    return np.bincount(distinct // size, minlength=works)


def _referenced(works: Works, owner: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Numbers in the ids of the cited works, ascending within each citing work."""
    cited = works.references[places]
    ids = works.ids[np.where(cited < 0, -1 - cited, cited)]
    ids = np.where(cited < 0, nobody(ids), ids)
    span = int(ids.max(initial=0)) + 1 - BASE
    return np.sort(owner * span + (ids - BASE)) % span + BASE
