"""Parts of the thinning experiment, on networks whose answer is known."""

import numpy as np
import polars as pl

import thinning


def test_thinning_keeps_each_unit_of_weight_with_the_same_probability():
    pairs = {"source": ["AA"] * 3, "target": ["AB", "AC", "AD"], "weight": [200_000, 50_000, 0]}
    links = pl.DataFrame(pairs)
    kept = thinning.thin(links, 0.04, np.random.default_rng(1))
    assert kept["target"].to_list() == ["AB", "AC"]
    for weight, left in zip(pairs["weight"], kept["weight"], strict=False):
        assert abs(left - 0.04 * weight) < 5 * np.sqrt(weight * 0.04 * 0.96)
    assert thinning.thin(links, 1, np.random.default_rng(1))["weight"].to_list() == [200_000, 50_000]


def test_the_largest_countries_are_those_of_the_heaviest_links_to_others(monkeypatch):
    monkeypatch.setattr(thinning, "LARGEST", 3)
    links = pl.DataFrame(
        {"source": ["AA", "AA", "AB", "AD"], "target": ["AB", "AC", "AC", "AD"], "weight": [5, 3, 1, 99]}
    )
    assert thinning.largest({2000: links, 2001: links}) == ["AA", "AB", "AC"]


def test_a_partner_that_draws_closer_to_one_pole_rises_with_it_alone():
    rng = np.random.default_rng(2)
    codes = ["AA", "AB", "AC", "AD", "AE", "AF", "CN", "US"]
    first, second = np.triu_indices(len(codes), 1)
    base = rng.uniform(80, 120, len(first))
    by_year = {}
    for step, year in enumerate(thinning.YEARS):
        factor = [
            1 + 0.1 * step if (codes[a], codes[b]) == ("AA", "US") else 1
            for a, b in zip(first, second, strict=True)
        ]
        weights = rng.poisson(base * factor)
        ends = {"source": [codes[a] for a in first], "target": [codes[b] for b in second]}
        by_year[year] = pl.DataFrame({**ends, "weight": weights})
    scores = {thinning.LAYER: thinning.scored(by_year, "max_entropy")}
    table = thinning.trends(scores, "kept")
    assert table.filter(pole="US", partner="AA")["direction"].to_list() == [1]
    assert table.filter(pole="CN", partner="AA")["direction"].item() < 1
    assert set(table["partner"]) == set(codes) - {"US", "CN"}


def test_seeds_are_averaged_and_both_poles_stand_in_a_cell():
    row = {"null": "max_entropy", "reading": "full", "partners": 5, "falling": 1, "other_sign": 0, "ties": 2}
    rows = [
        {**row, "share": 0.01, "seed": seed, "pole": pole, "rising": rising}
        for seed, pole, rising in ((1, "US", 2), (2, "US", 4), (1, "CN", 0), (2, "CN", 2))
    ]
    text = "\n".join(thinning.lines(thinning.summarize(rows)))
    assert "| 1% | `max_entropy` | 3 / 1 | 1 / 1 | 0 / 0 | 2 / 2 |" in text
