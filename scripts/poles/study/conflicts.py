"""Keys of the configuration that contradict each other, or that name something which does not exist."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from poles import countries
from poles.study import signatures, windows
from poles.study.branches import branches, choices
from poles.study.signatures import NullModel


def conflicts(config: Mapping[str, Any], root: Path) -> Iterator[str]:
    """Find what no single key shows.

    Options of null models are converted, in place, to the types that ``fit`` declares.

    Parameters
    ----------
    config : Mapping
        Configuration in which each key by itself is right.
    root : Path
        Root of the project.

    Yields
    ------
    str
        One line for each conflict: the key, its value and what is allowed.
    """
    models = signatures.null_models(root)
    yield from _years(config)
    yield from _branches(config)
    yield from _null_models(config, models)
    yield from _null_options(config, models)
    yield from _world(config, root)
    yield from _source(config)
    yield from _merged_countries(config)
    yield from _selections(config)
    yield from _claims(config)


def _years(config: Mapping[str, Any]) -> Iterator[str]:
    """Periods that end before they begin, that leave the years of the works, or that are too short."""
    years, trajectories = config["years"], config["trajectories"]
    if years["first"] > years["last"]:
        yield f"years.first: {years['first']}; allowed: at most years.last = {years['last']}"
        return  # the other periods follow these years
    for key in ("trajectories", "significance"):
        first, last = config[key]["first"], config[key]["last"]
        if first > last:
            yield f"{key}.first: {first}; allowed: at most {key}.last = {last}"
        elif first < years["first"] or last > years["last"]:
            yield f"{key}: {first}-{last}; allowed: within years = {years['first']}-{years['last']}"
    # With fewer years of works, there are no trajectories, and the study says so.
    if windows.length(trajectories) < windows.MIN_YEARS <= windows.length(years):
        period = f"{trajectories['first']}-{trajectories['last']}"
        yield f"trajectories: {period}; allowed: {windows.MIN_YEARS} years or more"


def _branches(config: Mapping[str, Any]) -> Iterator[str]:
    """Selected variants that do not exist, and skipped branches that are not selected."""
    run = config["run"]
    for variant in run["variants"]:
        if variant not in config["variants"]:
            allowed = ", ".join(config["variants"])
            yield f"run.variants: {variant!r}; allowed: {allowed} (the keys of variants)"
    selected = sorted(f"{variant}/{null}" for variant in run["variants"] for null in run["nulls"])
    for branch in run["skip"]:
        if branch not in selected:
            yield f"run.skip: {branch!r}; allowed: {', '.join(selected)} (run.variants with run.nulls)"
    if not branches(config):
        yield "run.skip: leaves no branch; allowed: at least one of run.variants with run.nulls"


def _null_models(config: Mapping[str, Any], models: Mapping[str, NullModel]) -> Iterator[str]:
    """Selected null models that do not exist, lack an option, or cannot take the counting of a variant."""
    for null in config["run"]["nulls"]:
        if null not in models:
            yield f"run.nulls: {null!r}; allowed: {_names_of(models)}"
            continue
        for name, option in models[null].options.items():
            if option.required and name not in config["nulls"].get(null, {}):
                yield f"nulls.{null}: option {name} is missing; allowed: {option}"
    wrong = [
        (variant, null)
        for variant, null in branches(config)
        if config["variants"].get(variant, {}).get("counting") == "fractional"
        and null in models
        and models[null].whole_weights_only
    ]
    if wrong:
        others = ", ".join(name for name, model in models.items() if not model.whole_weights_only)
        skipped = ", ".join(["/".join(branch) for branch in wrong] + config["run"]["skip"])
        yield (
            f"run: {wrong[0][1]} takes whole weights, but variant {wrong[0][0]} is fractional; "
            f"allowed: {others}; or else run.skip: [{skipped}]"
        )


def _names_of(models: Mapping[str, NullModel]) -> str:
    """Names of the null models, and where to add one."""
    return f"{', '.join(models)} (modules of {signatures.NULLS.as_posix()} with a function fit(network))"


def _null_options(config: Mapping[str, Any], models: Mapping[str, NullModel]) -> Iterator[str]:
    """Unknown models, options that ``fit`` does not take, and values of another type. Converts the others."""
    by_key = {"nulls": config["nulls"], "stability.null_options": config["stability"]["null_options"]}
    for key, null, options in ((key, *item) for key, by_model in by_key.items() for item in by_model.items()):
        if null not in models:
            yield f"{key}: {null!r}; allowed: {_names_of(models)}"
            continue
        declared = models[null].options
        for name, value in options.items():
            if name not in declared:
                yield f"{key}.{null}: unknown option {name}; allowed: {', '.join(declared) or 'no option'}"
                continue
            try:
                options[name] = declared[name].read(value)
            except ValueError:
                yield f"{key}.{null}.{name}: {value!r}; allowed: {declared[name]}"


def _world(config: Mapping[str, Any], root: Path) -> Iterator[str]:
    """Knobs that a demo world does not have."""
    knobs = signatures.world_knobs(root)
    for knob in config["demo"]["world"]:
        if knob not in knobs:
            yield f"demo.world: unknown knob {knob}; allowed: {', '.join(knobs)}"


def _source(config: Mapping[str, Any]) -> Iterator[str]:
    """Keys that the kind of source needs, or cannot take."""
    source = config["source"]
    kind, path = source["kind"], source["path"]
    if kind in ("snapshot", "works", "archive") and not path:
        yield f"source.path: null; needed where source.kind is {kind}"
    if kind == "archive" and not source["sha256"]:
        yield "source.sha256: null; needed where source.kind is archive, as README.md beside it says"
    if kind == "api" and config["field"]["subfields"] is None:
        yield "field.subfields: null; allowed where source.kind is api: a list, not all of OpenAlex"
    if kind == "api":
        for variant in config["run"]["variants"]:
            field = config["variants"].get(variant, {}).get("field") or {}
            if field.get("subfields", []) is None:
                yield (
                    f"variants.{variant}.field.subfields: null; allowed where source.kind is api: a list, "
                    "not all of OpenAlex"
                )
    if kind == "api" and path and "://" in path:
        yield f"source.path: {path!r}; allowed where source.kind is api: a folder"
    if kind != "networks":
        return
    if not any(source["networks"].values()):
        yield "source.networks: no file; needed for one layer or both where source.kind is networks"
    for variant in config["run"]["variants"]:
        stated = config["variants"].get(variant, {})
        for key in ("field", "selection"):
            if stated.get(key):
                yield f"variants.{variant}.{key}: {stated[key]}; edge lists hold no works; allowed: no {key}"
        if stated.get("counting") == "fractional" or stated.get("window") is not None:
            yield (
                f"run.variants: {variant}; edge lists are taken as counted; allowed: neither counting nor "
                "window"
            )
    for code in config["selection"]["merge"]:
        if code in countries.names():
            yield (
                f"selection.merge: {code!r}; edge lists are taken as counted, so links of two countries "
                "cannot be added; allowed: codes that ISO 3166-1 does not have, such as UK"
            )


def _merged_countries(config: Mapping[str, Any]) -> Iterator[str]:
    """Merged countries that others are merged into, or that another key names."""
    merge = config["selection"]["merge"]
    for code, target in merge.items():
        if target in merge:
            yield f"selection.merge.{code}: {target!r}; allowed: a country that is not merged itself"
    named = {
        "poles": config["poles"],
        "figures.pairs": [code for pair in config["figures"]["pairs"] or [] for code in pair],
        "hubs.regions": [code for region in config["hubs"]["regions"].values() for code in region],
    }
    for key, code in ((key, code) for key, codes in named.items() for code in dict.fromkeys(codes)):
        if code in merge:
            yield (
                f"{key}: {code!r} counts as {merge[code]} (selection.merge); allowed: countries that are not "
                "merged"
            )


def _selections(config: Mapping[str, Any]) -> Iterator[str]:
    """A least score where the field has no primary topic; countries that no type of institution can have."""
    works = {"": {"field": config["field"], "selection": config["selection"]}}
    for variant in config["run"]["variants"]:
        stated = config["variants"].get(variant, {})
        if stated.get("field") or stated.get("selection"):
            works[f"variants.{variant}."] = choices(config, variant)["works"]
    for place, of_variant in works.items():
        score, field = of_variant["selection"]["min_topic_score"], of_variant["field"]
        if score is not None and (field["subfields"] is None or field["match"] != "primary"):
            yield (
                f"{place}selection.min_topic_score: {score}; allowed: null, or else field.subfields and "
                "field.match: primary, as the score is that of the primary topic"
            )
        if of_variant["selection"]["institution_types"] and of_variant["selection"]["countries"] == "union":
            yield (
                f"{place}selection.countries: union; allowed with institution_types: institutions, as "
                "OpenAlex does not say which institution a listed country comes from"
            )


def _claims(config: Mapping[str, Any]) -> Iterator[str]:
    """Poles about which no list of claims comes with the study."""
    if config["claims"] is None:
        yield (
            "claims: null; claims about US and CN, and about any two poles, come with the study, but not "
            f"about {', '.join(config['poles'])}; allowed: two poles, or a file of your own claims"
        )
