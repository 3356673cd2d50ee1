"""Which records are in the field, and which cite it."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from poles.errors import StudyError


def in_field(field: Mapping[str, Any] | None) -> pl.Expr:
    """Whether a record is in the field.

    Parameters
    ----------
    field : Mapping or None
        ``subfields``, numbers of OpenAlex subfields, or None; ``match``, ``primary`` (the subfield of the
        primary topic counts) or ``any`` (the subfields of all topics count). If `field` or its subfields are
        None, every work is in the field.

    Returns
    -------
    pl.Expr
        Boolean, never null, over ``primary_subfield`` and ``topic_subfields`` of `RECORDS`.

    Raises
    ------
    StudyError
        If ``match`` has another value.
    """
    if field is None or field["subfields"] is None:
        return pl.lit(True)
    subfields = pl.Series(field["subfields"], dtype=pl.Int32).implode()
    primary = pl.col("primary_subfield").is_in(subfields).fill_null(False)
    if field["match"] == "primary":
        return primary
    if field["match"] == "any":
        return primary | pl.col("topic_subfields").list.eval(pl.element().is_in(subfields)).list.any()
    raise StudyError(f"field.match: {field['match']!r} is unknown; use primary or any")


def cites(core: pl.Series) -> pl.Expr:
    """Whether a record cites the field.

    Parameters
    ----------
    core : pl.Series
        Ids of the works of the field.

    Returns
    -------
    pl.Expr
        Boolean, over ``references`` of `RECORDS`, which have no nulls.
    """
    return pl.col("references").list.eval(pl.element().is_in(core.implode())).list.any()
