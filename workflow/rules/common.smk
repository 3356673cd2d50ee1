"""What all rules share: the checked configuration, years, layers, branches, digests of code."""

import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

sys.path.insert(0, f"{workflow.basedir}/scripts")

from poles.study import branches, digest, run_record
from poles.study import config as configuration
from poles.corpus import layout, sources
from poles.corpus.api import date_ranges
from poles.errors import StudyError
from poles.layers import LAYERS as ALL_LAYERS
from poles.layers import channels_of


def checked(step, *arguments):
    """Result of a step at parse time; bad input ends the run with one line."""
    try:
        return step(*arguments)
    except StudyError as error:
        raise WorkflowError(str(error)) from None


def code(*roots):
    """Digest of a script and the project's modules behind it, with their names for the audit."""
    return f"{digest.code_digest(*roots)} {' '.join(roots)}"


checked(configuration.complete, config, Path(workflow.basedir))
SOURCE = config["source"]
YEARS = list(range(config["years"]["first"], config["years"]["last"] + 1))
LAYERS = [
    layer
    for layer in ALL_LAYERS
    if SOURCE["kind"] != "networks" or SOURCE["networks"][layer]
]
CHANNELS = channels_of(LAYERS, config["trajectories"]["citation"])
BRANCHES = branches.branches(config)


def home(variant, stage):
    """Variant under whose name the files of a stage stand that this variant needs."""
    return branches.sharing(config, variant, stage)


def shared(stage, pattern, **more):
    """Input function: files of an earlier stage, from where the variant shares them with others."""
    return lambda wildcards: expand(
        pattern,
        **{**dict(wildcards.items()), "variant": home(wildcards.variant, stage)},
        **more,
    )


def per_branch(stage, pattern, **more):
    """Files of a stage, of every branch in turn; one that branches share comes once for each of them."""
    return [
        path
        for variant, null in BRANCHES
        for path in expand(pattern, variant=home(variant, stage), null=null, **more)
    ]


FIGURES = {
    "links": ["significant_links", "trajectories", "diagnostics"],
    "trajectories": ["poles", "polarization", "hubs"],
    "clusters": ["archetypes", "selection", "alignment"],
}
"""Figures of a branch, by the stage of what they show."""
if SOURCE["kind"] == "demo":
    FIGURES["clusters"].append("recovery")


def by_null(wildcards):
    """Layer and null model of every fit of a variant."""
    nulls = [
        null
        for variant, null in BRANCHES
        if home(variant, "links") == wildcards.variant
    ]
    return [(layer, null) for layer in LAYERS for null in dict.fromkeys(nulls)]


def preprocessing(wildcards):
    """How the trajectories of a branch are prepared."""
    return branches.trajectories(config, wildcards.variant)["preprocessing"]


def stability_design(wildcards):
    """What is clustered in a branch, and how often for the study of its stability."""
    headline = branches.clusters(config, wildcards.variant)
    return headline | config["stability"] | {"preprocessing": preprocessing(wildcards)}


def refit_options(wildcards):
    """Options of a null model where it is refitted to networks that it has drawn."""
    studied = config["nulls"].get(wildcards.null, {})
    return studied | config["stability"]["null_options"].get(wildcards.null, {})


def growth(wildcards):
    """Whether the trajectories of a branch keep what the growth of countries makes of z."""
    return branches.trajectories(config, wildcards.variant)["growth"]


def drawn_panels(wildcards):
    """Panels of networks drawn from the null model, where they are among the surrogates."""
    asked = "network_null" in config["stability"]["surrogates"]
    return shared("trajectories", NULL_PANELS)(wildcards) if asked else []


def shard_inputs(wildcards):
    """Files of a shard that Snakemake watches."""
    return [] if RELEASED else SHARDS[int(wildcards.shard)]


def shard_counts(wildcards):
    """How many records each file of a shard must hold."""
    return [EXPECTED.get(file) for file in SHARDS[int(wildcards.shard)]]


def released():
    """Which release was read, and from where, for results/run.json."""
    return {"path": SOURCE["path"], "endpoint": SOURCE["endpoint"], **RELEASE.summary}


def harvested():
    """When and at what cost works were harvested from the API, for results/run.json."""
    from poles.corpus.api.history import history  # takes a second, so not at parse time

    return history(STORE, ASKED, DATE_RANGES, config["years"], API["citing"])


def source_of_run():
    """What belongs to a run and not to a result, as far as the source has it."""
    if SOURCE["kind"] == "snapshot":
        return released()
    return harvested() if SOURCE["kind"] == "api" else None


def results():
    """Paths of everything that the study is asked for, but for its audit."""
    drawn = [
        path
        for stage, figures in FIGURES.items()
        for path in per_branch(
            stage, "results/figures/{variant}/{null}/{figure}", figure=figures
        )
    ]
    if len(config["poles"]) > 1:
        drawn += per_branch("links", "results/figures/{variant}/nulls")
    drawn += [] if SOURCE["kind"] == "networks" else ["results/figures/losses"]
    found = [
        *expand("results/claims.{format}", format=["md", "html", "parquet"]),
        *expand("{figure}.{format}", figure=drawn, format=["svg", "png"]),
        *per_branch(
            "trajectories", "results/{variant}/trajectories/{null}.excluded.parquet"
        ),
        *per_branch(
            "clusters",
            "results/{variant}/clusters/{null}.{table}.parquet",
            table=["centroids", "agreement"],
        ),
    ]
    return list(dict.fromkeys(found))


wildcard_constraints:
    year=r"\d{4}",
    shard=r"\d+",
    layer="collaboration|citation",
    variant="[a-z][a-z0-9_]*",
    null="[a-z][a-z0-9_]*",
