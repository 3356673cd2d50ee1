"""Groups by the rule; trends against lines of known slope."""

import numpy as np
import polars as pl
import pytest

from poles import alignment, tables

SC, SD, KI, KD = (
    "Scientific Convergence",
    "Scientific Divergence",
    "Knowledge Integration",
    "Knowledge Divergence",
)


@pytest.mark.parametrize(
    ("archetypes", "poles", "group"),
    [
        ([SC, SD], ["US", "CN"], "only US"),
        ([KD, KI], ["US", "CN"], "only CN"),
        ([SC, KI], ["US", "CN"], "both"),
        ([SD, "Stable"], ["US", "CN"], "neither"),
        ([SC, None], ["US", "CN"], "not in panel"),
        ([SC, SC, SD], ["US", "CN", "IN"], "US+CN"),
        ([SC], ["US"], "only US"),
    ],
)
def test_groups(archetypes, poles, group):
    assert alignment.group_of(archetypes, poles) == group


def test_trends_are_per_decade_and_robust():
    years = np.arange(2000, 2022)
    z = 0.3 * years
    z[5] += 1000
    slope, low, high = alignment.trend(years, z)
    assert slope == pytest.approx(3)
    assert low <= slope <= high
    # Of 231 pairwise slopes only the outlier's 21 differ, too few to move the interval.
    assert (low, high) == pytest.approx((3, 3))


def test_every_country_of_the_panel_stands_against_the_poles():
    pairs = {
        ("CN", "FR"): (SC, 2.0),
        ("CN", "US"): (SD, -1.0),
        ("FR", "US"): (KI, 1.0),
        ("FR", "NA"): (SC, 0.0),
    }
    years = range(2000, 2022)
    rows = [
        (a, b, year, slope * (year - 2000) / 10) for (a, b), (_, slope) in pairs.items() for year in years
    ]
    panel = pl.DataFrame(rows, schema=["source", "target", "year", "z_collaboration"], orient="row")
    members = pl.DataFrame(
        [(a, b, name) for (a, b), (name, _) in pairs.items()],
        schema=["source", "target", "archetype"],
        orient="row",
    )
    aligned, trends = alignment.align(panel, members, ["US", "CN"], ["collaboration"], (2020, 2021))
    assert aligned.rows() == [
        ("CN", "pole", SD, None),
        ("FR", "both", KI, SC),
        ("NA", "not in panel", None, None),
        ("US", "pole", None, SD),
    ]
    tables.conform(aligned, tables.alignment(["US", "CN"]))
    tables.conform(trends, tables.TRENDS)
    found = {(c, p): (slope, now) for c, p, _, slope, _, _, now in trends.iter_rows()}
    assert found["FR", "CN"] == pytest.approx((2.0, 4.1))
    assert found["CN", "US"] == found["US", "CN"] == pytest.approx((-1.0, -2.05))
    assert ("NA", "US") not in found
