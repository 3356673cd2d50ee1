"""Fits a null model to one network, or to every year of a layer."""

import importlib
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from poles.errors import StudyError
from poles.nulls.network import TOLERANCE, Moments, Network, network_of, tabulate
from poles.nulls.tables import DIAGNOSTICS, MOMENTS

log = logging.getLogger(__name__)


def fit_network(model: str, network: Network, options: Mapping[str, Any]) -> Moments:
    """Fit a null model to one network of some country.

    Parameters
    ----------
    model : str
        Name of a module of this package.
    network : Network
    options : Mapping
        Keyword arguments of the model's ``fit``.

    Returns
    -------
    Moments

    Raises
    ------
    StudyError
        If the fit leaves a constraint with a relative error above `TOLERANCE`.
    """
    fit: Callable[..., Moments] = importlib.import_module(f"poles.nulls.{model}").fit
    result = fit(network, **options)
    if not result.residual <= TOLERANCE:
        raise StudyError(
            f"{model}, {network}: relative error {result.residual:.2g} in the constraint of "
            f"{result.worst} after {result.iterations} iterations; at most {TOLERANCE:g} is allowed"
        )
    return result


def fit_years(
    model: str, files: Iterable[str | Path], layer: str, options: Mapping[str, Any]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Fit a null model to every year of a layer.

    Parameters
    ----------
    model, options
        See `fit_network`.
    files : iterable of path
        Link files named by their year, as ``2021.parquet``.
    layer : str
        ``collaboration`` or ``citation``.

    Returns
    -------
    moments, diagnostics : pl.DataFrame
        Tables `MOMENTS` and `DIAGNOSTICS`. A year without links has no moments, and a note
        in the diagnostics.

    Raises
    ------
    StudyError
        If a fit leaves a constraint with a relative error above `TOLERANCE`.
    """
    moments = [pl.DataFrame(schema=dict(MOMENTS.columns))]
    diagnostics = []
    for path in sorted(map(Path, files)):
        network = network_of(pl.read_parquet(path), int(path.stem), layer)
        row = {"year": network.year, "nodes": len(network.countries)}
        if not network.countries:
            log.info("%s: no links between countries, nothing to fit", network)
            diagnostics.append({**row, "links": 0, "iterations": 0, "note": "no links between countries"})
            continue
        result = fit_network(model, network, options)
        links = int(np.count_nonzero(network.weights)) // (1 if network.directed else 2)
        log.info(
            "%s: %d countries, %d links, residual %.1e after %d iterations %s",
            network, len(network.countries), links, result.residual, result.iterations, result.note,
        )  # fmt: skip
        moments.append(tabulate(network, result))
        diagnostics.append(
            row
            | {"links": links, "iterations": result.iterations, "residual": result.residual}
            | {"note": result.note or None, **result.extra}
        )
    return pl.concat(moments), pl.DataFrame(diagnostics, schema=dict(DIAGNOSTICS.columns))
