"""The configuration: its defaults, its types, the messages about wrong keys, and its reference."""

import copy
import re
from collections.abc import Iterator

import pytest
import yaml
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pydantic import BaseModel

from conftest import ROOT
from poles.errors import StudyError
from poles.study import config, config_reference
from poles.study.settings import Settings

SHIPPED = yaml.safe_load((ROOT / "config/config.yaml").read_text())


def completed(**changes) -> dict:
    settings = copy.deepcopy(SHIPPED) | changes
    config.complete(settings, ROOT)
    return settings


def test_every_key_has_a_description():
    schema = config_reference.json_schema()
    sections = schema.pop("$defs")
    for name, section in {"Settings": schema, **sections}.items():
        assert section["description"] and section["additionalProperties"] is False, name
        for key, part in section["properties"].items():
            assert "$ref" in part or part["description"], f"{name}.{key}"


def test_the_shipped_configuration_states_the_defaults():
    defaults: dict = {}
    config.complete(defaults, ROOT)
    assert completed() == defaults | {"nulls": {"max_entropy": {}}}


def test_page_and_schema_are_up_to_date():
    assert (ROOT / config_reference.PAGE).read_text() == config_reference.page()
    assert (ROOT / config_reference.SCHEMA).read_text() == config_reference.schema_file()


def test_defaults_are_filled_at_every_depth():
    settings = completed(trajectories={"first": 2005}, variants={"mine": {}}, run={"variants": ["mine"]})
    assert settings["trajectories"]["panel"] == {"min_strength": 50, "min_expected": 3, "min_share": 0.8}
    assert {key: value for key, value in settings["variants"]["mine"].items() if value is not None} == {
        "counting": "full"
    }
    assert settings["run"] == completed()["run"] | {"variants": ["mine"]}


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


def test_equal_numbers_are_equal_values():
    whole, decimal, text = (
        completed(trajectories={"panel": {"min_strength": value}}) for value in (40, 40.0, "40.0")
    )
    assert repr(whole) == repr(decimal) == repr(text)


@pytest.mark.parametrize("spelling", ["3e3", "3.0e3", "3000", "3000.0", "+3E+03", " 3000 "])
def test_a_number_is_the_same_in_any_spelling_from_a_file_and_from_the_command_line(spelling):
    from_file = yaml.safe_load(f"demo: {{works: {spelling}, world: {{contrast: {spelling}}}}}")
    options = yaml.safe_load(f"nulls: {{local_rewiring: {{ess: {spelling}, max_sweeps: {spelling}}}}}")
    as_text = {"demo": {"works": spelling, "world": {"contrast": spelling}}}
    options_as_text = {"nulls": {"local_rewiring": {"ess": spelling, "max_sweeps": spelling}}}
    settings = completed(**from_file, **options)
    assert repr(settings) == repr(completed(**as_text, **options_as_text))
    assert settings["demo"]["works"] == settings["nulls"]["local_rewiring"]["max_sweeps"] == 3000


def keys_of(model: type[BaseModel], *above: str) -> Iterator[tuple[str, ...]]:
    """Paths of all keys of the configuration, those of sections included."""
    for name, field in model.model_fields.items():
        yield (*above, name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys_of(field.annotation, *above, name)


single = st.sampled_from(
    ["US", "US, CN", "x" * 3000, "", "1e3", "-1", "nan", 0, 7, -3, 2.5, 1e400, True, None]
)
junk = (
    single
    | st.lists(single, max_size=3)
    | st.dictionaries(st.sampled_from(["a", "A", "HK", "first"]), single)
)


@example(("hubs", "regions"), {"a": "x" * 3000})
@given(st.sampled_from(list(keys_of(Settings))), junk)
def test_whatever_is_given_is_taken_or_refused_in_the_words_of_the_study(key, value):
    changes = value
    for name in reversed(key):
        changes = {name: changes}
    try:
        completed(**changes)
    except StudyError as error:
        for line in str(error).splitlines():
            assert re.match(r"configuration: [a-z_]+[a-zA-Z0-9_.]*: .", line), line
            assert "allowed" in line or "needed" in line or "no file" in line, line
            assert "nput should" not in line and len(line) <= 1200, line


def test_the_panel_follows_the_data_except_in_the_demo():
    networks = {"kind": "networks", "networks": {"collaboration": "edges.csv"}}
    panels = {
        (kind, least): completed(source=source, trajectories={"panel": {"min_strength": least}})
        for kind, source in (("demo", {}), ("networks", networks))
        for least in (None, 12)
    }
    limits = {key: settings["trajectories"]["panel"]["min_strength"] for key, settings in panels.items()}
    assert limits == {
        ("demo", None): 50, ("demo", 12): 12, ("networks", None): None, ("networks", 12): 12
    }  # fmt: skip


@pytest.mark.parametrize(
    ("poles", "claims"),
    [
        (["US", "CN"], "config/claims.yaml"),
        (["CN", "IN", "US"], "config/claims.yaml"),
        (["DE", "FR"], "config/claims-poles.yaml"),
        (["US", "DE"], "config/claims-poles.yaml"),
    ],
)
def test_claims_follow_the_poles_unless_they_are_set(poles, claims):
    assert completed(poles=poles)["claims"] == claims
    assert completed(poles=poles, claims="mine.yaml")["claims"] == "mine.yaml"


@given(st.text(min_size=1), st.sampled_from(["years", "source", "clusters", "trajectories", "demo"]))
def test_an_unknown_key_is_always_named(key, section):
    assume(key not in Settings.model_fields[section].annotation.model_fields)
    with pytest.raises(StudyError) as error:
        completed(**{section: {key: 1}})
    assert f"{section}: unknown key {key}; allowed: " in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"years": {"first": 2020, "last": 2010}}, "years.first: 2020; allowed: at most years.last = 2010"),
        ({"trajectories": {"first": 2015}}, "trajectories: 2015-2021; allowed: 10 years or more"),
        ({"significance": {"last": 2030}}, "significance: 2026-2030; allowed: within years = 1990-2023"),
        ({"run": {"variants": ["halves"]}}, "run.variants: 'halves'; allowed: full, fractional"),
        (
            {"run": {"variants": ["full", "fractional"]}},
            "run: enhanced_max_entropy takes whole weights, but variant fractional is fractional; allowed: "
            "max_entropy, multi_edge, variance_corrected; "
            "or else run.skip: [fractional/enhanced_max_entropy, fractional/local_rewiring]",
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
        (
            {"nulls": {"local_rewiring": {"chains": 0}}},
            "nulls.local_rewiring.chains: 0; allowed: integer, at least 1",
        ),
        (
            {"nulls": {"local_rewiring": {"exponents": []}}},
            "nulls.local_rewiring.exponents: []; allowed: list, each entry number, at least 1 entries",
        ),
        (
            {"stability": {"null_options": {"local_rewiring": {"z_error": "-1e-1"}}}},
            "stability.null_options.local_rewiring.z_error: '-1e-1'; allowed: number, above 0",
        ),
        ({"demo": {"works": 10**400}}, "demo.works: 1000"),
        ({"variants": {}}, "variants: {}; allowed: at least 1 entries"),
        ({"poles": ["US", "US"]}, "allowed: no entry twice"),
        (
            {"poles": ["DE", "FR", "GB"]},
            "come with the study, but not about DE, FR, GB; allowed: two poles, or a file of your own claims",
        ),
        ({"poles": ["IN"]}, "not about IN; allowed: two poles, or a file of your own claims"),
        ({"poles": [False, "US"]}, "poles.0: False; allowed: string (in quotes, as 'NO')"),
        ({"field": {"match": "all"}}, "field.match: 'all'; allowed: 'primary' or 'any'"),
        (
            {"selection": {"merge": {"HK": "UK"}}},
            "selection.merge.HK: 'UK'; allowed: a code of ISO 3166-1 alpha-2, or XK; did you mean GB?",
        ),
        (
            {"poles": ["US", "UK"]},
            "poles.1: 'UK'; allowed: a code of ISO 3166-1 alpha-2, or XK; did you mean GB?",
        ),
        (
            {"poles": ["China"]},
            "poles.0: 'China'; allowed: a code of ISO 3166-1 alpha-2, or XK; did you mean CN?",
        ),
        ({"figures": {"pairs": [["US", "EU"]]}}, "figures.pairs.0.1: 'EU'; allowed: a code of ISO 3166-1"),
        ({"hubs": {"regions": {"A": ["US", "CA", "MEX"]}}}, "hubs.regions.A.2: 'MEX'; allowed: "),
        (
            {"selection": {"merge": {"hk": "CN"}}},
            "selection.merge: 'hk'; allowed: text that matches ^[A-Z][A-Z0-9_]{1,15}$",
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
        (
            {"selection": {"merge": {"GB": "IE"}}, "figures": {"pairs": [["US", "GB"]]}},
            "figures.pairs: 'GB' counts as IE",
        ),
        (
            {
                "selection": {"merge": {"UK": "GB", "HK": "CN"}},
                "source": {"kind": "networks", "networks": {"citation": "x.csv"}},
            },
            "selection.merge: 'HK'; edge lists are taken as counted",
        ),
        ({"selection": {"max_countries": 1}}, "selection.max_countries: 1; allowed: at least 2"),
        ({"selection": {"min_topic_score": 1.5}}, "selection.min_topic_score: 1.5; allowed: at most 1"),
        ({"selection": {"most_cited": 0}}, "selection.most_cited: 0; allowed: above 0"),
        ({"selection": {"institution_types": []}}, "selection.institution_types: []; allowed: "),
        (
            {"selection": {"institution_types": ["company"], "countries": "union"}},
            "selection.countries: union; allowed with institution_types: institutions",
        ),
        (
            {"selection": {"min_topic_score": 0.5}, "field": {"match": "any"}},
            "selection.min_topic_score: 0.5; allowed: null, or else field.subfields and field.match: primary",
        ),
        (
            {"selection": {"min_topic_score": 0.5}, "field": {"subfields": None}},
            "selection.min_topic_score: 0.5; allowed: null",
        ),
        (
            {
                "selection": {"min_topic_score": 0.5},
                "variants": {"full": {"field": {"match": "any"}}},
                "run": {"variants": ["full"]},
            },
            "variants.full.selection.min_topic_score: 0.5; allowed: null",
        ),
        (
            {"variants": {"full": {"selection": {"merge": {"HK": "CN"}}}}},
            "variants.full.selection: unknown key merge; allowed: authors, countries, ",
        ),
        (
            {
                "source": {"kind": "networks", "networks": {"collaboration": "links.csv"}},
                "variants": {"full": {"field": {"subfields": [1702, 1707]}}},
                "run": {"variants": ["full"]},
            },
            "variants.full.field: {'subfields': [1702, 1707]}; edge lists hold no works; allowed: no field",
        ),
        (
            {
                "source": {"kind": "api"},
                "variants": {"full": {"field": {"subfields": None}}},
                "run": {"variants": ["full"]},
            },
            "variants.full.field.subfields: null; allowed where source.kind is api",
        ),
        ({"demo": {"world": {"contrst": 2}}}, "demo.world: unknown knob contrst; allowed: contrast, noise, "),
        ({"demo": {"works": "many"}}, "demo.works: 'many'; allowed: integer"),
        ({"demo": {"works": 2000.5}}, "demo.works: 2000.5; allowed: integer"),
        ({"demo": {"seed": True}}, "demo.seed: True; allowed: number"),
        ({"demo": {"works": "3.5e0"}}, "demo.works: 3.5; allowed: integer"),
        ({"significance": {"threshold": float("nan")}}, "significance.threshold: nan; allowed: number"),
        ({"poles": "US"}, "poles: 'US'; allowed: list in brackets, such as [US]"),
        ({"poles": "US,CN"}, "poles: 'US,CN'; allowed: list in brackets, such as [US, CN]"),
        (
            {"field": {"subfields": 1702}},
            "field.subfields: 1702; allowed: list in brackets, such as [1702]",
        ),
        (
            {"run": {"nulls": {"max_entropy": {}}}},
            "run.nulls: {'max_entropy': {}}; allowed: list in brackets",
        ),
        ({"selection": {"retracted": "maybe"}}, "selection.retracted: 'maybe'; allowed: true or false"),
        ({"selection": {"retracted": 1}}, "selection.retracted: 1; allowed: true or false"),
        ({"clusters": 4}, "clusters: 4; allowed: map of keys"),
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
