"""Works as OpenAlex records, and the files of a snapshot that hold them.

Keys, their order, their types and what is null follow the exporter of OpenAlex's snapshot of 2026, of which
manifests and paths are modelled too. What the demo does not simulate is null or empty, but there.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from poles.corpus import layout as places
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
from poles.study import embedding

URL = "https://openalex.org"

ROW_GROUP = 10_000

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
"""Number, name and subfield of the topics, those of the field first."""


def _topic(number: int, name: str, subfield: int) -> dict[str, Any]:
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
    """Turns works into OpenAlex records.

    Parameters
    ----------
    world : World
        Gives names and codes of the countries.
    works : Works
        What is described.
    """

    def __init__(self, world: World, works: Works):
        self.codes, self.names, self.works = world.codes, world.names, works
        self.citations = np.bincount(works.references[works.references >= 0], minlength=len(works))
        self.types = list(TYPES)
        self.topics = [_topic(*topic) for topic in TOPICS]
        self.affiliations: dict[tuple[int, int], tuple[list, list, list, list]] = {}

    def records(self, order: np.ndarray, updated: str) -> Iterator[dict[str, Any]]:
        """Records of the given works, all with the same date of their last update."""
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
            yield self._record(index, *row, flaws, f"{updated}T00:00:00.000Z")

    def _record(
        self,
        index: int,
        number: int,
        year: int,
        day: int,
        kind: int,
        citations: int,
        topics: list[int],
        team: list[int],
        flaws: set[str],
        updated: str,
    ) -> dict[str, Any]:
        url = f"{URL}/W{number}"
        doi = f"https://doi.org/10.5555/demo.{number}" if number % 11 else None
        scored = self._scored(topics, number)
        title = self._title(scored, number)
        authorships = self._authorships(index, team, "no_country" in flaws)
        institutions = {one["id"]: one for author in authorships for one in author["institutions"]}
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
            "corresponding_author_ids": [one["author"]["id"] for one in leading],
            "corresponding_institution_ids": [
                one["id"] for author in leading for one in author["institutions"]
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
            # Countries parsed from a string do not count here, as in OpenAlex.
            "countries_distinct_count": len({one["country_code"] for one in institutions.values()}),
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
        scores = (0.99, 0.97, 0.94)
        return [
            {**self.topics[topic], "score": round(score - number % 97 / 1000, 4)}
            for topic, score in zip(topics, scores, strict=True)
            if topic >= 0
        ]

    @staticmethod
    def _title(topics: list[dict[str, Any]], number: int) -> str | None:
        """A title that says that it is made up."""
        if not number % 331:
            return None
        opening = ("Notes on", "A study of", "Advances in", "An approach to", "Experiments in")[
            number // SLOT % 5
        ]
        subject = topics[0]["display_name"].lower() if topics else "an unclassified matter"
        return f"{opening} {subject} (demo work {number - BASE})"

    def _references(self, index: int) -> list[str] | None:
        start, stop = self.works.reference_start[index : index + 2]
        if start == stop:
            return None
        cited = self.works.references[start:stop]
        ids = self.works.ids[np.where(cited < 0, -1 - cited, cited)]
        return [f"{URL}/W{number}" for number in np.sort(np.where(cited < 0, nobody(ids), ids)).tolist()]

    def _authorships(self, index: int, team: list[int], blank: bool) -> list[dict[str, Any]]:
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
        institutions, codes, strings, affiliations = self._affiliation(country, number, kind, team)
        name = f"Author {self.codes[country]}-{number}"
        return {
            "author": {
                "id": f"{URL}/A{BASE + country * 10_000_000 + number}",
                "display_name": name,
                "orcid": None,
            },
            "author_position": "first" if not place else "last" if place == authors - 1 else "middle",
            "affiliations": affiliations,
            "countries": codes,
            "raw_author_name": name,
            "is_corresponding": not place,
            "raw_affiliation_strings": strings,
            "raw_orcid": None,
            "institutions": institutions,
        }

    def _affiliation(
        self, country: int, number: int, kind: int, team: list[int]
    ) -> tuple[list[dict], list[str], list[str], list[dict]]:
        """Institutions, countries, raw strings and affiliations of an author."""
        if kind == NOTHING:
            return [], [], [], []
        if kind == UNMATCHED:
            raw = f"Unlisted Laboratory, {self.names[country]}"
            return [], [self.codes[country]], [raw], [{"raw_affiliation_string": raw, "institution_ids": []}]
        home = self._member(country, number)
        if kind == PLAIN:
            return home
        second = country if kind == TWO_INSTITUTIONS else team[0] if team[0] != country else team[1]
        both = zip(home, self._member(second, number + 1), strict=True)
        institutions, codes, strings, affiliations = (one + other for one, other in both)
        return institutions, sorted(set(codes)), strings, affiliations

    def _member(self, country: int, number: int) -> tuple[list[dict], list[str], list[str], list[dict]]:
        """Affiliation with the institution that the author of a number has; shared between records."""
        number %= int(self.works.institutions[country])
        if (country, number) not in self.affiliations:
            url = f"{URL}/I{BASE + country * 1000 + number}"
            name = f"University {number + 1} of {self.names[country]}"
            institution = {
                "id": url,
                "display_name": name,
                "ror": None,
                "country_code": self.codes[country],
                "type": "education",
                "lineage": [url],
            }
            raw = f"{name}, {self.names[country]}"
            affiliation = {"raw_affiliation_string": raw, "institution_ids": [url]}
            self.affiliations[country, number] = ([institution], [self.codes[country]], [raw], [affiliation])
        return self.affiliations[country, number]


def write(
    folder: Path, names: Sequence[str], world: World, works: Works, layout: str, record: Mapping[str, Any]
) -> None:
    """Write part files and manifests of a snapshot.

    Parameters
    ----------
    folder : Path
        Stands for the bucket.
    names : sequence of str
        Part files, relative to it.
    world : World
        Gives names and codes of the countries.
    works : Works
        What is written.
    layout : str
        ``jsonl`` or ``parquet``.
    record : Mapping
        Provenance, embedded in every file.
    """
    write_part = _WRITERS[layout]
    describer = Describer(world, works)
    order = np.argsort(works.ids)  # by id, so that every part holds works of all years
    files, begin = [], 0
    for name, (updated, number) in zip(names, places.shares(len(works)), strict=True):
        path = folder / name
        write_part(describer.records(order[begin : begin + number], updated), path, record)
        begin += number
        meta = {"content_length": path.stat().st_size, "record_count": number}
        files.append({"url": f"s3://openalex/{name}", "meta": meta})
    # Last, as at the source: where there is a manifest, all files are.
    meta = {key: sum(file["meta"][key] for file in files) for key in ("record_count", "content_length")}
    head = {"date": places.RELEASE, "format": layout}
    entity = {"entity": "works", **meta, "files": files}
    whole_path, entity_path = (folder / name for name in places.manifests(layout))
    embedding.write_json({**head, **entity}, entity_path, record)
    embedding.write_json({**head, "meta": meta, "entities": [entity]}, whole_path, record)


def _write_jsonl(records: Iterable[dict[str, Any]], path: Path, record: Mapping[str, Any]) -> None:
    lines = b"".join(orjson.dumps(work, option=orjson.OPT_APPEND_NEWLINE) for work in records)
    embedding.write_gzip(lines, path, record)


def _write_parquet(records: Iterator[dict[str, Any]], path: Path, record: Mapping[str, Any]) -> None:
    """Write records in the exporter's Parquet types, a row group at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plain, partial = (path.with_name(f".{path.name}.{end}") for end in ("plain", "partial"))
    with pq.ParquetWriter(plain, SCHEMA, compression="snappy", store_schema=False) as writer:
        while group := list(itertools.islice(records, ROW_GROUP)):
            columns = [_column([work[field.name] for work in group], field.type) for field in SCHEMA]
            writer.write_table(pa.Table.from_arrays(columns, schema=SCHEMA))
    # The digest of the content stands in the record, which stands in the file: so the file is written again.
    record = {**record, "content": embedding.table_digest(pl.read_parquet(plain))}
    with pq.ParquetWriter(partial, SCHEMA, compression="snappy", store_schema=False) as writer:
        writer.add_key_value_metadata({"provenance": embedding.canonical(record)})
        for group in pq.ParquetFile(plain).iter_batches(ROW_GROUP):
            writer.write_batch(group.cast(SCHEMA))
    plain.unlink()
    partial.replace(path)


_WRITERS: dict[str, Callable[[Iterator[dict[str, Any]], Path, Mapping[str, Any]], None]] = {
    "jsonl": _write_jsonl,
    "parquet": _write_parquet,
}


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Column of a type; dates and times come as the text that they are in JSON."""
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        days = [value and date.fromisoformat(value[:10]) for value in values]
        return pa.array(days, pa.date32()).cast(kind)
    if pa.types.is_map(kind):
        values = [list(value.items()) for value in values]
    return pa.array(values, kind)


def _schema() -> pa.Schema:
    """Types of the columns of a work."""
    text, whole, real, flag = pa.string(), pa.int32(), pa.float64(), pa.bool_()
    time = pa.timestamp("us", tz="UTC")

    def struct(**kinds: pa.DataType) -> pa.StructType:
        return pa.struct(list(kinds.items()))

    named = struct(id=text, display_name=text)
    scored = struct(id=text, display_name=text, score=real)
    topic = struct(id=text, display_name=text, score=real, subfield=named, field=named, domain=named)
    authorship = struct(
        author=struct(id=text, display_name=text, orcid=text),
        author_position=text,
        affiliations=pa.list_(struct(raw_affiliation_string=text, institution_ids=pa.list_(text))),
        countries=pa.list_(text),
        raw_author_name=text,
        is_corresponding=flag,
        raw_affiliation_strings=pa.list_(text),
        raw_orcid=text,
        institutions=pa.list_(
            struct(id=text, display_name=text, ror=text, country_code=text, type=text, lineage=pa.list_(text))
        ),
    )
    source = struct(id=text, display_name=text, type=text, is_core=flag)
    location = struct(source=source, is_oa=flag, landing_page_url=text, version=text, license=text)
    price = struct(value=pa.int64(), currency=text, value_usd=pa.int64())
    columns = struct(
        id=text,
        doi=text,
        title=text,
        display_name=text,
        ids=pa.map_(text, text),
        indexed_in=pa.list_(text),
        publication_date=pa.date32(),
        publication_year=whole,
        language=text,
        type=text,
        authorships=pa.list_(authorship),
        authors_count=whole,
        corresponding_author_ids=pa.list_(text),
        corresponding_institution_ids=pa.list_(text),
        primary_topic=topic,
        topics=pa.list_(topic),
        keywords=pa.list_(scored),
        concepts=pa.list_(struct(id=text, wikidata=text, display_name=text, level=whole, score=real)),
        locations=pa.list_(location),
        locations_count=whole,
        primary_location=location,
        best_oa_location=location,
        sustainable_development_goals=pa.list_(scored),
        awards=pa.list_(struct(id=text, funder_award_id=text, funder_id=text)),
        funders=pa.list_(named),
        institutions=pa.list_(named),
        countries_distinct_count=whole,
        institutions_distinct_count=whole,
        open_access=struct(is_oa=flag, oa_status=text, any_repository_has_fulltext=flag, oa_url=text),
        is_paratext=flag,
        is_retracted=flag,
        is_xpac=flag,
        biblio=struct(volume=text, issue=text, first_page=text, last_page=text),
        referenced_works=pa.list_(text),
        referenced_works_count=whole,
        related_works=pa.list_(text),
        abstract_inverted_index=text,
        cited_by_count=whole,
        counts_by_year=pa.list_(struct(year=whole, cited_by_count=whole)),
        apc_list=price,
        apc_paid=price,
        fwci=real,
        citation_normalized_percentile=struct(
            value=real, is_in_top_1_percent=flag, is_in_top_10_percent=flag
        ),
        cited_by_percentile_year=struct(min=whole, max=whole),
        mesh=pa.list_(struct(descriptor_ui=text, descriptor_name=text)),
        has_content=struct(pdf=flag, grobid_xml=flag),
        has_fulltext=flag,
        created_date=time,
        updated_date=time,
    )
    return pa.schema(list(columns))


SCHEMA = _schema()
