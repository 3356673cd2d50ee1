"""Write the networks of a layer in the formats of other programs."""

from poles.exports.writing import write_networks
from poles.study import jobs

with jobs.run(snakemake) as record:
    scores = dict(zip(snakemake.params.nulls, snakemake.input.scores, strict=True))
    layer, paths = snakemake.wildcards.layer, dict(snakemake.output.items())
    write_networks(scores, snakemake.input.countries, layer, paths, record)
