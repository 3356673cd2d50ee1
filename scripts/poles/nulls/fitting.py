"""Fit a null model to one network, to the links of one year, or to every year of a layer."""

import importlib
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from poles.errors import StudyError
from poles.nulls.constraints import TOLERANCE
from poles.nulls.network import Moments, Network, network_of, tabulate, with_used
from poles.nulls.tables import DIAGNOSTICS, MOMENTS
from poles.stats.progress import Progress

log = logging.getLogger(__name__)


def fit_network(null: str, network: Network, options: Mapping[str, Any]) -> Moments:
    """Fit a null model to a network that has links.

    Parameters
    ----------
    null : str
        Name of a module of this package with a function ``fit``.
    network : Network
        At least one link.
    options : Mapping
        Keyword arguments of ``fit``.

    Returns
    -------
    Moments

    Raises
    ------
    StudyError
        If the relative error of a constraint exceeds `TOLERANCE`.
    """
    fit: Callable[..., Moments] = importlib.import_module(f"poles.nulls.{null}").fit
    moments = fit(network, **options)
    if not moments.residual <= TOLERANCE:
        raise StudyError(
            f"{null}, {network}: relative error {moments.residual:.2g} in the constraint of "
            f"{moments.worst} after {moments.iterations} iterations; at most {TOLERANCE:g} is allowed"
        )
    return moments


def fit_year(
    null: str,
    path: str | Path,
    layer: str,
    options: Mapping[str, Any],
    core: Collection[str] | None = None,
    poles: Collection[str] = (),
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Fit a null model to the links of one year.

    Parameters
    ----------
    null, options
        See `fit_network`.
    path : path
        File of links, named by its year, such as ``2021.parquet``.
    layer : str
        ``collaboration`` or ``citation``.
    core, poles : collection of str
        Countries whose links a sampler must get right, see `network.with_used`. By default it looks at all
        links.

    Returns
    -------
    moments, diagnostics : pl.DataFrame
        Tables `MOMENTS` and `DIAGNOSTICS`. A year without links has no moments, and a note in the
        diagnostics.

    Raises
    ------
    StudyError
        If a weight is not a positive number, or the relative error of a constraint exceeds `TOLERANCE`.
    """
    path = Path(path)
    network = network_of(pl.read_parquet(path), int(path.stem), layer)
    diagnostics: dict[str, Any] = {"year": network.year, "nodes": len(network.countries)}
    if core is not None:
        network = with_used(network, core, poles)
    if network.countries:
        fitted = fit_network(null, network, options)
        moments = tabulate(network, fitted)
        links = int(np.count_nonzero(network.weights)) // (1 if network.directed else 2)
        log.info(
            "%s: %d countries, %d links, residual %.1e after %d iterations %s",
            network, len(network.countries), links, fitted.residual, fitted.iterations, fitted.note,
        )  # fmt: skip
        diagnostics |= {"links": links, "iterations": fitted.iterations, "residual": fitted.residual}
        diagnostics |= {"note": fitted.note or None, **fitted.extra}
    else:
        log.info("%s: no links between countries, nothing to fit", network)
        moments = pl.DataFrame(schema=dict(MOMENTS.columns))
        diagnostics |= {"links": 0, "iterations": 0, "note": "no links between countries"}
    return moments, pl.DataFrame([diagnostics], schema=dict(DIAGNOSTICS.columns))


def fit_years(
    null: str,
    paths: Iterable[str | Path],
    layer: str,
    options: Mapping[str, Any],
    core: Collection[str] | None = None,
    poles: Collection[str] = (),
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Fit a null model to every year of a layer.

    Parameters
    ----------
    null, layer, options, core, poles
        See `fit_year`.
    paths : iterable of path
        One file for each year.

    Returns
    -------
    moments, diagnostics : pl.DataFrame
        As `fit_year`, of all years.

    Raises
    ------
    StudyError
        As `fit_year`.
    """
    files = sorted(map(Path, paths))
    follow = Progress(len(files), "years").follow
    years = [fit_year(null, path, layer, options, core, poles) for path in follow(files)]
    return pl.concat(moments for moments, _ in years), pl.concat(diagnostics for _, diagnostics in years)
