"""Collect the verdicts of all branches, and say which choice changes them."""

from poles.claims import judging, page, robustness
from poles.claims.tables import BASIS, CLAIMS, ROBUSTNESS
from poles.study import jobs, run_warnings, tables

with jobs.run(snakemake) as record:
    source, params, output = snakemake.input, snakemake.params, snakemake.output
    verdicts, basis = judging.read_all(source.verdicts, CLAIMS), judging.read_all(source.basis, BASIS)
    judged = judging.collect(params.claims, params.stages, verdicts)
    moved = robustness.changes(judged, params.stages, params.choices, params.homes)
    tables.write(judged, CLAIMS, output.table, record)
    tables.write(moved, ROBUSTNESS, output.robustness, record)
    about = params.homes, params.period, page.caveat(*params.data)
    warnings = run_warnings.sentences(run_warnings.upstream(source))
    values = page.content(judged, basis, moved, params.stages, params.choices, *about, warnings)
    page.write(values, output.page, output.html, record)
