"""The schemas of the tables of records and works."""

import polars as pl

from poles.study.tables import COUNTRY, PAIR, YEAR, Table

RECORDS = Table(
    ("position",),
    {
        "position": pl.Int64,  # number of the file in the source << 32 | row in the file
        "work_id": pl.Int64,
        "year": YEAR,  # null: not given, or not a number that fits
        "type": pl.String,
        "is_retracted": pl.Boolean,
        "is_paratext": pl.Boolean,
        "is_xpac": pl.Boolean,
        "updated": pl.String,  # YYYY-MM-DDThh:mm:ss.ffffff, so that a later time is greater
        "primary_subfield": pl.Int32,
        "topic_score": pl.Float64,  # of the primary topic, with six decimals; null: not given
        "topic_subfields": pl.List(pl.Int32),
        "n_authors": pl.Int32,
        "authorships": pl.List(  # country codes as listed; country codes and types of the institutions
            pl.Struct(
                {
                    "countries": pl.List(COUNTRY),
                    "institutions": pl.List(COUNTRY),
                    "types": pl.List(pl.String),  # as many as institutions; null: not given
                }
            )
        ),
        "references": pl.List(pl.Int64),  # as recorded
        "is_incomplete": pl.Boolean,  # states more authors, countries or references than it holds
    },
)
# Records of the field, or citing it. Sorted by year in small row groups, so that one year is read alone.
KEPT = Table(("year", "position"), {**RECORDS.columns, "is_core": pl.Boolean}, row_group=8192)
CORE = Table(("work_id",), {"work_id": pl.Int64})
COUNTS = Table(
    ("year",),
    {
        "year": YEAR,
        "read": pl.Int64,  # records
        "with_id": pl.Int64,  # of these, records with an id
        "stated": pl.Int64,  # most works of a list that a page of the API states, in the files of any year
    },
)
WORKS = Table(
    ("work_id",),
    {
        "work_id": pl.Int64,
        "year": YEAR,
        "type": pl.String,
        "is_core": pl.Boolean,  # in the field; false for a work outside the field that cites it
        "countries": pl.List(COUNTRY),  # sorted, distinct
        "n_authors": pl.Int32,
        "references": pl.List(pl.Int64),  # sorted, distinct, without the work itself
    },
    ascending=("work_id", "references"),
)
LOSSES = Table(
    ("year", "order"),
    {
        "year": YEAR,  # year of publication; null: works without a year
        "order": pl.Int8,  # number of the step in the selection
        "step": pl.String,  # name of the step
        "unit": pl.String,  # "works" or "references"
        "left": pl.Int64,  # what is left after the step
        "left_core": pl.Int64,  # of these, of works of the field; null before the field is known
    },
)
TRUTH = Table(("source", "target"), {**PAIR, "archetype": pl.String})
