"""Fetch the works outside the field that cite a part of it."""

from poles.corpus.api import citing
from poles.study import embedding, jobs, tables

with jobs.run(snakemake) as record:
    cited = tables.read(snakemake.input[0], citing.CITED)
    part = int(snakemake.wildcards.part), snakemake.params.parts
    works, units = citing.harvest_citing(
        snakemake.params.store, snakemake.params.scope, cited, part, snakemake.config["source"]["api"]
    )
    embedding.write_gzip(works, snakemake.output[0], {**record, "store": units})
