"""A rule for each stage of the data plots the figures that show it, as SVG and PNG; pages show the PNG."""

SAID = said_of_source()
FIT = "results/{{variant}}/{layer}/nulls/{{null}}"
FITS = {
    "scores": expand(
        "results/{{variant}}/{layer}/scores/{{null}}.parquet", layer=LAYERS
    ),
    "moments": expand(f"{FIT}.parquet", layer=LAYERS),
    "diagnostics": expand(f"{FIT}.diagnostics.parquet", layer=LAYERS),
    "countries": "results/{variant}/countries.parquet",
}
"""What a branch knows of its links, by layer, and of its countries."""
OF_CLUSTERS = {
    "clusters": CLUSTERS,
    "selection": "results/{variant}/clusters/{null}.selection.parquet",
    "stability": "results/{variant}/clusters/{null}.stability.parquet",
    "alignment": "results/{variant}/alignment/{null}.parquet",
    "recovery": RECOVERY,
}
"""What a branch knows of its clusters."""

PERIODS = {"years": ends("trajectories"), "recent": ends("significance")}
"""Periods of figures, in one map: Snakemake does not see that the values of two params change places."""

POLARIZED = {
    "polarization": "results/{variant}/polarization/{null}.parquet",
    "polarization_trends": "results/{variant}/polarization/{null}.trends.parquet",
}
"""Measures of the poles by year, and their trends."""
FIRST_LINK = {
    name: drawn("results/figures/{variant}", name) for name in FIRST_LINK_FIGURES
}
"""Figures of the link between the first two poles."""


rule plot_links:
    """Links above expectation, z of chosen pairs and of the largest countries, and the fit of the null model."""
    input:
        **FITS,
        intervals=INTERVALS["z"] + INTERVALS["recent"],
    output:
        **figures("links"),
    log:
        "results/logs/{variant}/plot_links.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/plot_links.{null}.tsv"
    resources:
        **MEASURED,
    params:
        null=lambda wildcards: wildcards.null,
        layers=LAYERS,
        chosen=config["figures"],
        poles=config["poles"],
        periods=PERIODS,
        threshold=config["significance"]["threshold"],
        source=SAID,
        code=code("plot_links"),
    script:
        "../../scripts/plot_links.py"


rule plot_panel:
    """Countries near the poles, every country taken as a pole, polarization by year, hubs within regions."""
    input:
        **POLARIZED,
        trajectories=TRAJECTORIES,
        countries=shared("links", "results/{variant}/countries.parquet"),
        candidates="results/{variant}/alignment/{null}.poles.parquet",
        hubs="results/{variant}/hubs/{null}.parquet",
    output:
        **figures("panel"),
    log:
        "results/logs/{variant}/plot_panel.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/plot_panel.{null}.tsv"
    resources:
        **MEASURED,
    params:
        channels=CHANNELS,
        poles=config["poles"],
        periods=compared_years(),
        source=SAID,
        code=code("plot_panel"),
    script:
        "../../scripts/plot_panel.py"


rule plot_clusters:
    """The archetypes, their number, the pairs, countries against the poles, and the recovery of the demo."""
    input:
        **OF_CLUSTERS,
        trajectories=shared("trajectories", TRAJECTORIES),
        trends=shared("panel", "results/{variant}/alignment/{null}.trends.parquet"),
        countries=shared("links", "results/{variant}/countries.parquet"),
    output:
        **figures("clusters"),
    log:
        "results/logs/{variant}/plot_clusters.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/plot_clusters.{null}.tsv"
    resources:
        **MEASURED,
    params:
        channels=CHANNELS,
        clustering=clustering,
        poles=config["poles"],
        source=SAID,
        code=code("plot_clusters"),
    script:
        "../../scripts/plot_clusters.py"


rule plot_first_link:
    """The link between the first two poles: z under every null model, and beside plain indices."""
    input:
        scores=scores_by_null,
        indices="results/{variant}/indices.parquet",
        intervals=INTERVALS["z"] + INTERVALS["indices"],
    output:
        **FIRST_LINK,
    log:
        "results/logs/{variant}/plot_first_link.log",
    benchmark:
        "results/benchmarks/{variant}/plot_first_link.tsv"
    resources:
        **MEASURED,
    params:
        fits=by_null,
        poles=config["poles"][:2],
        years=ends("trajectories"),
        source=SAID,
        code=code("plot_first_link"),
    script:
        "../../scripts/plot_first_link.py"


rule plot_losses:
    """Works and references left after each step of the selection, by year."""
    input:
        "results/losses.parquet",
    output:
        drawn("results/figures", "losses"),
    log:
        "results/logs/plot_losses.log",
    benchmark:
        "results/benchmarks/plot_losses.tsv"
    resources:
        **MEASURED,
    params:
        source=SAID,
        code=code("plot_losses"),
    script:
        "../../scripts/plot_losses.py"


use rule plot_losses as plot_losses_of_variant with:
    input:
        "results/{variant}/losses.parquet",
    output:
        drawn("results/figures/{variant}", "losses"),
    log:
        "results/logs/{variant}/plot_losses.log",
    benchmark:
        "results/benchmarks/{variant}/plot_losses.tsv"


rule plot_study:
    """Growth of the world and its networks, and the claims in all branches."""
    input:
        claims="results/claims.parquet",
        countries=f"results/{home(HEADLINE_VARIANT, 'links')}/countries.parquet",
        works=works_of(HEADLINE_VARIANT),
    output:
        **{name: drawn("results/figures", name) for name in STUDY_FIGURES},
    log:
        "results/logs/plot_study.log",
    benchmark:
        "results/benchmarks/plot_study.tsv"
    resources:
        **MEASURED,
    params:
        claims=[claim["id"] for claim in CLAIMS],
        branches=BRANCHES,
        source=SAID,
        code=code("plot_study"),
    script:
        "../../scripts/plot_study.py"
