"""Write the results as CSV files with a Data Package."""

from poles.exports.writing import write_tables
from poles.study import jobs

with jobs.run(snakemake) as record:
    source, paths, use = dict(snakemake.input.items()), dict(snakemake.output.items()), snakemake.params
    write_tables(source, paths, use.branches, use.channels, use.poles, record)
