"""Plain indices of the strength of links, as other studies of scientific collaboration report them.

An index compares the weight of one link with the activity of its two countries, without a null model. It has
no unit of chance: it does not say how far a link of this weight could arise at random, as z does.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from poles.errors import StudyError
from poles.networks.tables import COUNTRIES, INDICES
from poles.study import tables


def measure(
    links: Mapping[str, Sequence[str]],
    countries_path: str,
    works: Sequence[str] = (),
    counting: str = "full",
) -> pl.DataFrame:
    """Compute the indices of every pair of countries in every year, from the tables of a study.

    Parameters
    ----------
    links : Mapping
        Paths of the links by layer, one for each year and named by it, such as ``2021.parquet``.
    countries_path : str
        Path of `COUNTRIES`.
    works : sequence of str
        Paths of `WORKS`, named in the same way; empty if the links come from edge lists.
    counting : str
        ``full`` or ``fractional``. Under fractional counting the indices of papers are null, because a
        fraction of a work that is divided among pairs is no part of one that is divided among countries.

    Returns
    -------
    pl.DataFrame
        `INDICES`.
    """
    of_year = {int(Path(path).stem): pl.scan_parquet(path) for path in works}
    all_countries = tables.read(countries_path, COUNTRIES)
    if counting == "fractional":
        all_countries = all_countries.with_columns(papers=None, international_papers=None)
    by_year: dict[int, dict[str, pl.DataFrame]] = {}
    for layer, paths in links.items():
        for path in paths:
            by_year.setdefault(int(Path(path).stem), {})[layer] = pl.read_parquet(path)
    return pl.concat(
        indices(
            year,
            by_year[year],
            all_countries.filter(year=year),
            world_international(of_year[year]) if year in of_year else None,
        )
        for year in sorted(by_year)
    )


def world_international(works: pl.LazyFrame) -> int:
    """Count the works of the field by authors in more than one country.

    Parameters
    ----------
    works : pl.LazyFrame
        `WORKS` of one year.
    """
    international = pl.col("is_core") & (pl.col("countries").list.len() > 1)
    return works.select(international.sum()).collect().item()


def indices(
    year: int,
    links: Mapping[str, pl.DataFrame],
    countries: pl.DataFrame,
    international: int | None = None,
) -> pl.DataFrame:
    """Compute the indices of every pair of countries in one year.

    Parameters
    ----------
    year : int
        Year of the links.
    links : Mapping
        Links by layer. Indices of a layer that is missing are null.
    countries : pl.DataFrame
        `COUNTRIES` of the year. Its papers must be full counts, or null.
    international : int, optional
        See `world_international`. Without it the index of collaboration is null.

    Returns
    -------
    pl.DataFrame
        `INDICES`, for all pairs of countries in the year. An index is null where its denominator is 0.

    Raises
    ------
    StudyError
        If a country of a link is not in `countries`.

    Notes
    -----
    Let w be the shared works of countries i and j, P_i all works of i, I_i those that i shares with another
    country, and I all international works of the year.

    - Salton's cosine is w / sqrt(P_i P_j) (Salton and McGill 1983; for countries, Luukkonen et al. 1993).
    - Jaccard's index is w / (P_i + P_j - w), the shared part of all works of both.
    - The index of collaboration is (w / I_i) / (I_j / I): the share of j in the international works of i,
      over the share of j in all international works. The science indicators of the US National Science
      Foundation use it. It is 1 where i works with j as often as all countries together do.
    - The probabilistic affinity index is w S / (s_i s_j) (Zitt et al. 2000), where s_i is the weight of all
      links of i to other countries, and S the sum of s. It is 1 where partners are chosen by their weight in
      all links. For citations, s_i are the citations that i gives to other countries, and s_j those that j
      receives from other countries.
    """
    codes = countries["country"].sort()
    place = {code: number for number, code in enumerate(codes)}
    first, second = np.triu_indices(len(codes), 1)
    columns: dict[str, pl.Series | None] = dict.fromkeys(INDICES.columns)
    collaboration = citation = None
    if "collaboration" in links:
        collaboration = _matrix(links["collaboration"], place, year)
        collaboration += collaboration.T
        columns["weight"] = pl.Series(collaboration[first, second])
    if "citation" in links:
        citation = _matrix(links["citation"], place, year)
    papers, shares = _activity(countries, "papers"), _activity(countries, "international_papers")
    found = values(collaboration, citation, papers, shares, international)
    columns |= {name: _finite(value) for name, value in found.items()}
    pairs = pl.DataFrame({"source": codes.gather(first), "target": codes.gather(second)})
    return pairs.with_columns(
        pl.lit(year).alias("year"),
        *(pl.lit(None).alias(name) if values is None else values.alias(name)
          for name, values in columns.items() if name not in ("year", "source", "target")),
    ).select(pl.col(name).cast(kind) for name, kind in INDICES.columns.items())  # fmt: skip


def values(
    collaboration: np.ndarray | None,
    citation: np.ndarray | None,
    papers: np.ndarray | None,
    shares: np.ndarray | None,
    international: np.ndarray | int | None,
) -> dict[str, np.ndarray]:
    """Compute the indices of every pair of countries in one network, or in many at once.

    Parameters
    ----------
    collaboration, citation : ndarray, shape (..., n, n), or None
        Weights without diagonal.
    papers, shares : ndarray, shape (..., n), or None
        Works of each country, and those that it shares with others.
    international : ndarray, shape (...), or int, or None
        All works that countries share.

    Returns
    -------
    dict
        Some of `poles.networks.tables.INDEX_NAMES`, each of shape (..., pairs) in the order of
        ``np.triu_indices(n, 1)``; not finite where a denominator is 0. What lacks its data is missing.
    """
    found = {}
    with np.errstate(divide="ignore", invalid="ignore"):
        if collaboration is not None:
            first, second = np.triu_indices(collaboration.shape[-1], 1)
            shared = collaboration[..., first, second]
            found["affinity"] = _affinity(collaboration)[..., first, second]
            if papers is not None:
                one, other = papers[..., first], papers[..., second]
                found["salton"] = shared / np.sqrt(one * other)
                found["jaccard"] = shared / (one + other - shared)
            if shares is not None and international is not None:
                world = np.asarray(international)[..., None]
                found["collaboration_index"] = shared * world / (shares[..., first] * shares[..., second])
        if citation is not None:
            first, second = np.triu_indices(citation.shape[-1], 1)
            affinity = _affinity(citation)
            found["citation_affinity_out"] = affinity[..., first, second]
            found["citation_affinity_in"] = affinity[..., second, first]
    return found


def _matrix(links: pl.DataFrame, place: Mapping[str, int], year: int) -> np.ndarray:
    """Weights of links between different countries, by source and target."""
    links = links.filter(pl.col("source") != pl.col("target"))
    unknown = {*links["source"], *links["target"]} - set(place)
    if unknown:
        raise StudyError(f"{year}: links of {', '.join(sorted(unknown))}, which the table of countries lacks")
    weights = np.zeros((len(place), len(place)))
    rows, columns = ([place[code] for code in links[end]] for end in ("source", "target"))
    weights[rows, columns] = links["weight"].to_numpy()
    return weights


def _affinity(weights: np.ndarray) -> np.ndarray:
    """Weight of each link over the one that the strengths of its ends would give."""
    out, into = weights.sum(axis=-1), weights.sum(axis=-2)
    return weights * weights.sum(axis=(-1, -2))[..., None, None] / (out[..., :, None] * into[..., None, :])


def _activity(countries: pl.DataFrame, column: str) -> np.ndarray | None:
    """Count of each country in the order of codes; None if the source does not have it."""
    counts = countries.sort("country")[column]
    return counts.to_numpy() if counts.null_count() == 0 else None


def _finite(values: np.ndarray) -> pl.Series:
    """Values as a column, in which a value with a denominator of 0 is null."""
    return pl.Series(np.where(np.isfinite(values), values, np.nan)).fill_nan(None)
