"""Measure how far the trends of the panel of one branch stand out of their noise."""

from poles.archetypes.pair_trends import measure_signal
from poles.archetypes.tables import SIGNAL
from poles.study import jobs, tables
from poles.trajectories.pair_panel import PairPanel

with jobs.run(snakemake) as record:
    panel = PairPanel.read(snakemake.input[0], snakemake.params.channels)
    tables.write(measure_signal(panel), SIGNAL, snakemake.output[0], record)
