"""What all rules share: the checked configuration, years, layers, branches, digests of code."""

import sys
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

sys.path.insert(0, f"{workflow.basedir}/scripts")

from poles import config as configuration
from poles import provenance
from poles.corpus import layout, sources
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
    return f"{provenance.code_digest(*roots)} {' '.join(roots)}"


def read_claims(name):
    """The list of claims, from the working folder or else from the project."""
    path = Path(name) if Path(name).exists() else Path(workflow.basedir, name)
    if not path.is_file():
        raise StudyError(f"claims: {name}: no such file")
    return configuration.check_claims(
        yaml.safe_load(path.read_text(encoding="utf-8")), name
    )


checked(configuration.complete, config, Path(workflow.basedir))
CLAIMS = checked(read_claims, config["claims"])
SOURCE = config["source"]
YEARS = list(range(config["years"]["first"], config["years"]["last"] + 1))
LAYERS = [
    layer
    for layer in ALL_LAYERS
    if SOURCE["kind"] != "networks" or SOURCE["networks"][layer]
]
CHANNELS = channels_of(LAYERS, config["trajectories"]["citation"])
BRANCH = {"variant": config["run"]["variants"], "null": config["run"]["nulls"]}


def results():
    """Paths of everything that the study is asked for, but for its audit."""
    figures = [
        "significant_links",
        "trajectories",
        "archetypes",
        "alignment",
        "diagnostics",
    ]
    figures += ["recovery"] if SOURCE["kind"] == "demo" else []
    drawn = expand(
        "results/figures/{variant}/{null}/{figure}", figure=figures, **BRANCH
    )
    drawn += [
        f"results/figures/{v}/nulls"
        for v in BRANCH["variant"]
        if len(config["poles"]) > 1
    ]
    drawn += [] if SOURCE["kind"] == "networks" else ["results/figures/losses"]
    tables = ["trajectories/{null}.excluded", "clusters/{null}.centroids"]
    return [
        *expand("results/claims.{format}", format=["md", "html", "parquet"]),
        *expand("{figure}.{format}", figure=drawn, format=["svg", "png"]),
        *(
            path
            for table in tables
            for path in expand(f"results/{{variant}}/{table}.parquet", **BRANCH)
        ),
    ]


wildcard_constraints:
    year=r"\d{4}",
    shard=r"\d+",
    layer="collaboration|citation",
    variant="[a-z][a-z0-9_]*",
    null="[a-z][a-z0-9_]*",
