"""Results on which the claims are judged in a branch, where the study has trajectories."""

OF_TRAJECTORIES = {
    "signal": ("panel", "trajectories/{null}.signal.parquet"),
    "polarization": ("panel", "polarization/{null}.trends.parquet"),
    "hubs": ("panel", "hubs/{null}.parquet"),
    "candidates": ("panel", "alignment/{null}.poles.parquet"),
    "courses": ("panel", "alignment/{null}.courses.parquet"),
    "clusters": ("clusters", "clusters/{null}.parquet"),
    "selection": ("clusters", "clusters/{null}.selection.parquet"),
    "alignment": ("clusters", "alignment/{null}.parquet"),
    "trends": ("panel", "alignment/{null}.trends.parquet"),
}
"""Stage of each (`poles.study.branches.STAGES`), and its path below the variant that shares that stage.

The names are those of the arguments of `poles.claims.judging.read_branch`.
"""
