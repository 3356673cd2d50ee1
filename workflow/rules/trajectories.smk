"""From null models to z-scores, trajectories and archetypes."""

SCORES = "results/{variant}/{layer}/scores/{null}.parquet"
TRAJECTORIES = "results/{variant}/trajectories/{null}.parquet"
NULL_PANELS = "results/{variant}/trajectories/{null}.null_panels.parquet"
CLUSTERS = "results/{variant}/clusters/{null}.parquet"
RECOVERY = (
    "results/{variant}/recovery/{null}.parquet" if SOURCE["kind"] == "demo" else []
)


rule score_links:
    """How far every link is from its null model: z, p, q."""
    input:
        "results/{variant}/{layer}/nulls/{null}.parquet",
    output:
        "results/{variant}/{layer}/scores/{null}.parquet",
    log:
        "results/logs/{variant}/{layer}/score_links.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/{layer}/score_links.{null}.tsv"
    resources:
        **MEASURED,
    params:
        code=code("score_links"),
    script:
        "../../scripts/score_links.py"


rule build_trajectories:
    """The panel of pairs of countries, with their z-scores over the years."""
    input:
        shared("links", SCORES, layer=LAYERS),
    output:
        trajectories="results/{variant}/trajectories/{null}.parquet",
        excluded="results/{variant}/trajectories/{null}.excluded.parquet",
    log:
        "results/logs/{variant}/build_trajectories.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/build_trajectories.{null}.tsv"
    resources:
        **MEASURED,
    params:
        layers=LAYERS,
        trajectories=lambda wildcards: branches.trajectories(config, wildcards.variant),
        code=code("build_trajectories"),
    script:
        "../../scripts/build_trajectories.py"


rule measure_signal:
    """How far the trends of the panel stand out of their noise, and how many pairs have no trend."""
    input:
        TRAJECTORIES,
    output:
        "results/{variant}/trajectories/{null}.signal.parquet",
    log:
        "results/logs/{variant}/measure_signal.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/measure_signal.{null}.tsv"
    resources:
        **MEASURED,
    params:
        channels=CHANNELS,
        code=code("measure_signal"),
    script:
        "../../scripts/measure_signal.py"


rule cluster_trajectories:
    """Archetypes: k-means under dynamic time warping, with clusters named by a rule."""
    input:
        shared("trajectories", TRAJECTORIES),
    output:
        clusters="results/{variant}/clusters/{null}.parquet",
        centroids="results/{variant}/clusters/{null}.centroids.parquet",
        names="results/{variant}/clusters/{null}.names.parquet",
    log:
        "results/logs/{variant}/cluster_trajectories.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/cluster_trajectories.{null}.tsv"
    resources:
        **MEASURED,
    params:
        channels=CHANNELS,
        clusters=lambda wildcards: branches.clusters(config, wildcards.variant),
        code=code("cluster_trajectories"),
    script:
        "../../scripts/cluster_trajectories.py"


rule verify_clusters:
    """The clusters of all branches made again by tslearn: the same pairs together, or the run stops."""
    input:
        trajectories=per_branch("trajectories", TRAJECTORIES),
        clusters=per_branch("clusters", CLUSTERS),
    output:
        "results/verification.parquet",
    log:
        "results/logs/verify_clusters.log",
    benchmark:
        "results/benchmarks/verify_clusters.tsv"
    resources:
        **MEASURED,
    params:
        channels=CHANNELS,
        branches=[
            {"variant": variant, "null": null} | branches.clusters(config, variant)
            for variant, null in BRANCHES
        ],
        code=code("verify_clusters"),
    script:
        "../../scripts/verify_clusters.py"


rule sample_null_panels:
    """The panel in networks sampled from the null model, in which activity decides everything."""
    input:
        trajectories=TRAJECTORIES,
        scores=shared("links", SCORES, layer=LAYERS),
    output:
        NULL_PANELS,
    log:
        "results/logs/{variant}/sample_null_panels.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/sample_null_panels.{null}.tsv"
    threads: threads_of_branch
    resources:
        **MEASURED,
    params:
        channels=CHANNELS,
        layers=LAYERS,
        sampling=null_sampling,
        code=lambda wildcards: code(
            "sample_null_panels", f"poles.nulls.{wildcards.null}"
        ),
    script:
        "../../scripts/sample_null_panels.py"


rule study_stability:
    """How many clusters, and how sure archetypes are: perturbed clusterings beside surrogate panels."""
    input:
        trajectories=shared("trajectories", TRAJECTORIES),
        clusters=CLUSTERS,
        null_panels=null_panels,
    output:
        selection="results/{variant}/clusters/{null}.selection.parquet",
        choices="results/{variant}/clusters/{null}.choices.parquet",
        stability="results/{variant}/clusters/{null}.stability.parquet",
    log:
        "results/logs/{variant}/study_stability.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/study_stability.{null}.tsv"
    threads: threads_of_branch
    resources:
        **MEASURED,
    params:
        channels=CHANNELS,
        design=stability_design,
        code=code("study_stability"),
    script:
        "../../scripts/study_stability.py"


rule classify_trends:
    """The trends of every single pair, beside the archetype of its cluster."""
    input:
        trajectories=shared("trajectories", TRAJECTORIES),
        clusters=CLUSTERS,
    output:
        trends="results/{variant}/clusters/{null}.trends.parquet",
        agreement="results/{variant}/clusters/{null}.agreement.parquet",
    log:
        "results/logs/{variant}/classify_trends.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/classify_trends.{null}.tsv"
    resources:
        **MEASURED,
    params:
        channels=CHANNELS,
        code=code("classify_trends"),
    script:
        "../../scripts/classify_trends.py"


if SOURCE["kind"] == "demo":

    rule judge_recovery:
        """Planted and recovered archetypes of the demo world."""
        input:
            truth="results/demo/truth.parquet",
            clusters=CLUSTERS,
        output:
            RECOVERY,
        log:
            "results/logs/{variant}/judge_recovery.{null}.log",
        benchmark:
            "results/benchmarks/{variant}/judge_recovery.{null}.tsv"
        resources:
            **MEASURED,
        params:
            code=code("judge_recovery"),
        script:
            "../../scripts/judge_recovery.py"
