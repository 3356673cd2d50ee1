"""Measure how the links of every country with the poles change relative to what is expected of them."""

from poles.blocs.courses import measure_courses
from poles.blocs.tables import COURSES
from poles.nulls.tables import SCORES
from poles.study import jobs, tables
from poles.trajectories.pair_panel import PairPanel

with jobs.run(snakemake) as record:
    panel = PairPanel.read(snakemake.input.trajectories, snakemake.params.channels)
    files = zip(snakemake.params.layers, snakemake.input.scores, strict=True)
    scores = {layer: tables.read(path, SCORES) for layer, path in files}
    courses = measure_courses(panel, scores, snakemake.params.poles, snakemake.params.growth)
    tables.write(courses, COURSES, snakemake.output[0], record)
