"""What a planted world says to a claim, read off its plan: against the pattern that is planted."""

import numpy as np
import polars as pl
import pytest
import yaml

import worlds
from conftest import ROOT
from planted_panels import T, codes, panel
from poles.corpus import demo
from poles.trajectories.pair_panel import PairPanel

CLAIMS = {claim["id"]: claim for claim in yaml.safe_load((ROOT / "config/claims.yaml").read_text())}


def truths(**knobs: float) -> dict[str, bool | None]:
    world = demo.plant(1, **knobs)
    return {name: worlds.planted(claim, world, world.codes) for name, claim in CLAIMS.items()}


def test_the_default_world_is_planned_as_the_paper_says():
    found = truths()
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
    assert all(found[name] is True for name in [*turns, *courses, "developing_to_china"])
    assert found["large_producers_diverge"] is False and found["india_emerges"] is False
    for name in (
        "us_significant_ties",
        "china_ties_nearby",
        "hub_and_spoke_citation",
        "robust_to_null_models",
    ):
        assert found[name] is None


def test_without_contrast_nothing_that_moves_is_planned():
    found = truths(contrast=0)
    assert not any(found.values())
    decided = {name for name, planned in found.items() if planned is False}
    assert {
        "poles_diverge_collaboration",
        "two_poles_citation",
        "hub_and_spoke_citation",
        "bridges",
    } < decided
    assert truths(contrast=0, walk=0.4)["four_archetypes"] is False


def test_with_a_third_pole_the_south_does_not_turn_to_china():
    found = truths(poles=3)
    assert found["india_emerges"] is True
    assert found["developing_to_china"] is False and found["bridges"] is True


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_a_share_is_that_of_the_countries_that_are_followed(share):
    world = demo.plant(1)
    claim = CLAIMS["bridges"] | {"countries": ["FR", "GB"], "share": share}
    assert worlds.planted(claim, world, world.codes) is (share == 0.5)
    assert worlds.planted(claim, world, ["US", "CN", "FR"]) is True


def test_who_is_told_reads_off_what_is_there_and_nothing_else():
    rng = np.random.default_rng(1)
    table = panel(codes(20), lambda a, b: np.where((ord(a[1]) + ord(b[1])) % 2, T, -T) + rng.normal(size=22))
    followed = PairPanel.from_table(table, ["collaboration"])
    pairs = followed.pairs
    odd = pairs.with_columns(planted=pl.Series([str((ord(a[1]) + ord(b[1])) % 2) for a, b in pairs.rows()]))
    assert worlds.ceiling(followed, odd) == 1
    assert abs(worlds.ceiling(followed, odd.with_columns(pl.col("planted").shuffle(1)))) < 0.1
