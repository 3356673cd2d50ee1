"""From null models to z-scores, trajectories, archetypes, alignment and claims: one branch per path."""

SCORED = "results/{variant}/{layer}/scores/{null}.parquet"
ALIGNED = "results/{variant}/alignment/{null}"
STUDY = {
    "branches": [f"{v}/{n}" for v in BRANCH["variant"] for n in BRANCH["null"]],
    "layers": LAYERS,
    "poles": config["poles"],
    "significance": config["significance"],
}
OVERALL = {"data": "all", "null model": "all"}


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
    params:
        code=code("score_links"),
    script:
        "../../scripts/score_links.py"


rule build_trajectories:
    """The panel of pairs, and their z-scores over the years."""
    input:
        expand("results/{{variant}}/{layer}/scores/{{null}}.parquet", layer=LAYERS),
    output:
        trajectories="results/{variant}/trajectories/{null}.parquet",
        excluded="results/{variant}/trajectories/{null}.excluded.parquet",
    log:
        "results/logs/{variant}/build_trajectories.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/build_trajectories.{null}.tsv"
    params:
        layers=LAYERS,
        trajectories=config["trajectories"],
        code=code("build_trajectories"),
    script:
        "../../scripts/build_trajectories.py"


rule cluster_trajectories:
    """Archetypes: k-means under dynamic time warping, clusters named by rule."""
    input:
        "results/{variant}/trajectories/{null}.parquet",
    output:
        clusters="results/{variant}/clusters/{null}.parquet",
        centroids="results/{variant}/clusters/{null}.centroids.parquet",
    log:
        "results/logs/{variant}/cluster_trajectories.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/cluster_trajectories.{null}.tsv"
    params:
        channels=CHANNELS,
        clusters=config["clusters"],
        code=code("cluster_trajectories"),
    script:
        "../../scripts/cluster_trajectories.py"


rule align_countries:
    """Every country against the poles: its archetypes, its trends, its group."""
    input:
        trajectories="results/{variant}/trajectories/{null}.parquet",
        clusters="results/{variant}/clusters/{null}.parquet",
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
        code=code("align_countries"),
    script:
        "../../scripts/align_countries.py"


if SOURCE["kind"] == "demo":

    rule judge_recovery:
        """Planted against recovered archetypes of the demo world."""
        input:
            truth="results/demo/truth.parquet",
            clusters="results/{variant}/clusters/{null}.parquet",
        output:
            "results/{variant}/recovery/{null}.parquet",
        log:
            "results/logs/{variant}/judge_recovery.{null}.log",
        benchmark:
            "results/benchmarks/{variant}/judge_recovery.{null}.tsv"
        params:
            code=code("judge_recovery"),
        script:
            "../../scripts/judge_recovery.py"


rule judge_claims:
    """The paper's claims, judged in every branch."""
    input:
        trends=expand(f"{ALIGNED}.trends.parquet", **BRANCH),
        alignment=expand(f"{ALIGNED}.parquet", **BRANCH),
        scores=expand(SCORED, layer=LAYERS, **BRANCH),
    output:
        table="results/claims.parquet",
        page="results/claims.md",
        html=report(
            "results/claims.html",
            caption="../report/claims.rst",
            category="0 Claims",
            labels=OVERALL,
        ),
    log:
        "results/logs/judge_claims.log",
    params:
        claims=CLAIMS,
        study=STUDY,
        data=[SOURCE["kind"], config["field"]["subfields"]],
        code=code("judge_claims"),
    script:
        "../../scripts/judge_claims.py"
