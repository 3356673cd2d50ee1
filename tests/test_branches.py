"""Branches: what they choose, what they share, and in what they differ."""

import copy
import inspect

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from poles.errors import StudyError
from poles.networks import links
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
    "spelled_out": {"counting": "full", "preprocessing": "noise_units", "min_strength": 50, "k": 4},
}


@pytest.mark.parametrize("names", [list(EXAMPLE), list(EXAMPLE)[::-1]])
def test_files_stand_under_the_plainest_variant_that_made_the_same_choices(names):
    settings = completed({name: EXAMPLE[name] for name in names})
    found = {
        stage: {name: branches.sharing(settings, name, stage) for name in EXAMPLE}
        for stage in branches.STAGES
    }
    assert list(found["links"].values()) == ["full", "full", "recent", "recent", "full", "full"]
    assert list(found["trajectories"].values()) == ["full", "literal", "recent", "recent", "full", "full"]
    assert list(found["clusters"].values()) == [
        "full", "literal", "recent", "recent_eight", "eight", "full"
    ]  # fmt: skip


def test_choices_about_links_are_what_building_them_takes():
    taken = list(inspect.signature(links.build).parameters)[1:]
    assert taken == list(branches.STAGES["links"])


def test_options_of_a_variant_are_the_studys_but_for_its_own():
    settings = completed({"full": {}, "strong": {"min_strength": 200, "k": 5, "growth": "removed"}})
    assert branches.trajectories(settings, "full") == settings["trajectories"]
    assert branches.clusters(settings, "full") == settings["clusters"]
    strong = branches.trajectories(settings, "strong")
    assert strong["panel"] == {"min_strength": 200, "min_share": 0.8}
    assert strong | {"panel": None} == settings["trajectories"] | {"growth": "removed", "panel": None}
    assert branches.clusters(settings, "strong") == settings["clusters"] | {"k": 5}


def test_the_threshold_of_strength_follows_the_counting():
    settings = completed({"full": {}, "fractional": {"counting": "fractional"}})
    found = {
        name: branches.trajectories(settings, name)["panel"]["min_strength"]
        for name in ("full", "fractional")
    }
    assert found == {"full": 50, "fractional": 12.5}
    # Between what a work by five countries has for a link, of ten, and what a work by three has, of three.
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
def test_what_is_skipped_must_be_there_and_leave_something(skip, message):
    with pytest.raises(StudyError) as error:
        completed({"full": {}}, skip=skip)
    assert message in str(error.value)


def differing(settings: dict, one: str, other: str) -> set[str]:
    """Choices in which two branches differ."""
    made = branches.declared(settings)
    return {name for name in made[one] if made[one][name] != made[other][name]}


def test_every_branch_declares_all_its_choices():
    settings = completed(EXAMPLE, nulls=["max_entropy", "multi_edge"])
    assert branches.declared(settings)["recent_eight/multi_edge"] == {
        "null model": "multi_edge", "counting": "full", "window": 5, "growth": "kept",
        "preprocessing": "noise_units", "min_strength": 50, "k": 8,
    }  # fmt: skip
    assert not differing(settings, "full/max_entropy", "spelled_out/max_entropy")
    assert differing(settings, "full/max_entropy", "full/multi_edge") == {"null model"}
    assert differing(settings, "full/max_entropy", "recent_eight/multi_edge") == {"null model", "window", "k"}


variant = st.fixed_dictionaries(
    {},
    optional={
        "counting": st.sampled_from(["full", "fractional"]),
        "window": st.sampled_from([None, 3, 5]),
        "growth": st.sampled_from([None, "kept", "removed"]),
        "preprocessing": st.sampled_from([None, "literal", "noise_units"]),
        "min_strength": st.sampled_from([None, 50, 200]),
        "k": st.sampled_from([None, 4, 5]),
    },
)


@given(st.dictionaries(st.sampled_from("abcdefgh"), variant, min_size=1))
def test_variants_share_a_stage_just_where_all_choices_up_to_it_agree(variants):
    settings = completed(variants)
    for one in variants:
        for other in variants:
            apart = differing(settings, f"{one}/max_entropy", f"{other}/max_entropy")
            reached = []
            for stage, keys in branches.STAGES.items():
                reached += keys
                same = branches.sharing(settings, one, stage) == branches.sharing(settings, other, stage)
                assert same == (not apart & set(reached))
