"""Records as tables of Arrow, in the types of OpenAlex's Parquet files."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from poles.corpus.demo.parquet_schema import SCHEMA
from poles.corpus.demo.records import CONSTANT, POSITIONS, URL, Describer, Rows
from poles.corpus.demo.works import BASE, PARATEXT, TYPES

AUTHORSHIP = SCHEMA.field("authorships").type.value_type
TEXTS = SCHEMA.field("referenced_works").type


class Columns:
    """Makes tables of records.

    Parameters
    ----------
    describer : Describer
    """

    def __init__(self, describer: Describer):
        self.codes, self.titles = pa.array(describer.codes), pa.array(describer.titles)
        self.topics = pa.array(describer.topics, SCHEMA.field("primary_topic").type)
        self.institutions = pa.array(describer.institutions, AUTHORSHIP.field("institutions").type.value_type)
        self.affiliations = pa.array(describer.affiliations, AUTHORSHIP.field("affiliations").type.value_type)

    def table(self, rows: Rows, updated: str) -> pa.Table:
        """Make a table of records with a date of their last update."""
        columns = self._works(rows)
        columns |= {key: pa.array([value] * len(rows), _type(key)) for key, value in CONSTANT.items()}
        columns["updated_date"] = pa.array(np.full(len(rows), updated, "datetime64[us]"))
        arrays = [columns[field.name].cast(field.type) for field in SCHEMA]
        return pa.Table.from_arrays(arrays, schema=SCHEMA)

    def _works(self, rows: Rows) -> dict[str, pa.Array]:
        """Columns by key, but for the date of the last update and for `CONSTANT`."""
        works = np.arange(len(rows))
        number = _text(rows.numbers)
        url = _joined(f"{URL}/W", number)
        doi = _joined("https://doi.org/10.5555/demo.", number)
        title = _joined(_take(self.titles, rows.titles), _text(rows.numbers - BASE), ")")
        begin = (rows.years - 1970).astype("datetime64[Y]").astype("datetime64[D]")
        end = (rows.years - 1969).astype("datetime64[Y]").astype("datetime64[D]") - 1
        # The name of an id is the first or the second of two, and so is its value.
        ids = np.stack([works, np.where(rows.has_doi, works + len(works), -1)], axis=1)
        return {
            "id": url,
            "doi": _only(rows.has_doi, doi),
            "title": title,
            "display_name": title,
            "ids": pa.MapArray.from_arrays(
                _offsets((ids >= 0).sum(axis=1)),
                pa.array(["openalex", "doi"]).take(pa.array(ids[ids >= 0] // len(works))),
                pa.concat_arrays([url, doi]).take(pa.array(ids[ids >= 0])),
            ),
            "indexed_in": _lists("indexed_in", np.where(rows.has_doi, 0, -1), pa.array(["crossref"])),
            "publication_date": _only(rows.is_dated, pa.array(begin + rows.days)),
            "publication_year": _only(rows.is_dated, pa.array(rows.years)),
            "language": _take(pa.array(["en"]), np.where(rows.has_language, 0, -1)),
            "type": _take(pa.array(list(TYPES)), rows.types),
            "authorships": pa.ListArray.from_arrays(_offsets(rows.authors), self._authorships(rows)),
            "authors_count": pa.array(rows.authors),
            "corresponding_author_ids": _lists(
                "corresponding_author_ids", rows.leading, _joined(f"{URL}/A", _text(rows.author_ids))
            ),
            "corresponding_institution_ids": _lists(
                "corresponding_institution_ids",
                self._of_institutions(rows.leading_members),
                self.institutions.field("id"),
            ),
            "primary_topic": _take(self.topics, rows.topics[:, 0]),
            "topics": _lists("topics", rows.topics, self.topics),
            "countries_distinct_count": pa.array(rows.countries),
            "institutions_distinct_count": pa.array(rows.institutions),
            "is_paratext": pa.array(rows.types == PARATEXT),
            "is_retracted": pa.array(rows.is_retracted),
            "is_xpac": pa.array(rows.is_xpac),
            "referenced_works": _only(
                rows.references > 0,
                pa.ListArray.from_arrays(
                    _offsets(rows.references), _joined(f"{URL}/W", _text(rows.referenced)), type=TEXTS
                ),
            ),
            "referenced_works_count": pa.array(rows.references),
            "cited_by_count": pa.array(rows.citations),
            "created_date": pa.array(end.astype("datetime64[us]")),
        }

    def _authorships(self, rows: Rows) -> pa.StructArray:
        """Authorships of all works, one after the other."""
        names = _joined("Author ", _take(self.codes, rows.author_country), "-", _text(rows.author_number))
        nothing = pa.nulls(len(names), pa.string())
        author = {"id": _joined(f"{URL}/A", _text(rows.author_ids)), "display_name": names, "orcid": nothing}
        columns = {
            "author": pa.StructArray.from_arrays(
                author.values(), fields=list(AUTHORSHIP.field("author").type)
            ),
            "author_position": _take(pa.array(POSITIONS), rows.position),
            "affiliations": _lists("affiliations", rows.members, self.affiliations, AUTHORSHIP),
            "countries": _lists("countries", rows.listed, self.codes, AUTHORSHIP),
            "raw_author_name": names,
            "is_corresponding": pa.array(rows.position == 0),
            "raw_affiliation_strings": _lists(
                "raw_affiliation_strings", rows.members, self.affiliations.field(0), AUTHORSHIP
            ),
            "raw_orcid": nothing,
            "institutions": _lists(
                "institutions", self._of_institutions(rows.members), self.institutions, AUTHORSHIP
            ),
        }
        return pa.StructArray.from_arrays(
            [columns[field.name] for field in AUTHORSHIP], fields=list(AUTHORSHIP)
        )

    def _of_institutions(self, members: np.ndarray) -> np.ndarray:
        """Affiliations with an institution; -1 in the place of the others."""
        return np.where(members < len(self.institutions), members, -1)


def _type(key: str, within: pa.Schema | pa.StructType = SCHEMA) -> pa.DataType:
    """Type of a key of a record, or of something within it."""
    return within.field(key).type


def _offsets(counts: np.ndarray) -> pa.Array:
    """Bounds of lists, from their lengths."""
    return pa.array(np.append(0, np.cumsum(counts)), pa.int32())


def _lists(
    key: str, places: np.ndarray, values: pa.Array, within: pa.Schema | pa.StructType = SCHEMA
) -> pa.ListArray:
    """Lists of values at places, shape (lists,) or (lists, most entries); -1 is no entry."""
    table = places.reshape(len(places), -1)
    given = table >= 0
    entries = values.take(pa.array(table[given]))
    return pa.ListArray.from_arrays(_offsets(given.sum(axis=1)), entries, type=_type(key, within))


def _take(values: pa.Array, places: np.ndarray) -> pa.Array:
    """Values at places; -1 gives null."""
    return values.take(pa.array(places, mask=places < 0))


def _text(numbers: np.ndarray) -> pa.Array:
    """Whole numbers as text."""
    return pa.array(numbers).cast(pa.string())


def _joined(*texts: str | pa.Array) -> pa.Array:
    """Texts, one behind the other; null where one of them is null."""
    return pc.binary_join_element_wise(*texts, "")


def _only(given: np.ndarray, values: pa.Array) -> pa.Array:
    """Values where they are given, and null elsewhere."""
    return pc.if_else(pa.array(given), values, pa.scalar(None, values.type))
