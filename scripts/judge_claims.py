"""Judge the paper's claims in every branch, and say which choice moves them."""

from poles.claims import judging, robustness
from poles.claims.tables import CLAIMS, ROBUSTNESS
from poles.study import embedding, jobs, tables

with jobs.run(snakemake) as record:
    params, output = snakemake.params, snakemake.output
    branches = judging.read_branches(snakemake.input, **params.study)
    judged = judging.judge(params.claims, branches)
    moved = robustness.changes(judged, params.claims, params.choices)
    tables.write(judged, CLAIMS, output.table, record)
    tables.write(moved, ROBUSTNESS, output.robustness, record)
    note = judging.caveat(*params.data)
    more = [*judging.basis(branches, params.choices), "", *robustness.summary(moved)]
    embedding.write_text(judging.page(judged, note, more), output.page, record)
    embedding.write_text(judging.html_page(judged, note), output.html, record)
