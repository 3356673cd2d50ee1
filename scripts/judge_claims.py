"""Judge the paper's claims in every branch, and say which choice moves them."""

from poles import claims, jobs, provenance, robustness, tables

with jobs.run(snakemake) as record:
    params, output = snakemake.params, snakemake.output
    branches = claims.read_branches(snakemake.input, **params.study)
    judged = claims.judge(params.claims, branches)
    moved = robustness.changes(judged, params.claims, params.choices)
    tables.write(judged, tables.CLAIMS, output.table, record)
    tables.write(moved, tables.ROBUSTNESS, output.robustness, record)
    note = claims.caveat(*params.data)
    more = [*claims.basis(branches, params.choices), "", *robustness.summary(moved)]
    provenance.write_text(claims.page(judged, note, more), output.page, record)
    provenance.write_text(claims.html_page(judged, note), output.html, record)
