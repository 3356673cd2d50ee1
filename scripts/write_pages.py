"""Write the first page of the results, the methods of the run, and the pages of its figures."""

import json

from poles.report import pages
from poles.study import jobs

with jobs.run(snakemake) as record:
    run = json.loads(snakemake.params.run)
    pages.write(dict(snakemake.input.items()), dict(snakemake.output.items()), run, record)
