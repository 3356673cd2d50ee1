"""Plant a world, and write it as an OpenAlex snapshot."""

from pathlib import Path

from poles.corpus.demo import snapshot
from poles.corpus.tables import TRUTH
from poles.study import jobs, tables

with jobs.run(snakemake) as record:
    settings = snakemake.params.years | snakemake.params.demo
    settings |= settings.pop("world")
    truth = snapshot.write_snapshot(Path(snakemake.output.truth).parent, record=record, **settings)
    tables.write(truth, TRUTH, snakemake.output.truth, record)
