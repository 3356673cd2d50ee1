"""Build the networks of every year from works, or read them from edge lists."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from poles.networks import edge_lists
from poles.networks.country_table import country_table
from poles.networks.links import citation_links, collaboration_links, international_papers
from poles.networks.tables import links_table
from poles.networks.works import Works
from poles.study import tables

log = logging.getLogger(__name__)


def read(
    files: Mapping[str, str | Path],
    first: int,
    last: int,
    merge: Mapping[str, str],
    needed: tuple[int, int] | None = None,
) -> Iterator[tuple[int, dict[str, pl.DataFrame], pl.DataFrame]]:
    """Read the networks of every year from edge lists.

    Parameters
    ----------
    files : Mapping
        One file for each layer, see `poles.networks.edge_lists.read_links`.
    first, last : int
        Years of the study.
    merge : Mapping
        Codes that count as a country (``selection.merge``).
    needed : (int, int), optional
        See `poles.networks.edge_lists.read_links`.

    Yields
    ------
    year, links, countries
        As `build`.
    """
    years = range(first, last + 1)
    layers = {
        layer: edge_lists.read_links(path, layer, years, merge, needed) for layer, path in files.items()
    }
    for year in years:
        links = {layer: by_year[year] for layer, by_year in layers.items()}
        yield year, links, country_table(year, links)


def build(
    files: Iterable[str | Path], counting: str, window: int | None = None
) -> Iterator[tuple[int, dict[str, pl.DataFrame], pl.DataFrame]]:
    """Build the networks of every year from works, one year at a time.

    Parameters
    ----------
    files : iterable of path
        Tables of works, one for each year and named by it, such as ``2021.parquet``.
    counting : str
        ``full`` or ``fractional``.
    window : int, optional
        See `poles.networks.works.Works.citations`.

    Yields
    ------
    year : int
        Year of the collaborating and citing works.
    links : dict
        Links by layer.
    countries : pl.DataFrame
        `COUNTRIES` of that year.

    Notes
    -----
    Memory holds what `poles.networks.works.Works` keeps of all works, and the references of one year.
    """
    works = Works(files, counting)
    for of_year in works.years:
        field = np.bincount(of_year.sets[of_year.in_field], minlength=works.sets.members.shape[0])
        citing, cited = works.citations(of_year, window)
        links = {
            "collaboration": collaboration_links(field, works.sets),
            "citation": citation_links(of_year.sets[citing], cited, works.sets),
        }
        year = int(of_year.path.stem)
        countries = country_table(year, links, international_papers(field, works.sets))
        log.info(
            "%d: %d countries; %s", year, len(countries),
            ", ".join(f"{layer} {len(frame)} links of weight {frame['weight'].sum():.10g}"
                      for layer, frame in links.items()),
        )  # fmt: skip
        yield year, links, countries


def write_links(
    year: int, links: Mapping[str, pl.DataFrame], paths: Iterable[str], record: Mapping[str, Any]
) -> None:
    """Write the links of a year.

    Parameters
    ----------
    year : int
        Year of the links.
    links : Mapping
        Links by layer.
    paths : iterable of str
        Paths of the form ``.../LAYER/links/YEAR.parquet``, of this and other years.
    record : Mapping
        Provenance of the job.
    """
    path_of = {Path(path).parts[-3:]: path for path in paths}
    for layer, frame in links.items():
        tables.write(frame, links_table(frame), path_of[layer, "links", f"{year}.parquet"], record)
