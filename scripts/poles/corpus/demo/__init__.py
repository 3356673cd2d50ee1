"""A planted world: a small OpenAlex snapshot whose truth is known, made from a seed.

About sixty real countries publish, work together and cite each other. Works are made one by one in the
natural way: year, lead country by size, partners by size and affinity, authors; references by stock of
earlier works, affinity, age and attractiveness. The affinity of every pair of countries follows one of the
paper's four archetypes, and that table is the truth. Nothing here knows of null models, z-scores or clusters,
and the study reads the files as it would read OpenAlex's.

What is unrealistic, so that sixty thousand works suffice: yearly output grows threefold from 1990 to 2023
(in OpenAlex about ninefold); sizes of countries are real ones to the power 0.6; a third to a half of all
works are international, by three countries on average; affinities change by a factor of ten and more, and
those of every pair change, smoothly. Nothing older than the first year exists, so early works have little to
cite. Large collaborations, authors who move, and duplicate records are not simulated.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from poles.corpus.demo import records
from poles.corpus.demo.works import generate
from poles.corpus.demo.world import plant
from poles.corpus.layout import parts

log = logging.getLogger(__name__)

__all__ = ["Plan", "Works", "World", "generate", "manifests", "parts", "plant", "write_snapshot"]


def write_snapshot(
    folder: str | Path,
    works: int,
    seed: int,
    first: int,
    last: int,
    layout: str,
    record: Mapping[str, Any],
    **knobs: float,
) -> pl.DataFrame:
    """Make a demo snapshot: part files and manifests, laid out as OpenAlex's.

    Parameters
    ----------
    folder : str or Path
        Stands for the bucket; `parts` and `manifests` are relative to it.
    works : int
        Records in all.
    seed : int
        The same arguments give the same bytes.
    first, last : int
        Years in which works appear.
    layout : str
        ``jsonl`` or ``parquet``; the records are the same.
    record : Mapping
        Provenance of the job, embedded in every file.
    **knobs
        Attributes of `Plan`.

    Returns
    -------
    pl.DataFrame
        Archetype of every pair of countries, `TRUTH`.

    Raises
    ------
    StudyError
        If an argument is unknown or out of range.
    """
    names = parts(works, layout)
    world = plant(seed, first, last, **knobs)
    made = generate(world, works, seed)
    log.info(
        "demo: %d works of %d countries, %d of them in the field, with %d references and %d authorships",
        len(made), len(world.codes), made.in_field.sum(), len(made.references), len(made.author_country),
    )  # fmt: skip
    records.write(Path(folder), names, world, made, layout, record)
    return world.truth()
