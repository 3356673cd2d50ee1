"""Countries against the poles: alignment, the search for further poles, polarization, hubs."""


rule align_countries:
    """Every country compared with the poles: archetypes, group and index."""
    input:
        trajectories=shared("trajectories", TRAJECTORIES),
        clusters=CLUSTERS,
    output:
        "results/{variant}/alignment/{null}.parquet",
    log:
        "results/logs/{variant}/align_countries.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/align_countries.{null}.tsv"
    resources:
        **MEASURED,
    params:
        channels=CHANNELS,
        poles=config["poles"],
        options=lambda wildcards: config["alignment"]
        | {"preprocessing": preprocessing(wildcards)},
        code=code("align_countries"),
    script:
        "../../scripts/align_countries.py"


rule measure_courses:
    """How z of every country with every pole changes, and its links relative to what is expected of them."""
    input:
        trajectories=TRAJECTORIES,
        scores=shared("links", SCORES, layer=LAYERS),
    output:
        courses="results/{variant}/alignment/{null}.courses.parquet",
        trends="results/{variant}/alignment/{null}.trends.parquet",
    log:
        "results/logs/{variant}/measure_courses.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/measure_courses.{null}.tsv"
    resources:
        **MEASURED,
    params:
        channels=CHANNELS,
        layers=LAYERS,
        poles=config["poles"],
        growth=growth,
        trends=trend_options,
        code=code("measure_courses"),
    script:
        "../../scripts/measure_courses.py"


rule search_poles:
    """Every country of the panel taken as a pole: the partners that it attracts and repels."""
    input:
        trajectories=TRAJECTORIES,
        scores=shared("links", SCORES, layer=LAYERS),
    output:
        "results/{variant}/alignment/{null}.poles.parquet",
    log:
        "results/logs/{variant}/search_poles.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/search_poles.{null}.tsv"
    resources:
        **MEASURED,
    params:
        channels=CHANNELS,
        layers=LAYERS,
        options=lambda wildcards: config["attraction"]
        | {"preprocessing": preprocessing(wildcards)},
        code=code("search_poles"),
    script:
        "../../scripts/search_poles.py"


rule measure_polarization:
    """Correlation between the poles, and modularity of the signed network of z, by year."""
    input:
        trajectories=TRAJECTORIES,
        scores=shared("links", SCORES, layer=LAYERS),
    output:
        by_year="results/{variant}/polarization/{null}.parquet",
        trends="results/{variant}/polarization/{null}.trends.parquet",
    log:
        "results/logs/{variant}/measure_polarization.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/measure_polarization.{null}.tsv"
    resources:
        **MEASURED,
    params:
        channels=CHANNELS,
        layers=LAYERS,
        poles=config["poles"],
        options=lambda wildcards: config["polarization"] | {"growth": growth(wildcards)},
        code=code("measure_polarization"),
    script:
        "../../scripts/measure_polarization.py"


rule compare_hubs:
    """Trends between large and small countries of a region, and among the large."""
    input:
        trajectories=TRAJECTORIES,
        scores=shared("links", SCORES, layer=LAYERS),
    output:
        "results/{variant}/hubs/{null}.parquet",
    log:
        "results/logs/{variant}/compare_hubs.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/compare_hubs.{null}.tsv"
    resources:
        **MEASURED,
    params:
        channels=CHANNELS,
        layers=LAYERS,
        options=lambda wildcards: config["hubs"]
        | {"preprocessing": preprocessing(wildcards)},
        code=code("compare_hubs"),
    script:
        "../../scripts/compare_hubs.py"
