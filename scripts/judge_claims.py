"""Judge the paper's claims in every branch."""

from poles import claims, jobs, provenance, tables

with jobs.run(snakemake) as record:
    branches = claims.read_branches(snakemake.input, **snakemake.params.study)
    judged = claims.judge(snakemake.params.claims, branches)
    tables.write(judged, tables.CLAIMS, snakemake.output.table, record)
    note = claims.caveat(*snakemake.params.data)
    provenance.write_text(claims.page(judged, note), snakemake.output.page, record)
    provenance.write_text(claims.html_page(judged, note), snakemake.output.html, record)
