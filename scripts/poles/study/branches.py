"""Branches of the study: pairs of a variant (choices about the data and their reading) and a null model.

A variant names only the choices in which it departs from the study's own. Branches share every file above the
point where they part: files of a stage stand under the plainest of the variants that made the same choices up
to there. Standard library alone, as the workflow asks before any job runs.
"""

from collections.abc import Mapping
from typing import Any

STAGES = {
    "links": ("counting", "window"),
    "trajectories": ("growth", "preprocessing", "min_strength"),
    "clusters": ("k",),
}
"""Choices of a variant by the stage at which they first matter; scores stand with the links."""
FRACTIONAL = 0.25
"""Part of a panel's threshold of strength that applies under fractional counting.

A work by three countries adds 2 to the strength of each under full counting and 2/3 under fractional
counting, one by five 4 and 2/5.
"""


def choices(config: Mapping[str, Any], variant: str) -> dict[str, dict[str, Any]]:
    """Every choice of a variant, by stage; what it leaves open is as in the rest of the configuration.

    Parameters
    ----------
    config : Mapping
        Completed configuration.
    variant : str
        A key of its ``variants``.

    Returns
    -------
    dict
        Choices by stage, see `STAGES`.
    """
    own = _study(config) | {k: v for k, v in config["variants"][variant].items() if v is not None}
    return {stage: {key: own[key] for key in keys} for stage, keys in STAGES.items()}


def _study(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a variant without choices of its own chooses."""
    trajectories = config["trajectories"]
    return {
        "counting": "full",
        "window": None,
        "growth": trajectories["growth"],
        "preprocessing": trajectories["preprocessing"],
        "min_strength": trajectories["panel"]["min_strength"],
        "k": config["clusters"]["k"],
    }


def sharing(config: Mapping[str, Any], variant: str, stage: str) -> str:
    """Variant under whose name the files of a stage stand: the plainest with the same choices up to there.

    That is the one with the fewest choices of its own, then by name: whichever are run, and in whatever order
    they are declared, a file stays where it is.

    Parameters
    ----------
    config : Mapping
        Completed configuration.
    variant, stage : str
        A key of ``variants``, and of `STAGES`.
    """
    stages = list(STAGES)[: list(STAGES).index(stage) + 1]
    made = {name: choices(config, name) for name in config["variants"]}
    study = _study(config)

    def plainness(name: str) -> tuple[int, str]:
        return sum(study[key] != value for part in made[name].values() for key, value in part.items()), name

    alike = (name for name in made if all(made[name][stage] == made[variant][stage] for stage in stages))
    return min(alike, key=plainness)


def trajectories(config: Mapping[str, Any], variant: str) -> dict[str, Any]:
    """Options of the trajectories of a variant; the threshold of strength in the units of its counting."""
    made = choices(config, variant)
    own, part = made["trajectories"], FRACTIONAL if made["links"]["counting"] == "fractional" else 1
    panel = config["trajectories"]["panel"] | {"min_strength": own["min_strength"] * part}
    chosen = {key: own[key] for key in ("growth", "preprocessing")}
    return config["trajectories"] | chosen | {"panel": panel}


def clusters(config: Mapping[str, Any], variant: str) -> dict[str, Any]:
    """Options of the clustering of a variant."""
    return config["clusters"] | choices(config, variant)["clusters"]


def branches(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Pairs of variant and null model that the study runs, but for those of ``run.skip``."""
    run = config["run"]
    pairs = [(variant, null) for variant in run["variants"] for null in run["nulls"]]
    return [pair for pair in pairs if "/".join(pair) not in run["skip"]]


def declared(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Choices of every branch that is run, by "variant/null": those of `STAGES`, and the null model."""
    found = {}
    for variant, null in branches(config):
        made = choices(config, variant)
        found[f"{variant}/{null}"] = {"null model": null} | {
            key: value for stage in made.values() for key, value in stage.items()
        }
    return found
