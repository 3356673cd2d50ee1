"""Which claims are true of a planted world, against the pattern that its plan follows."""

import numpy as np
import polars as pl
import pytest
import yaml

import worlds
from conftest import ROOT
from planted_panels import T, codes, panel
from poles.corpus.demo.world import plant
from poles.trajectories.pair_panel import PairPanel

CLAIMS = {claim["id"]: claim for claim in yaml.safe_load((ROOT / "config/claims.yaml").read_text())}


def truths(**knobs: float) -> dict[str, bool | None]:
    world = plant(1, **knobs)
    return {name: worlds.planted(claim, world, world.codes) for name, claim in CLAIMS.items()}


def test_the_default_world_is_planned_as_the_paper_says():
    truth = truths()
    turns = [
        "poles_diverge_citation",
        "us_only",
        "bridges",
        "china_only",
        "turned_to_china",
        "four_archetypes",
    ]
    # Knowledge Divergence leaves collaboration as it is, so "not to the United States" holds of it too.
    courses = ["us_only_collaboration", "bridges_collaboration", "china_only_collaboration"]
    assert all(truth[name] is True for name in [*turns, *courses, "developing_to_china"])
    assert truth["large_producers_diverge"] is False and truth["india_emerges"] is False
    for name in (
        "us_significant_ties",
        "china_ties_nearby",
        "hub_and_spoke_citation",
        "robust_to_null_models",
    ):
        assert truth[name] is None


def test_without_contrast_nothing_that_moves_is_planned():
    truth = truths(contrast=0)
    assert not any(truth.values())
    decided = {name for name, planned in truth.items() if planned is False}
    assert {
        "poles_diverge_collaboration",
        "two_poles_citation",
        "hub_and_spoke_citation",
        "bridges",
    } < decided
    assert truths(contrast=0, walk=0.4)["four_archetypes"] is False


def test_with_a_third_pole_the_south_does_not_turn_to_china():
    truth = truths(poles=3)
    assert truth["india_emerges"] is True
    assert truth["developing_to_china"] is False and truth["bridges"] is True


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_a_share_is_one_of_the_countries_in_the_panel(share):
    world = plant(1)
    claim = CLAIMS["bridges"] | {"countries": ["FR", "GB"], "share": share}
    assert worlds.planted(claim, world, world.codes) is (share == 0.5)
    assert worlds.planted(claim, world, ["US", "CN", "FR"]) is True


def test_the_supervised_ceiling_is_1_for_what_trajectories_show_and_0_for_the_rest():
    rng = np.random.default_rng(1)
    table = panel(codes(20), lambda a, b: np.where((ord(a[1]) + ord(b[1])) % 2, T, -T) + rng.normal(size=22))
    followed = PairPanel.from_table(table, ["collaboration"])
    pairs = followed.pairs
    odd = pairs.with_columns(planted=pl.Series([str((ord(a[1]) + ord(b[1])) % 2) for a, b in pairs.rows()]))
    assert worlds.supervised_ceiling(followed, odd) == 1
    assert abs(worlds.supervised_ceiling(followed, odd.with_columns(pl.col("planted").shuffle(1)))) < 0.1
