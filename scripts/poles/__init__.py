"""Polarization and integration in global AI research: everything the study computes."""

import os

# Snakemake exports OMP_NUM_THREADS from a rule's `threads`, but polars and numba read variables of
# their own, and only once, at import: so the grant is handed on before either of them is imported.
for _name in ("POLARS_MAX_THREADS", "NUMBA_NUM_THREADS"):
    if "OMP_NUM_THREADS" in os.environ:
        os.environ.setdefault(_name, os.environ["OMP_NUM_THREADS"])
