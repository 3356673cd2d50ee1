"""The configuration: checked at parse time, completed with defaults, and described for readers."""

import copy
import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from poles.errors import StudyError
from poles.study import signatures
from poles.study.branches import branches
from poles.study.signatures import NullModel

SCHEMA = Path("workflow/schemas/config.schema.yaml")
"""Schema of the configuration, relative to the root of the project."""
COUNTRIES = Path("scripts/poles/countries.csv")
"""Table of `poles.countries`, relative to the root; read without polars, so that parsing stays quick."""


def load_schema(root: Path) -> dict[str, Any]:
    """Read the JSON schema (draft 2020-12) of the configuration."""
    return yaml.safe_load((root / SCHEMA).read_text(encoding="utf-8"))


def _part(schema: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Schema of one key of a map; an empty one where the key is not known."""
    part = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
    return part if isinstance(part, dict) else {}


def _fill(value: Any, schema: Mapping[str, Any]) -> None:
    """Put the default of every missing key into a map, outermost first, so that nested ones follow."""
    if not isinstance(value, dict):
        return
    for key, part in schema.get("properties", {}).items():
        if "default" in part and key not in value:
            value[key] = copy.deepcopy(part["default"])
    for key, inner in value.items():
        _fill(inner, _part(schema, key))


def _typed(value: Any, schema: Mapping[str, Any]) -> Any:
    """Read text as the type that the schema asks for.

    Snakemake leaves every value inside ``--config 'demo={works: 200000}'`` as text.
    """
    if isinstance(value, dict):
        inner = schema.get("properties", {})
        other = schema.get("additionalProperties", {})
        return {
            key: _typed(part, inner.get(key, other if isinstance(other, dict) else {}))
            for key, part in value.items()
        }
    if isinstance(value, list):
        return [_typed(part, schema.get("items", {})) for part in value]
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if isinstance(value, str) and kinds and ("string" not in kinds or value == "null"):
        read = yaml.safe_load(value)
        if jsonschema.Draft202012Validator({"type": kinds}).is_valid(read):
            return read
    return value


def _explain(error: jsonschema.ValidationError) -> str:
    """One line: the key, its value, and what is allowed."""
    key = ".".join(map(str, error.absolute_path)) or "the configuration"
    if error.validator == "additionalProperties":
        unknown = sorted(set(error.instance) - set(error.schema.get("properties", {})))
        allowed = ", ".join(sorted(error.schema.get("properties", {})))
        return f"{key}: unknown key {', '.join(unknown)}; allowed: {allowed}"
    allowed = {
        "enum": lambda: ", ".join(map(str, error.validator_value)),
        "type": lambda: " or ".join(
            [error.validator_value] if isinstance(error.validator_value, str) else error.validator_value
        ),
        "minimum": lambda: f"at least {error.validator_value}",
        "exclusiveMinimum": lambda: f"above {error.validator_value}",
        "maximum": lambda: f"at most {error.validator_value}",
        "minItems": lambda: f"at least {error.validator_value} entries",
        "maxItems": lambda: f"at most {error.validator_value} entries",
        "minProperties": lambda: f"at least {error.validator_value} keys",
        "uniqueItems": lambda: "no entry twice",
        "pattern": lambda: f"text that matches {error.validator_value}",
    }.get(error.validator, lambda: error.message)()
    # YAML reads a bare NO, the code of Norway, as false.
    hint = " (in quotes, as 'NO')" if isinstance(error.instance, bool) and allowed == "string" else ""
    return f"{key}: {error.instance!r}; allowed: {allowed}{hint}"


def _conflicts(config: Mapping[str, Any], root: Path) -> Iterator[str]:
    """What no single key can show: one line for each pair of keys that contradict each other."""
    years, window, recent = (config[key] for key in ("years", "trajectories", "significance"))
    for name, span in (("years", years), ("trajectories", window), ("significance", recent)):
        if span["first"] > span["last"]:
            yield f"{name}.first: {span['first']}; allowed: at most {name}.last = {span['last']}"
        elif span["first"] < years["first"] or span["last"] > years["last"]:
            yield (
                f"{name}: {span['first']}-{span['last']}; "
                f"allowed: within years = {years['first']}-{years['last']}"
            )
    if window["last"] - window["first"] < 9:
        yield f"trajectories: {window['first']}-{window['last']}; allowed: ten years or more"
    for variant in config["run"]["variants"]:
        if variant not in config["variants"]:
            allowed = ", ".join(config["variants"])
            yield f"run.variants: {variant!r}; allowed: {allowed} (the keys of variants)"
    known_branches = {f"{v}/{n}" for v in config["run"]["variants"] for n in config["run"]["nulls"]}
    for name in config["run"]["skip"]:
        if name not in known_branches:
            allowed = ", ".join(sorted(known_branches))
            yield f"run.skip: {name!r}; allowed: {allowed} (run.variants with run.nulls)"
    if not branches(config):
        yield "run.skip: leaves no branch; allowed: at least one of run.variants with run.nulls"
    knobs = signatures.world_knobs(root)
    for knob in config["demo"]["world"]:
        if knob not in knobs:
            yield f"demo.world: unknown knob {knob}; allowed: {', '.join(knobs)}"
    source = config["source"]
    for variant in config["run"]["variants"] if source["kind"] == "networks" else []:
        own = config["variants"].get(variant, {})
        if own.get("counting") == "fractional" or own.get("window") is not None:
            taken = "edge lists are taken as counted; allowed: neither counting nor window"
            yield f"run.variants: {variant}; {taken}"
    if source["kind"] in ("snapshot", "works") and not source["path"]:
        yield f"source.path: null; needed where source.kind is {source['kind']}"
    if source["kind"] == "api" and config["field"]["subfields"] is None:
        yield "field.subfields: null; allowed where source.kind is api: a list, not all of OpenAlex"
    if source["kind"] == "api" and source["path"] and "://" in source["path"]:
        yield f"source.path: {source['path']!r}; allowed where source.kind is api: a folder"
    if source["kind"] == "networks" and not any(source["networks"].values()):
        yield "source.networks: no file; needed for one layer or both where source.kind is networks"


def _wrong_nulls(config: Mapping[str, Any], models: Mapping[str, NullModel]) -> Iterator[str]:
    """Selected null models that do not exist, lack an option, or cannot take the counting of a variant."""
    for null in config["run"]["nulls"]:
        if null not in models:
            yield f"run.nulls: {null!r}; allowed: {_names_of(models)}"
            continue
        for name, option in models[null].options.items():
            if option.required and name not in config["nulls"].get(null, {}):
                yield f"nulls.{null}: option {name} is missing; allowed: {option}"
    for variant, null in branches(config):
        counting = config["variants"].get(variant, {}).get("counting")
        if counting == "fractional" and null in models and models[null].whole_weights_only:
            others = ", ".join(name for name, model in models.items() if not model.whole_weights_only)
            yield (
                f"run: {null} takes whole weights, but variant {variant} is fractional; allowed: {others}; "
                f"or else run.skip: [{variant}/{null}]"
            )


def _names_of(models: Mapping[str, NullModel]) -> str:
    """Names of the null models, and where to add one."""
    return f"{', '.join(models)} (modules of {signatures.NULLS.as_posix()} with a function fit(network))"


def _read_options(config: Mapping[str, Any], models: Mapping[str, NullModel]) -> Iterator[str]:
    """Convert the options of null models, in place, to the types that ``fit`` declares.

    Yields a line for each unknown model, each option that ``fit`` does not take, and each value of another
    type.
    """
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


def _wrong_selection(config: Mapping[str, Any], root: Path) -> Iterator[str]:
    """What contradicts the merging of countries and the least score of a topic."""
    merge, field = config["selection"]["merge"], config["field"]
    with (root / COUNTRIES).open(encoding="utf-8", newline="") as stream:
        known = {row["code"] for row in csv.DictReader(stream)}
    for code in sorted({*merge, *merge.values()} - known):
        yield f"selection.merge: {code!r}; allowed: codes of ISO 3166-1, and XK ({COUNTRIES})"
    for code, into in merge.items():
        if into in merge:
            yield f"selection.merge.{code}: {into!r}; allowed: a country that is not merged itself"
    if merge and config["source"]["kind"] == "networks":
        yield "selection.merge: edge lists are taken as counted; allowed: {}"
    pairs = [code for pair in config["figures"]["pairs"] for code in pair]
    regions = [code for region in config["hubs"]["regions"].values() for code in region]
    named = {"poles": config["poles"], "figures.pairs": pairs, "hubs.regions": regions}
    for key, codes in named.items():
        for code in dict.fromkeys(codes):
            if code in merge:
                yield f"{key}: {_merged_away(code, merge)}"
    least = config["selection"]["min_topic_score"]
    if least is not None and (field["subfields"] is None or field["match"] != "primary"):
        yield (
            f"selection.min_topic_score: {least}; allowed: null, or else field.subfields and "
            "field.match: primary, as the score is that of the primary topic"
        )


def _merged_away(code: str, merge: Mapping[str, str]) -> str:
    """Why a country cannot be named, and what can."""
    return f"{code!r} counts as {merge[code]} (selection.merge); allowed: countries that are not merged"


def complete(config: dict[str, Any], root: Path) -> None:
    """Check a configuration and fill in its defaults, in place.

    Parameters
    ----------
    config : dict
        As merged by Snakemake.
    root : Path
        Root of the project.

    Raises
    ------
    StudyError
        One line for each wrong key: the key, its value and what is allowed.
    """
    schema = load_schema(root)
    config.update(_typed(config, schema))
    errors = jsonschema.Draft202012Validator(schema).iter_errors(config)
    lines = [
        _explain(error) for error in sorted(errors, key=lambda error: list(map(str, error.absolute_path)))
    ]
    if not lines:
        _fill(config, schema)
        models = signatures.null_models(root)
        lines = [
            *_conflicts(config, root), *_wrong_nulls(config, models), *_read_options(config, models),
            *_wrong_selection(config, root),
        ]  # fmt: skip
    if lines:
        raise StudyError("configuration: " + "\nconfiguration: ".join(lines))


def _rows(schema: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key, part in schema["properties"].items():
        kind = part.get("type", "one of " + ", ".join(f"`{value}`" for value in part.get("enum", [])))
        kind = kind if isinstance(kind, str) else " or ".join(kind)
        bounds = [f"from {part['minimum']}"] if "minimum" in part else []
        bounds += [f"to {part['maximum']}"] if "maximum" in part else []
        default = yaml.safe_dump(part.get("default"), default_flow_style=True, width=1000).split("\n")[0]
        shown = "" if kind == "object" and not part.get("default") else f"`{default}`"
        yield f"| `{prefix}{key}` | {' '.join([kind, *bounds])} | {shown} | {part['description'].strip()} |"
        if "properties" in part:
            yield from _rows(part, f"{prefix}{key}.")
        elif isinstance(inner := part.get("additionalProperties"), dict) and "properties" in inner:
            yield from _rows(inner, f"{prefix}{key}.NAME.")


def describe(root: Path) -> str:
    """Describe every key of the configuration as a Markdown page, made from the schema."""
    head = """# Configuration

Every knob of the study. `config.yaml` is the default; the other files here are overlays for one use each,
given with `snakemake --configfile config/NAME.yaml`, which merges them into the default. Lists are replaced
as a whole, so selections (`run`) are lists. One key is changed with `--config 'demo={works: 200000}'`.
A key that does not exist, or an impossible value, stops the study before it starts.

This page is made from `workflow/schemas/config.schema.yaml` by `make config/README.md`.

| key | type | default | meaning |
|---|---|---|---|
"""
    return head + "\n".join(_rows(load_schema(root), "")) + "\n"
