"""Fit a null model that samples to some years of one layer, until the links of the study are accurate."""

from pathlib import Path

import polars as pl

from poles.nulls import fitting
from poles.nulls.tables import DIAGNOSTICS, MOMENTS
from poles.study import jobs, tables
from poles.trajectories.construction import core_countries


def all_links(paths: list[str]) -> pl.DataFrame:
    """Links of all years between different countries, with the column names of scores."""
    frames = (pl.read_parquet(path).with_columns(year=int(Path(path).stem)) for path in paths)
    links = pl.concat(frames).rename({"weight": "observed"})
    return links.filter(pl.col("source") != pl.col("target"))


with jobs.run(snakemake) as record:
    null, layer, params = snakemake.wildcards.null, snakemake.wildcards.layer, snakemake.params
    links = {name: all_links(snakemake.input[name]) for name in params.layers}
    core = core_countries(links, **params.core)
    years = [path for path in snakemake.input[layer] if int(Path(path).stem) in params.years]
    moments, diagnostics = fitting.fit_years(null, years, layer, params.options, core, params.poles)
    tables.write(moments, MOMENTS, snakemake.output.moments, record)
    tables.write(diagnostics, DIAGNOSTICS, snakemake.output.diagnostics, record)
