"""Collect the verdicts of all branches, and say which choice changes them."""

from poles.claims import judging, page, robustness
from poles.claims.tables import BASIS, CLAIMS, ROBUSTNESS, TIES
from poles.study import jobs, run_warnings, tables

with jobs.run(snakemake) as record:
    source, use, output = snakemake.input, snakemake.params, snakemake.output
    judged = judging.collect(use.claims, use.stages, tables.read_all(source.verdicts, CLAIMS))
    moved = robustness.changes(judged, use.stages, use.choices, use.homes)
    tables.write(judged, CLAIMS, output.table, record)
    tables.write(moved, ROBUSTNESS, output.robustness, record)
    base = judged, tables.read_all(source.basis, BASIS), moved, use.stages, use.claims, use.choices, use.homes
    about = use.period, use.data, run_warnings.sentences(run_warnings.upstream(source))
    page.write(page.content(*base, tables.read_all(source.ties, TIES), *about), output, record)
