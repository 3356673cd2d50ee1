"""Null models: expected weights of all pairs of countries. A null model is a module of poles.nulls."""

from poles.study import signatures

YEARLY_MODELS = "|".join(
    null
    for null, model in signatures.null_models(Path(workflow.basedir)).items()
    if model.yearly_jobs
)
"""Pattern of the null models whose years are fitted in several jobs."""
YEARLY_MODELS = YEARLY_MODELS or "(?!)"  # no name matches this
LINKS = "results/{variant}/{layer}/links/{year}.parquet"
YEARS_OF_JOB = {str(job): YEARS[job::4] for job in range(min(4, len(YEARS)))}
"""Years by job: every fourth, as later years take longer. A job of one year would mostly wait for Python."""
FITTED_YEARS = "results/{variant}/{layer}/nulls/{null}/{job}"


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
    resources:
        **MEASURED,
    params:
        options=lambda wildcards: config["nulls"].get(wildcards.null, {}),
        code=lambda wildcards: code("fit_null", f"poles.nulls.{wildcards.null}"),
    script:
        "../../scripts/fit_null.py"


rule fit_null_years:
    """Some years of a null model that takes long, such as a sampler."""
    input:
        **LINKS_OF,
    output:
        moments=f"{FITTED_YEARS}.parquet",
        diagnostics=f"{FITTED_YEARS}.diagnostics.parquet",
    log:
        "results/logs/{variant}/{layer}/fit_null_years.{null}/{job}.log",
    benchmark:
        "results/benchmarks/{variant}/{layer}/fit_null_years.{null}/{job}.tsv"
    wildcard_constraints:
        null=YEARLY_MODELS,
    resources:
        **MEASURED,
    params:
        layers=LAYERS,
        poles=config["poles"],
        years=years_of_job,
        core=core_of_panel,
        options=lambda wildcards: config["nulls"].get(wildcards.null, {}),
        code=lambda wildcards: code("fit_null_years", f"poles.nulls.{wildcards.null}"),
    script:
        "../../scripts/fit_null_years.py"


rule gather_null_years:
    """All years of a null model that is fitted in several jobs."""
    input:
        moments=expand(f"{FITTED_YEARS}.parquet", job=YEARS_OF_JOB, allow_missing=True),
        diagnostics=expand(
            f"{FITTED_YEARS}.diagnostics.parquet", job=YEARS_OF_JOB, allow_missing=True
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
    resources:
        **MEASURED,
    params:
        code=code("gather_null_years"),
    script:
        "../../scripts/gather_null_years.py"


if SOURCE["kind"] != "networks":

    rule measure_uncertainty:
        """Intervals of z and of plain indices, from works drawn anew."""
        input:
            works,
        output:
            expand(INTERVALS_OF, table=INTERVAL_TABLES, allow_missing=True),
        log:
            "results/logs/{variant}/measure_uncertainty.log",
        benchmark:
            "results/benchmarks/{variant}/measure_uncertainty.tsv"
        resources:
            **MEASURED,
        params:
            chosen=chosen_intervals,
            choices=lambda wildcards: branches.choices(config, wildcards.variant)[
                "links"
            ],
            options=config["uncertainty"],
            code=code("measure_uncertainty"),
        script:
            "../../scripts/measure_uncertainty.py"
