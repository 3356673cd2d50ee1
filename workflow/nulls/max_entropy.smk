rule fit_max_entropy:
    """Expected weights and deviations of every pair of countries under a null model."""
    input:
        expand(
            "results/{{variant}}/{{layer}}/links/{year}.parquet",
            year=YEARS,
        ),
    output:
        moments="results/{variant}/{layer}/nulls/<null>.parquet",
        diagnostics="results/{variant}/{layer}/nulls/<null>.diagnostics.parquet",
    log:
        "results/logs/{variant}/{layer}/fit_<null>.log",
    benchmark:
        "results/benchmarks/{variant}/{layer}/fit_<null>.tsv"
    pathvars:
        null="max_entropy",
    params:
        null="max_entropy",
        options=config["nulls"].get("max_entropy", {}),
        code=code("fit_null", "poles.nulls.max_entropy"),
    script:
        "../../scripts/fit_null.py"
