"""Countries against the poles: alignment, the search for further poles, polarization, hubs."""


rule align_countries:
    """Every country against the poles: its archetypes, its trends, its group, its index."""
    input:
        trajectories=shared("trajectories", COURSES),
        clusters=CLUSTERED,
    output:
        alignment="results/{variant}/alignment/{null}.parquet",
        trends="results/{variant}/alignment/{null}.trends.parquet",
    log:
        "results/logs/{variant}/align_countries.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/align_countries.{null}.tsv"
    params:
        channels=CHANNELS,
        poles=config["poles"],
        significance=config["significance"],
        preprocessing=preprocessing,
        index=config["alignment"],
        code=code("align_countries"),
    script:
        "../../scripts/align_countries.py"


rule search_poles:
    """Every country of the panel taken as a pole: whom it attracts, and whom it repels."""
    input:
        trajectories=COURSES,
        scores=shared("links", SCORED, layer=LAYERS),
    output:
        "results/{variant}/alignment/{null}.poles.parquet",
    log:
        "results/logs/{variant}/search_poles.{null}.log",
    params:
        channels=CHANNELS,
        layers=LAYERS,
        preprocessing=preprocessing,
        attraction=config["attraction"],
        code=code("search_poles"),
    script:
        "../../scripts/search_poles.py"


rule measure_polarization:
    """Correlation between the poles, and modularity of the signed network of z, by year."""
    input:
        trajectories=COURSES,
        scores=shared("links", SCORED, layer=LAYERS),
    output:
        by_year="results/{variant}/polarization/{null}.parquet",
        trends="results/{variant}/polarization/{null}.trends.parquet",
    log:
        "results/logs/{variant}/measure_polarization.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/measure_polarization.{null}.tsv"
    params:
        channels=CHANNELS,
        layers=LAYERS,
        poles=config["poles"],
        polarization=config["polarization"],
        growth=growth,
        code=code("measure_polarization"),
    script:
        "../../scripts/measure_polarization.py"


rule compare_hubs:
    """Trends between large and small countries of a region against trends among the large."""
    input:
        trajectories=COURSES,
        scores=shared("links", SCORED, layer=LAYERS),
    output:
        "results/{variant}/hubs/{null}.parquet",
    log:
        "results/logs/{variant}/compare_hubs.{null}.log",
    params:
        channels=CHANNELS,
        layers=LAYERS,
        preprocessing=preprocessing,
        hubs=config["hubs"],
        code=code("compare_hubs"),
    script:
        "../../scripts/compare_hubs.py"
