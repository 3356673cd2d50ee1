"""Claims, by default those of the paper: judged on every branch by itself, then collected."""

from poles.claims import checking, inputs

KINDS = checked(checking.kinds)
CLAIMS = checking.with_years(
    checked(
        checking.read_claims,
        config["claims"],
        Path(workflow.basedir),
        config["selection"]["merge"],
        checking.words_of_poles(config["poles"], config["trajectories"]["last"]),
    ),
    windows.words(config),
)
HEADLINE = branches.choices(config, BRANCHES[0][0])["works"]
STAGES = {claim["id"]: KINDS[claim["kind"]].stage for claim in CLAIMS}
"""Stage on which each claim rests; None for a claim about several null models."""
BRANCH_CLAIMS = [claim for claim in CLAIMS if STAGES[claim["id"]]]
VARIANT_CLAIMS = [claim for claim in CLAIMS if not STAGES[claim["id"]]]
JUDGED = {
    "scores": shared("links", SCORES, layer=LAYERS),
    "countries": shared("links", "results/{variant}/countries.parquet"),
}
"""Results on which the claims are judged in a branch."""
INTERVALS_OF_CLAIMS = (
    shared("links", INTERVALS_OF, table=["recent", "poles"])
    if INTERVALS["recent"]
    else []
)
"""Intervals at whose ends claims are judged again."""
if not SHORT:
    JUDGED |= {
        name: shared(stage, f"results/{{variant}}/{path}")
        for name, (stage, path) in inputs.OF_TRAJECTORIES.items()
    }
VERDICTS = {
    "verdicts": [f"results/{name}/claims/{null}.parquet" for name, null in BRANCHES],
    "basis": [f"results/{name}/claims/{null}.basis.parquet" for name, null in BRANCHES],
    "ties": [f"results/{name}/claims/{null}.ties.parquet" for name, null in BRANCHES],
    # Its warnings stand at the head of the page.
    "named": per_branch("links", "results/{variant}/named_countries.parquet"),
}
"""Tables of claims; each branch has its own, whatever else it shares with others."""


OF_PAPER = config["claims"] == configuration.CLAIMS_OF_PAPER
DATA = {
    "kind": ORIGIN,
    "subfields": HEADLINE["field"]["subfields"],
    "of_paper": OF_PAPER,
}
"""What says whether the data are those of the paper."""

COLLECTED = {
    "table": "results/claims.parquet",
    "robustness": "results/robustness.parquet",
    "page": "results/claims.md",
    "html": "results/claims.html",
}
"""Verdicts of all branches, as tables and as pages."""


rule judge_branch:
    """The claims, judged on the results of one branch."""
    input:
        **JUDGED,
        intervals=INTERVALS_OF_CLAIMS,
    output:
        verdicts="results/{variant}/claims/{null}.parquet",
        basis="results/{variant}/claims/{null}.basis.parquet",
        ties="results/{variant}/claims/{null}.ties.parquet",
    log:
        "results/logs/{variant}/judge_branch.{null}.log",
    benchmark:
        "results/benchmarks/{variant}/judge_branch.{null}.tsv"
    resources:
        **MEASURED,
    params:
        claims=BRANCH_CLAIMS,
        study=study_of,
        limits=lambda wildcards: branches.limits(config, wildcards.variant),
        code=code("judge_branch", *checking.modules(BRANCH_CLAIMS)),
    script:
        "../../scripts/judge_branch.py"


rule collect_claims:
    """The verdicts of all branches, and which choice changes them."""
    input:
        **VERDICTS,
    output:
        **COLLECTED,
    log:
        "results/logs/collect_claims.log",
    benchmark:
        "results/benchmarks/collect_claims.tsv"
    resources:
        **MEASURED,
    params:
        claims=CLAIMS,
        stages=STAGES,
        data=DATA,
        choices=lambda wildcards: branches.declared(config),
        homes=lambda wildcards: branches.homes(config),
        period=ends("trajectories"),
        code=code("collect_claims", *checking.modules(VARIANT_CLAIMS)),
    script:
        "../../scripts/collect_claims.py"
