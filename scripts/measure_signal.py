"""Measure how far the trends of the panel of one branch stand out of their noise."""

from poles.archetypes import pair_trends
from poles.archetypes.tables import SIGNAL
from poles.study import jobs, tables
from poles.trajectories.tables import trajectories_table

with jobs.run(snakemake) as record:
    channels = snakemake.params.channels
    trajectories = tables.read(snakemake.input[0], trajectories_table(channels))
    tables.write(pair_trends.signal(trajectories, channels), SIGNAL, snakemake.output[0], record)
