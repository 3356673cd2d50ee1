"""The schema, its defaults, and the page made from it."""

import copy

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from poles.errors import StudyError
from poles.study import config

SHIPPED = yaml.safe_load((ROOT / "config/config.yaml").read_text())


def completed(**changes) -> dict:
    settings = copy.deepcopy(SHIPPED) | changes
    config.complete(settings, ROOT)
    return settings


def walk(schema: dict, path: str = ""):
    for key, part in schema.get("properties", {}).items():
        yield f"{path}{key}", part
        yield from walk(part, f"{path}{key}.")
    if isinstance(inner := schema.get("additionalProperties"), dict):
        yield f"{path}*", inner
        yield from walk(inner, f"{path}*.")


def test_the_schema_is_one_and_describes_every_key():
    schema = config.load_schema(ROOT)
    jsonschema.Draft202012Validator.check_schema(schema)
    for path, part in walk(schema):
        assert part.get("description"), path
        if "properties" in part:
            assert part["additionalProperties"] is False, path


def test_the_shipped_configuration_spells_out_the_defaults():
    assert completed() == (lambda bare: (config.complete(bare, ROOT), bare)[1])(
        {"nulls": {"max_entropy": {}}}
    )


def test_the_page_of_keys_is_in_step_with_the_schema():
    assert (ROOT / "config/README.md").read_text() == config.describe(ROOT)


def test_defaults_are_filled_at_every_depth():
    settings = completed(trajectories={"first": 2005}, variants={"mine": {}}, run={"variants": ["mine"]})
    assert settings["trajectories"]["panel"] == {"min_strength": 50, "min_share": 0.8}
    assert settings["variants"] == {"mine": {"counting": "full"}}
    assert settings["run"] == {"variants": ["mine"], "nulls": ["max_entropy"], "skip": []}


def test_values_given_as_text_are_read_as_their_type():
    settings = completed(
        demo={"works": "2000"}, source={"path": "null"}, field={"subfields": ["1702", "1707"]},
        selection={
            "retracted": "true", "types": "null", "merge": {"HK": "CN"}, "max_countries": "9",
            "min_topic_score": "0.5",
        },
        poles=["NO", "US"],
        significance={"threshold": "1.5"},
        nulls={"local_rewiring": {"ess": "1e3", "chains": "2", "exponents": ["0", "0.5"]}},
    )  # fmt: skip
    assert settings["demo"]["works"] == 2000
    assert settings["source"]["path"] is None
    assert settings["field"]["subfields"] == [1702, 1707]
    assert settings["selection"]["retracted"] is True
    assert settings["selection"]["types"] is None
    assert settings["selection"]["merge"] == {"HK": "CN"}
    assert settings["selection"]["max_countries"] == 9
    assert settings["selection"]["min_topic_score"] == 0.5
    assert settings["poles"] == ["NO", "US"]
    assert settings["significance"]["threshold"] == 1.5
    assert settings["nulls"] == {"local_rewiring": {"ess": 1000, "chains": 2, "exponents": [0, 0.5]}}


@given(st.text(min_size=1), st.sampled_from(["years", "source", "clusters", "trajectories", "demo"]))
def test_an_unknown_key_is_always_named(key, section):
    known = config.load_schema(ROOT)["properties"][section]["properties"]
    if key in known:
        return
    with pytest.raises(StudyError) as error:
        completed(**{section: {key: 1}})
    assert f"{section}: unknown key {key}; allowed: " in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"years": {"first": 2020, "last": 2010}}, "years.first: 2020; allowed: at most years.last = 2010"),
        ({"trajectories": {"first": 2015}}, "trajectories: 2015-2021; allowed: ten years or more"),
        ({"significance": {"last": 2030}}, "significance: 2017-2030; allowed: within years = 1990-2023"),
        ({"run": {"variants": ["halves"]}}, "run.variants: 'halves'; allowed: full, fractional"),
        (
            {"run": {"variants": ["full", "fractional"], "nulls": ["local_rewiring"]}},
            "run: local_rewiring takes whole weights, but variant fractional is fractional; allowed: ",
        ),
        (
            {"source": {"kind": "networks"}, "run": {"variants": ["full", "fractional"]}},
            "run.variants: fractional; edge lists are taken as counted; allowed: neither counting nor window",
        ),
        ({"source": {"kind": "networks"}}, "source.networks: no file"),
        ({"nulls": {"gravity": {}}}, "nulls: 'gravity'; allowed: "),
        (
            {"nulls": {"max_entropy": {"seed": 1}}},
            "nulls.max_entropy: unknown option seed; allowed: no option",
        ),
        (
            {"nulls": {"local_rewiring": {"law": "poisson"}}},
            "nulls.local_rewiring.law: 'poisson'; allowed: uniform, multi_edge",
        ),
        (
            {"stability": {"null_options": {"local_rewiring": {"ess": True}}}},
            "stability.null_options.local_rewiring.ess: True; allowed: number",
        ),
        ({"variants": {}}, "variants: {}; allowed: at least 1 keys"),
        ({"poles": ["US", "US"]}, "allowed: no entry twice"),
        ({"poles": [False, "US"]}, "poles.0: False; allowed: string (in quotes, as 'NO')"),
        ({"field": {"match": "all"}}, "field.match: 'all'; allowed: primary, any"),
        ({"selection": {"merge": {"HK": "UK"}}}, "selection.merge: 'UK'; allowed: codes of ISO 3166-1"),
        (
            {"selection": {"merge": {"hk": "CN"}}},
            "selection.merge: 'hk'; allowed: text that matches ^[A-Z]{2}$",
        ),
        (
            {"selection": {"merge": {False: "SE"}}},
            "selection.merge: False; allowed: string (in quotes, as 'NO')",
        ),
        (
            {"selection": {"merge": {"HK": "CN"}}, "hubs": {"regions": {"Delta": ["HK", "TW", "JP"]}}},
            "hubs.regions: 'HK' counts as CN (selection.merge)",
        ),
        ({"hubs": {"regions": {"Low": ["BE", "NL"]}}}, "hubs.regions.Low: ['BE', 'NL']; allowed: at least 3"),
        ({"hubs": {"share": 0}}, "hubs.share: 0; allowed: above 0"),
        ({"selection": {"merge": {"AX": False}}}, "selection.merge.AX: False; allowed: string (in quotes"),
        (
            {"selection": {"merge": {"MO": "HK", "HK": "CN"}}},
            "selection.merge.MO: 'HK'; allowed: a country that is not merged itself",
        ),
        (
            {"selection": {"merge": {"CN": "CN"}}},
            "selection.merge.CN: 'CN'; allowed: a country that is not merged itself",
        ),
        (
            {"selection": {"merge": {"CN": "HK"}}},
            "poles: 'CN' counts as HK (selection.merge); allowed: countries that are not merged",
        ),
        ({"selection": {"merge": {"GB": "IE"}}}, "figures.pairs: 'GB' counts as IE"),
        (
            {
                "selection": {"merge": {"HK": "CN"}},
                "source": {"kind": "networks", "networks": {"citation": "x.csv"}},
            },
            "selection.merge: edge lists are taken as counted; allowed: {}",
        ),
        ({"selection": {"max_countries": 1}}, "selection.max_countries: 1; allowed: at least 2"),
        ({"selection": {"min_topic_score": 1.5}}, "selection.min_topic_score: 1.5; allowed: at most 1"),
        (
            {"selection": {"min_topic_score": 0.5}, "field": {"match": "any"}},
            "selection.min_topic_score: 0.5; allowed: null, or else field.subfields and field.match: primary",
        ),
        (
            {"selection": {"min_topic_score": 0.5}, "field": {"subfields": None}},
            "selection.min_topic_score: 0.5; allowed: null",
        ),
        ({"demo": {"world": {"contrst": 2}}}, "demo.world: unknown knob contrst; allowed: contrast, noise, "),
        ({"demo": {"works": "many"}}, "demo.works: 'many'; allowed: integer"),
    ],
)
def test_contradictions_name_key_value_and_what_is_allowed(changes, message):
    with pytest.raises(StudyError) as error:
        completed(**changes)
    assert message in str(error.value)


def test_all_wrong_keys_are_named_at_once():
    with pytest.raises(StudyError) as error:
        completed(clusters={"k": 0}, demo={"works": 1})
    assert len(str(error.value).splitlines()) == 2
