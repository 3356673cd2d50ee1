use rule fit_max_entropy as fit_local_rewiring with:
    input:
        "results/{variant}/{layer}/links/{year}.parquet",
    output:
        moments="results/{variant}/{layer}/nulls/local_rewiring/{year}.parquet",
        diagnostics="results/{variant}/{layer}/nulls/local_rewiring/{year}.diagnostics.parquet",
    log:
        "results/logs/{variant}/{layer}/fit_local_rewiring/{year}.log",
    benchmark:
        "results/benchmarks/{variant}/{layer}/fit_local_rewiring/{year}.tsv"
    pathvars:
        null="local_rewiring",
    params:
        null="local_rewiring",
        options=config["nulls"].get("local_rewiring", {}),
        code=code("fit_null", "poles.nulls.local_rewiring"),


rule gather_local_rewiring:
    """The years of a sampled null model, each a job of its own, as one table."""
    input:
        moments=expand(
            "results/{{variant}}/{{layer}}/nulls/local_rewiring/{year}.parquet",
            year=YEARS,
        ),
        diagnostics=expand(
            "results/{{variant}}/{{layer}}/nulls/local_rewiring/{year}.diagnostics.parquet",
            year=YEARS,
        ),
    output:
        moments="results/{variant}/{layer}/nulls/local_rewiring.parquet",
        diagnostics="results/{variant}/{layer}/nulls/local_rewiring.diagnostics.parquet",
    log:
        "results/logs/{variant}/{layer}/gather_local_rewiring.log",
    params:
        code=code("gather_years"),
    script:
        "../../scripts/gather_years.py"
