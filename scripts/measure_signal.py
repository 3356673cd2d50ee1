"""Measure how far the trends of the panel of one branch stand out of their noise."""

from poles import jobs, tables, trends

with jobs.run(snakemake) as record:
    channels = snakemake.params.channels
    trajectories = tables.read(snakemake.input[0], tables.trajectories(channels))
    tables.write(trends.signal(trajectories, channels), tables.SIGNAL, snakemake.output[0], record)
