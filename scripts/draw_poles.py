"""Draw whom each country attracts and repels."""

from poles import jobs, tables
from poles.figures import poles, style

with jobs.run(snakemake) as record:
    found = tables.read(snakemake.input[0], tables.POLES)
    style.save(poles.poles(found, snakemake.params.poles), snakemake.output, record)
