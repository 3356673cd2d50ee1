"""One rule per figure. Each figure is written as SVG and PNG, and the report shows the SVG."""

SCORES = expand("results/{{variant}}/{layer}/scores/{{null}}.parquet", layer=LAYERS)
UNDER_EACH_NULL = place(
    "2 Trajectories", "The poles under each null model", "links", "all null models"
)
BY_INDICES = place(
    "2 Trajectories", "The poles by plain indices", "links", config["run"]["nulls"][0]
)
FITS = "results/{{variant}}/{layer}/nulls/{{null}}"


rule plot_strong_links:
    """Partners of each pole whose link is above expectation in the recent years."""
    input:
        SCORES,
    output:
        svg=report(
            "results/figures/{variant}/{null}/strong_links.svg",
            caption="../report/strong_links.rst",
            **place("1 Links above expectation", "Links above expectation", "links"),
        ),
        png="results/figures/{variant}/{null}/strong_links.png",
    log:
        "results/logs/{variant}/plot_strong_links.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/plot_strong_links.{null}.tsv"
    params:
        layers=LAYERS,
        poles=config["poles"],
        significance=config["significance"],
        code=code("plot_strong_links"),
    script:
        "../../scripts/plot_strong_links.py"


rule plot_trajectories:
    """The z-scores of chosen pairs over the years."""
    input:
        SCORES,
    output:
        svg=report(
            "results/figures/{variant}/{null}/trajectories.svg",
            caption="../report/trajectories.rst",
            **place("2 Trajectories", "Chosen pairs", "links"),
        ),
        png="results/figures/{variant}/{null}/trajectories.png",
    log:
        "results/logs/{variant}/plot_trajectories.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/plot_trajectories.{null}.tsv"
    params:
        layers=LAYERS,
        pairs=config["figures"]["pairs"],
        poles=config["poles"],
        window=config["trajectories"],
        code=code("plot_trajectories"),
    script:
        "../../scripts/plot_trajectories.py"


rule plot_archetypes:
    """The archetypes: members' median and bands by year."""
    input:
        trajectories=shared(
            "trajectories", "results/{variant}/trajectories/{null}.parquet"
        ),
        clusters="results/{variant}/clusters/{null}.parquet",
    output:
        svg=report(
            "results/figures/{variant}/{null}/archetypes.svg",
            caption="../report/archetypes.rst",
            **place("3 Archetypes", "Archetypes", "clusters"),
        ),
        png="results/figures/{variant}/{null}/archetypes.png",
    log:
        "results/logs/{variant}/plot_archetypes.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/plot_archetypes.{null}.tsv"
    params:
        channels=CHANNELS,
        code=code("plot_archetypes"),
    script:
        "../../scripts/plot_archetypes.py"


rule plot_selection:
    """Stability, silhouette and explained distance by number of clusters, beside surrogates."""
    input:
        "results/{variant}/clusters/{null}.selection.parquet",
    output:
        svg=report(
            "results/figures/{variant}/{null}/selection.svg",
            caption="../report/selection.rst",
            **place("3 Archetypes", "Number of clusters", "clusters"),
        ),
        png="results/figures/{variant}/{null}/selection.png",
    log:
        "results/logs/{variant}/plot_selection.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/plot_selection.{null}.tsv"
    params:
        k=lambda wildcards: branches.clusters(config, wildcards.variant)["k"],
        code=code("plot_selection"),
    script:
        "../../scripts/plot_selection.py"


rule plot_alignment:
    """Countries against the poles: the trend of their z-scores with each."""
    input:
        alignment="results/{variant}/alignment/{null}.parquet",
        trends=shared("panel", "results/{variant}/alignment/{null}.trends.parquet"),
        countries=shared("links", "results/{variant}/countries.parquet"),
    output:
        svg=report(
            "results/figures/{variant}/{null}/alignment.svg",
            caption="../report/alignment.rst",
            **place("4 Alignment", "Countries against the poles", "clusters"),
        ),
        png="results/figures/{variant}/{null}/alignment.png",
    log:
        "results/logs/{variant}/plot_alignment.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/plot_alignment.{null}.tsv"
    params:
        poles=config["poles"],
        code=code("plot_alignment"),
    script:
        "../../scripts/plot_alignment.py"


rule plot_poles:
    """Every country taken as a pole: the shares of its partners that it attracts and repels."""
    input:
        "results/{variant}/alignment/{null}.poles.parquet",
    output:
        svg=report(
            "results/figures/{variant}/{null}/poles.svg",
            caption="../report/poles.rst",
            **place("4 Alignment", "Every country as a pole", "panel"),
        ),
        png="results/figures/{variant}/{null}/poles.png",
    log:
        "results/logs/{variant}/plot_poles.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/plot_poles.{null}.tsv"
    params:
        poles=config["poles"],
        code=code("plot_poles"),
    script:
        "../../scripts/plot_poles.py"


rule plot_polarization:
    """Measures of polarization by year, beside chance and constant affinities."""
    input:
        by_year="results/{variant}/polarization/{null}.parquet",
        trends="results/{variant}/polarization/{null}.trends.parquet",
    output:
        svg=report(
            "results/figures/{variant}/{null}/polarization.svg",
            caption="../report/polarization.rst",
            **place("4 Alignment", "Polarization", "panel"),
        ),
        png="results/figures/{variant}/{null}/polarization.png",
    log:
        "results/logs/{variant}/plot_polarization.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/plot_polarization.{null}.tsv"
    params:
        code=code("plot_polarization"),
    script:
        "../../scripts/plot_polarization.py"


rule plot_hubs:
    """Trends among the large countries of each region, and between large and small ones."""
    input:
        "results/{variant}/hubs/{null}.parquet",
    output:
        svg=report(
            "results/figures/{variant}/{null}/hubs.svg",
            caption="../report/hubs.rst",
            **place("4 Alignment", "Hubs within regions", "panel"),
        ),
        png="results/figures/{variant}/{null}/hubs.png",
    log:
        "results/logs/{variant}/plot_hubs.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/plot_hubs.{null}.tsv"
    params:
        code=code("plot_hubs"),
    script:
        "../../scripts/plot_hubs.py"


rule plot_nulls:
    """The link between the first two poles under every null model."""
    input:
        scores_by_null,
    output:
        svg=report(
            "results/figures/{variant}/nulls.svg",
            caption="../report/nulls.rst",
            **UNDER_EACH_NULL,
        ),
        png="results/figures/{variant}/nulls.png",
    log:
        "results/logs/{variant}/plot_nulls.log",
    benchmark:
        "results/benchmarks/{variant}/plot_nulls.tsv"
    params:
        names=by_null,
        poles=config["poles"][:2],
        window=config["trajectories"],
        code=code("plot_nulls"),
    script:
        "../../scripts/plot_nulls.py"


rule plot_indices:
    """The link between the first two poles: z under the first null model, beside plain indices."""
    input:
        scores=first_scores,
        indices="results/{variant}/indices.parquet",
    output:
        svg=report(
            "results/figures/{variant}/indices.svg",
            caption="../report/indices.rst",
            **BY_INDICES,
        ),
        png="results/figures/{variant}/indices.png",
    log:
        "results/logs/{variant}/plot_indices.log",
    benchmark:
        "results/benchmarks/{variant}/plot_indices.tsv"
    params:
        layers=LAYERS,
        null=lambda wildcards: by_null(wildcards)[0][1],
        poles=config["poles"][:2],
        window=config["trajectories"],
        code=code("plot_indices"),
    script:
        "../../scripts/plot_indices.py"


rule plot_recovery:
    """Planted against recovered archetypes of the demo world."""
    input:
        "results/{variant}/recovery/{null}.parquet",
    output:
        svg=report(
            "results/figures/{variant}/{null}/recovery.svg",
            caption="../report/recovery.rst",
            **place("5 Checks", "Recovery of planted archetypes", "clusters"),
        ),
        png="results/figures/{variant}/{null}/recovery.png",
    log:
        "results/logs/{variant}/plot_recovery.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/plot_recovery.{null}.tsv"
    params:
        code=code("plot_recovery"),
    script:
        "../../scripts/plot_recovery.py"


rule plot_diagnostics:
    """How well a null model was fitted, and expected against observed weights."""
    input:
        moments=expand(f"{FITS}.parquet", layer=LAYERS),
        diagnostics=expand(f"{FITS}.diagnostics.parquet", layer=LAYERS),
    output:
        svg=report(
            "results/figures/{variant}/{null}/diagnostics.svg",
            caption="../report/diagnostics.rst",
            **place("5 Checks", "Fit of the null model", "links"),
        ),
        png="results/figures/{variant}/{null}/diagnostics.png",
    log:
        "results/logs/{variant}/plot_diagnostics.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/plot_diagnostics.{null}.tsv"
    params:
        layers=LAYERS,
        code=code("plot_diagnostics"),
    script:
        "../../scripts/plot_diagnostics.py"


rule plot_losses:
    """Works and references left after each step of the selection, by year."""
    input:
        "results/losses.parquet",
    output:
        svg=report(
            "results/figures/losses.svg",
            caption="../report/losses.rst",
            **place("5 Checks", "Selection of works"),
        ),
        png="results/figures/losses.png",
    log:
        "results/logs/plot_losses.log",
    benchmark:
        "results/benchmarks/plot_losses.tsv"
    params:
        code=code("plot_losses"),
    script:
        "../../scripts/plot_losses.py"
