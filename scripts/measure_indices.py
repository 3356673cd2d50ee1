"""Compute the plain indices of every link: Salton, Jaccard, index of collaboration, affinity."""

from poles.networks.indices import measure
from poles.networks.tables import INDICES
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    links = {layer: snakemake.input[layer] for layer in snakemake.params.layers}
    frame = measure(
        links, snakemake.input.countries, snakemake.input.works, snakemake.params.choices["counting"]
    )
    tables.write(frame, INDICES, snakemake.output[0], record)
