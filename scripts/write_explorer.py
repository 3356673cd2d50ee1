"""Write the page on which the links of all countries can be looked at."""

from poles.explorer import collection, page
from poles.study import jobs

with jobs.run(snakemake) as record:
    content = collection.read(dict(snakemake.input.items()), **jobs.options(snakemake))
    page.write(content, snakemake.output[0], record)
