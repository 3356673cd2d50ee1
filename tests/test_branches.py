"""Branches: their choices, the files that they share, and the choices in which they differ."""

import copy
import inspect
import itertools

import hypothesis
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from poles.errors import StudyError
from poles.networks import construction
from poles.study import branches, config

SHIPPED = yaml.safe_load((ROOT / "config/config.yaml").read_text())


def completed(variants: dict, **run) -> dict:
    settings = copy.deepcopy(SHIPPED) | {"variants": variants}
    settings["run"] = {"variants": list(variants), "nulls": ["max_entropy"]} | run
    config.complete(settings, ROOT)
    return settings


EXAMPLE = {
    "full": {},
    "literal": {"preprocessing": "literal"},
    "recent": {"window": 5},
    "recent_eight": {"window": 5, "k": 8},
    "eight": {"k": 8},
    "yearly": {"preprocessing": "yearly_scale"},
    "spelled_out": {"counting": "full", "preprocessing": "noise_units", "min_strength": 50, "k": 4},
}


@pytest.mark.parametrize("names", [list(EXAMPLE), list(EXAMPLE)[::-1]])
def test_files_stand_under_the_plainest_variant_with_the_same_choices(names):
    settings = completed({name: EXAMPLE[name] for name in names})
    places = {
        stage: [branches.sharing(settings, name, stage) for name in EXAMPLE] for stage in branches.STAGES
    }
    assert places["links"] == ["full", "full", "recent", "recent", "full", "full", "full"]
    assert places["panel"] == ["full", "full", "recent", "recent", "full", "yearly", "full"]
    assert places["trajectories"] == ["full", "literal", "recent", "recent", "full", "yearly", "full"]
    assert places["clusters"] == [
        "full", "literal", "recent", "recent_eight", "eight", "yearly", "full"
    ]  # fmt: skip


def test_choices_about_links_are_the_parameters_of_building_them():
    parameters = list(inspect.signature(construction.build).parameters)[1:]
    assert parameters == list(branches.STAGES["links"])


def test_options_of_a_variant_are_those_of_the_study_and_its_own_choices():
    settings = completed({"full": {}, "strong": {"min_strength": 200, "k": 5, "growth": "removed"}})
    assert branches.trajectories(settings, "full") == settings["trajectories"]
    assert branches.clusters(settings, "full") == settings["clusters"]
    strong = branches.trajectories(settings, "strong")
    assert strong["panel"] == {"min_strength": 200, "min_expected": 3, "min_share": 0.8}
    assert strong | {"panel": None} == settings["trajectories"] | {"growth": "removed", "panel": None}
    assert branches.clusters(settings, "strong") == settings["clusters"] | {"k": 5}


def test_the_limits_of_the_panel_follow_the_counting():
    settings = completed({"full": {}, "fractional": {"counting": "fractional"}})
    panels = {name: branches.trajectories(settings, name)["panel"] for name in ("full", "fractional")}
    assert panels["full"] == {"min_strength": 50, "min_expected": 3, "min_share": 0.8}
    assert panels["fractional"] == {"min_strength": 12.5, "min_expected": 0.75, "min_share": 0.8}
    # A work by five countries gives each of its ten links a tenth, a work by three countries a third.
    assert 1 / 10 < branches.FRACTIONAL < 1 / 3
    assert differing(settings, "full/max_entropy", "fractional/max_entropy") == {"counting"}


def test_skipped_branches_do_not_run():
    settings = completed(
        {"full": {}, "fractional": {"counting": "fractional"}},
        nulls=["max_entropy", "local_rewiring"],
        skip=["fractional/local_rewiring"],
    )
    assert branches.branches(settings) == [
        ("full", "max_entropy"), ("full", "local_rewiring"), ("fractional", "max_entropy")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("skip", "message"),
    [
        (["full/none"], "run.skip: 'full/none'; allowed: full/max_entropy"),
        (["full/max_entropy"], "run.skip: leaves no branch"),
        (["full"], "run.skip.0: 'full'; allowed: text that matches"),
    ],
)
def test_skipped_branches_must_exist_and_leave_others(skip, message):
    with pytest.raises(StudyError) as error:
        completed({"full": {}}, skip=skip)
    assert message in str(error.value)


def differing(settings: dict, first: str, second: str) -> set[str]:
    """Choices in which two branches differ."""
    declared = branches.declared(settings)
    return {name for name, value in declared[first].items() if value != declared[second][name]}


def test_every_branch_declares_all_its_choices():
    settings = completed(EXAMPLE, nulls=["max_entropy", "multi_edge"])
    assert branches.declared(settings)["recent_eight/multi_edge"] == {
        "null model": "multi_edge",
        "definition of the field": "as configured",
        "counting": "full", "window": 5, "growth": "kept",
        "preprocessing": "noise_units", "min_strength": 50, "k": 8,
    }  # fmt: skip
    assert not differing(settings, "full/max_entropy", "spelled_out/max_entropy")
    assert differing(settings, "full/max_entropy", "full/multi_edge") == {"null model"}
    assert differing(settings, "full/max_entropy", "recent_eight/multi_edge") == {"null model", "window", "k"}


def test_works_of_a_variant_stand_apart_only_if_the_field_differs():
    settings = completed(
        {
            "full": {},
            "spelled_out": {"field": {"match": "primary"}, "selection": {"retracted": False}},
            "vision": {"field": {"subfields": [1702, 1707]}},
            "vision_recent": {"field": {"subfields": [1702, 1707]}, "window": 5},
            "articles": {"selection": {"types": ["article"]}, "field": {"match": "any"}},
        }
    )
    folders = {name: branches.folder_of_works(settings, name) for name in settings["variants"]}
    assert folders == {
        "full": "results", "spelled_out": "results", "vision": "results/vision",
        "vision_recent": "results/vision", "articles": "results/articles",
    }  # fmt: skip
    assert branches.sharing(settings, "spelled_out", "clusters") == "full"
    assert branches.field_to_read(settings) == {"subfields": [1702, 1707], "match": "any"}
    works = branches.choices(settings, "articles")["works"]
    assert works["field"] == {"subfields": [1702], "match": "any"}
    assert works["selection"] == settings["selection"] | {"types": ["article"]}
    declared = branches.declared(settings)["articles/max_entropy"][branches.DEFINITION]
    assert declared == "match any and types ['article']"
    # Field and selection are one choice, so that their effect is compared.
    definition = {branches.DEFINITION}
    assert differing(settings, "full/max_entropy", "articles/max_entropy") == definition
    assert differing(settings, "full/max_entropy", "vision_recent/max_entropy") == definition | {"window"}


def test_only_the_fields_of_variants_that_run_are_read():
    variants = {"full": {}, "vision": {"field": {"subfields": [1707]}}, "all": {"field": {"subfields": None}}}
    read = [
        branches.field_to_read({**completed(variants), "run": {"variants": names}})["subfields"]
        for names in (["full"], ["vision"], ["vision", "full"], ["full", "all", "vision"])
    ]
    assert read == [[1702], [1707], [1707, 1702], None]


variant = st.fixed_dictionaries(
    {},
    optional={
        "field": st.sampled_from([None, {"match": "any"}, {"subfields": [1702, 1707]}]),
        "counting": st.sampled_from(["full", "fractional"]),
        "window": st.sampled_from([None, 3, 5]),
        "growth": st.sampled_from([None, "kept", "removed"]),
        "preprocessing": st.sampled_from([None, "literal", "noise_units", "yearly_scale"]),
        "min_strength": st.sampled_from([None, 50, 200]),
        "k": st.sampled_from([None, 4, 5]),
    },
)


@hypothesis.settings(max_examples=30)  # each compares up to 28 pairs of variants
@given(st.dictionaries(st.sampled_from("abcdefgh"), variant, min_size=2))
def test_variants_share_a_stage_if_and_only_if_all_choices_up_to_it_agree(variants):
    settings = completed(variants)
    homes = branches.homes(settings)
    yearly = {
        name: branches.trajectories(settings, name)["preprocessing"] == "yearly_scale" for name in variants
    }
    for first, second in itertools.combinations(variants, 2):
        different = differing(settings, f"{first}/max_entropy", f"{second}/max_entropy")
        choices = set()
        for stage, keys in branches.STAGES.items():
            choices |= {branches.DEFINITION} if stage == "works" else set(keys)
            same = branches.sharing(settings, first, stage) == branches.sharing(settings, second, stage)
            assert same == (homes[f"{first}/max_entropy"][stage] == homes[f"{second}/max_entropy"][stage])
            # Trends in units of the yearly spread are others than trends of z.
            other_unit = stage == "panel" and yearly[first] != yearly[second]
            assert same == (not different & choices and not other_unit)


@given(st.dictionaries(st.sampled_from("abcdefgh"), variant, min_size=1))
def test_where_the_panel_stands_its_trajectories_stand_too(variants):
    settings = completed(variants)
    for name in variants:
        home = branches.sharing(settings, name, "panel")
        assert branches.sharing(settings, home, "trajectories") == home
