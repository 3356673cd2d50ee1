"""Judge the claims on one branch."""

from poles.claims import judging
from poles.claims.tables import BASIS, CLAIMS, TIES
from poles.study import jobs, tables
from poles.trajectories.construction import Rule

with jobs.run(snakemake) as record:
    names = (snakemake.wildcards.variant, snakemake.wildcards.null)
    branch = judging.read_branch(snakemake.input, **snakemake.params.study)
    judged = snakemake.params.claims, branch, *names
    tables.write(judging.judge_branch(*judged), CLAIMS, snakemake.output.verdicts, record)
    tables.write(judging.scan_ties(*judged), TIES, snakemake.output.ties, record)
    rule = str(Rule.of(**snakemake.params.limits))
    tables.write(judging.basis(branch, *names, rule), BASIS, snakemake.output.basis, record)
