"""Null models: expected weights of all pairs of countries. A null model is a module of poles.nulls."""

from poles.study import signatures

YEARLY_MODELS = "|".join(
    null
    for null, model in signatures.null_models(Path(workflow.basedir)).items()
    if model.yearly_jobs
)
"""Pattern of the null models that have a job for each year."""
YEARLY_MODELS = YEARLY_MODELS or "(?!)"  # no name matches this
LINKS = "results/{variant}/{layer}/links/{year}.parquet"
FITTED_YEAR = "results/{variant}/{layer}/nulls/{null}/{year}"


ruleorder: gather_null_years > fit_null


rule fit_null:
    """Expected weight and standard deviation of every pair of countries, under one null model."""
    input:
        expand(LINKS, year=YEARS, allow_missing=True),
    output:
        moments="results/{variant}/{layer}/nulls/{null}.parquet",
        diagnostics="results/{variant}/{layer}/nulls/{null}.diagnostics.parquet",
    log:
        "results/logs/{variant}/{layer}/fit_null.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/{layer}/fit_null.{null}.tsv"
    params:
        options=lambda wildcards: config["nulls"].get(wildcards.null, {}),
        code=lambda wildcards: code("fit_null", f"poles.nulls.{wildcards.null}"),
    script:
        "../../scripts/fit_null.py"


rule fit_null_year:
    """One year of a null model that takes long, such as a sampler."""
    input:
        LINKS,
    output:
        moments=f"{FITTED_YEAR}.parquet",
        diagnostics=f"{FITTED_YEAR}.diagnostics.parquet",
    log:
        "results/logs/{variant}/{layer}/fit_null_year.{null}/{year}.log",
    benchmark:
        "results/benchmarks/{variant}/{layer}/fit_null_year.{null}/{year}.tsv"
    wildcard_constraints:
        null=YEARLY_MODELS,
    params:
        options=lambda wildcards: config["nulls"].get(wildcards.null, {}),
        code=lambda wildcards: code("fit_null_year", f"poles.nulls.{wildcards.null}"),
    script:
        "../../scripts/fit_null_year.py"


rule gather_null_years:
    """All years of a null model that has a job for each year."""
    input:
        moments=expand(f"{FITTED_YEAR}.parquet", year=YEARS, allow_missing=True),
        diagnostics=expand(
            f"{FITTED_YEAR}.diagnostics.parquet", year=YEARS, allow_missing=True
        ),
    output:
        moments="results/{variant}/{layer}/nulls/{null}.parquet",
        diagnostics="results/{variant}/{layer}/nulls/{null}.diagnostics.parquet",
    log:
        "results/logs/{variant}/{layer}/gather_null_years.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/{layer}/gather_null_years.{null}.tsv"
    wildcard_constraints:
        null=YEARLY_MODELS,
    params:
        code=code("gather_null_years"),
    script:
        "../../scripts/gather_null_years.py"
