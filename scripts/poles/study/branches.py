"""Branches of the study: pairs of a variant (choices about the data and how they are read) and a null model.

A variant states only the choices in which it differs from the rest of the configuration. Branches share
every file that their differences do not affect: the files of a stage stand under the plainest of the variants
that make the same choices up to that stage. This module needs the standard library alone, because Snakemake
imports it whenever it reads the workflow.
"""

from collections.abc import Mapping, Sequence
from typing import Any

STAGES = {
    "works": ("field", "selection"),
    "links": ("counting", "window"),
    "panel": ("growth", "min_strength"),
    "trajectories": ("preprocessing",),
    "clusters": ("k",),
}
"""Choices of a variant, by the first stage that they affect.

Choices about works are maps; a variant states those of their keys that differ. Scores depend on the same
choices as links. The panel is what trends rest on: polarization, hubs, courses.
"""
DEFINITION = "definition of the field"
"""What the choices about works are called together, where branches are compared."""
YEARLY = "yearly_scale"
"""The one preprocessing that changes the unit of trends, and so affects the panel too."""
FRACTIONAL = 0.25
"""Factor on the limits of the panel of pairs under fractional counting.

A work by authors in three countries adds 2 to the strength of each country under full counting and 2/3 under
fractional counting. A work by authors in five countries adds 4 and 2/5.
"""


def choices(config: Mapping[str, Any], variant: str) -> dict[str, dict[str, Any]]:
    """Choices of a variant by stage; what the variant leaves open is as in the rest of the configuration.

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
    defaults = _defaults(config)
    stated = {key: value for key, value in config["variants"][variant].items() if value is not None}
    values = defaults | stated
    for key in STAGES["works"]:
        values[key] = defaults[key] | stated.get(key, {})
    return {stage: {key: values[key] for key in keys} for stage, keys in STAGES.items()}


def _defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    """Choices of a variant that states none."""
    trajectories = config["trajectories"]
    return {
        "field": config["field"],
        "selection": config["selection"],
        "counting": "full",
        "window": None,
        "growth": trajectories["growth"],
        "preprocessing": trajectories["preprocessing"],
        "min_strength": trajectories["panel"]["min_strength"],
        "k": config["clusters"]["k"],
    }


def sharing(config: Mapping[str, Any], variant: str, stage: str) -> str:
    """Find the variant under whose name the files of a stage stand.

    It is the plainest of the variants that make the same choices up to the stage: the one with the fewest
    choices other than the defaults, and the first by name among equals. So a file keeps its place whichever
    variants run and in whatever order they are declared.

    Parameters
    ----------
    config : Mapping
        Completed configuration.
    variant, stage : str
        A key of ``variants``, and of `STAGES`.
    """
    stages = list(STAGES)[: list(STAGES).index(stage) + 1]
    by_variant = {name: choices(config, name) for name in config["variants"]}
    decisive = {name: _decisive(parts, stages) for name, parts in by_variant.items()}
    defaults = _defaults(config)

    def plainness(name: str) -> tuple[int, str]:
        departures = [key for part in by_variant[name].values() for key in part if part[key] != defaults[key]]
        return len(departures), name

    return min((name for name in by_variant if decisive[name] == decisive[variant]), key=plainness)


def _decisive(parts: Mapping[str, Mapping[str, Any]], stages: Sequence[str]) -> list[Any]:
    """What the files of the last of some stages depend on, given the choices of a variant by stage."""
    in_yearly_units = "panel" in stages and parts["trajectories"]["preprocessing"] == YEARLY
    return [in_yearly_units, *(parts[stage] for stage in stages)]


def folder_of_works(config: Mapping[str, Any], variant: str) -> str:
    """Folder of the works of a variant, and of their losses, within the results.

    Works that count by ``field`` and ``selection`` of the configuration stand in the results themselves.
    """
    defaults = _defaults(config)
    if choices(config, variant)["works"] == {key: defaults[key] for key in STAGES["works"]}:
        return "results"
    return f"results/{sharing(config, variant, 'works')}"


def field_to_read(config: Mapping[str, Any], variants: Sequence[str] | None = None) -> dict[str, Any]:
    """Field that holds the fields of all variants that run, so that the source is read once.

    Parameters
    ----------
    config : Mapping
        Completed configuration.
    variants : sequence of str, optional
        Other variants than all that run.

    Returns
    -------
    dict
        ``subfields``: those of all variants, or None if one takes every work; ``match``: ``any`` if a variant
        takes any topic. It is the field of the variants if they have the same one.
    """
    variants = config["run"]["variants"] if variants is None else variants
    fields = [choices(config, variant)["works"]["field"] for variant in variants]
    subfields: list[int] | None = []
    for field in fields:
        if subfields is None or field["subfields"] is None:
            subfields = None
        else:
            subfields = [*subfields, *(number for number in field["subfields"] if number not in subfields)]
    match = "any" if any(field["match"] == "any" for field in fields) else "primary"
    return {"subfields": subfields, "match": match}


def holds(field: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether all works of another field are in a field.

    Parameters
    ----------
    field, other : Mapping
        As `field_to_read` returns them.
    """
    if field["subfields"] is None or other["subfields"] is None:
        return field["subfields"] is None
    return set(other["subfields"]) <= set(field["subfields"]) and field["match"] in ("any", other["match"])


def fields_to_read(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Field to be read for each variant that runs and those before it, by variant, in their order."""
    names = config["run"]["variants"]
    return {name: field_to_read(config, names[: place + 1]) for place, name in enumerate(names)}


def homes(config: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Where the files of every branch that runs stand, by "variant/null" and stage.

    Two branches share the results of a stage if they have the same home, "variant/null".
    """
    return {
        f"{variant}/{null}": {stage: f"{sharing(config, variant, stage)}/{null}" for stage in STAGES}
        for variant, null in branches(config)
    }


def limits(config: Mapping[str, Any], variant: str) -> dict[str, float | None]:
    """Limits of strength and of expected weight in the panel of a variant, in the units of its counting."""
    parts = choices(config, variant)
    factor = FRACTIONAL if parts["links"]["counting"] == "fractional" else 1
    stated = {
        "min_strength": parts["panel"]["min_strength"],
        "min_expected": config["trajectories"]["panel"]["min_expected"],
    }
    return {key: None if limit is None else limit * factor for key, limit in stated.items()}


def trajectories(config: Mapping[str, Any], variant: str) -> dict[str, Any]:
    """Options of the trajectories of a variant, with the limits of the panel in the units of its counting."""
    parts = choices(config, variant)
    options = parts["panel"] | parts["trajectories"]
    panel = config["trajectories"]["panel"] | limits(config, variant)
    reading = {key: options[key] for key in ("growth", "preprocessing")}
    return config["trajectories"] | reading | {"panel": panel}


def clusters(config: Mapping[str, Any], variant: str) -> dict[str, Any]:
    """Options of the clustering of a variant."""
    return config["clusters"] | choices(config, variant)["clusters"]


def branches(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Pairs of variant and null model that the study runs: those of ``run`` without ``run.skip``."""
    run = config["run"]
    pairs = [(variant, null) for variant in run["variants"] for null in run["nulls"]]
    return [pair for pair in pairs if "/".join(pair) not in run["skip"]]


def declared(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Choices of every branch that runs, by "variant/null": the null model, and the choices of `STAGES`.

    Choices about works are one choice, the definition of the field.
    """
    return {
        f"{variant}/{null}": {"null model": null} | _named(choices(config, variant), _defaults(config))
        for variant, null in branches(config)
    }


def _named(parts: Mapping[str, Mapping[str, Any]], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Choices by name, with those about works as one text of what is not as configured."""
    departures = [
        f"{key} {value}"
        for part in STAGES["works"]
        for key, value in parts["works"][part].items()
        if value != defaults[part][key]
    ]
    others = {key: value for stage, part in parts.items() if stage != "works" for key, value in part.items()}
    return {DEFINITION: " and ".join(departures) or "as configured", **others}
