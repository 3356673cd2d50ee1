"""Polarization and integration in global AI research: everything the study computes."""

import os
import time

STARTED = time.time()
"""When this process began to load the study, in seconds since 1970."""

# Snakemake exports the threads of a rule as OMP_NUM_THREADS. polars and numba read other variables, and only
# once, at import. So these are set here, before either of them is imported.
for _name in ("POLARS_MAX_THREADS", "NUMBA_NUM_THREADS"):
    if "OMP_NUM_THREADS" in os.environ:
        os.environ.setdefault(_name, os.environ["OMP_NUM_THREADS"])
