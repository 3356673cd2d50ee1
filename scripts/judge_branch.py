"""Judge the claims on one branch."""

from poles.claims import ends, judging
from poles.claims.tables import BASIS, CLAIMS, TIES
from poles.study import jobs, tables
from poles.trajectories.construction import Rule

with jobs.run(snakemake) as record:
    names = (snakemake.wildcards.variant, snakemake.wildcards.null)
    use, output = snakemake.params, snakemake.output
    branch = judging.read_branch(snakemake.input, **use.study)
    judged, uncertain = (use.claims, branch, *names), ends.read(snakemake.input.intervals, names[1])
    tables.write(judging.judge_branch(*judged, uncertain), CLAIMS, output.verdicts, record)
    tables.write(judging.scan_ties(*judged), TIES, output.ties, record)
    tables.write(judging.basis(branch, *names, str(Rule.of(**use.limits))), BASIS, output.basis, record)
