"""Collect the verdicts of all branches, and say which choice changes them."""

from poles.claims import judging, page, robustness
from poles.claims.tables import BASIS, CLAIMS, ROBUSTNESS, TIES
from poles.study import jobs, run_warnings, tables

with jobs.run(snakemake) as record:
    source, params, output = snakemake.input, snakemake.params, snakemake.output
    judged = judging.collect(params.claims, params.stages, judging.read_all(source.verdicts, CLAIMS))
    moved = robustness.changes(judged, params.stages, params.choices, params.homes)
    tables.write(judged, CLAIMS, output.table, record)
    tables.write(moved, ROBUSTNESS, output.robustness, record)
    shown = judged, judging.read_all(source.basis, BASIS), moved, params.stages, params.choices, params.homes
    note = page.caveat(*params.data, params.of_paper)
    about = params.period, note, run_warnings.sentences(run_warnings.upstream(source)), params.of_paper
    page.write(page.content(*shown, judging.read_all(source.ties, TIES), *about), output, record)
