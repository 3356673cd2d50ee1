"""Measure how z of every country with every pole changes, and the link relative to what is expected of it."""

from poles.blocs import alignment, courses
from poles.blocs.tables import COURSES, TRENDS
from poles.nulls.tables import SCORES
from poles.study import jobs, tables
from poles.trajectories.pair_panel import PairPanel

with jobs.run(snakemake) as record:
    params, out, poles = snakemake.params, snakemake.output, snakemake.params.poles
    panel = PairPanel.read(snakemake.input.trajectories, params.channels)
    files = zip(params.layers, snakemake.input.scores, strict=True)
    scores = {layer: tables.read(path, SCORES) for layer, path in files}
    tables.write(courses.measure_courses(panel, scores, poles, params.growth), COURSES, out.courses, record)
    tables.write(alignment.pole_trends(panel, poles, **params.trends), TRENDS, out.trends, record)
