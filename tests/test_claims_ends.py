"""Verdicts at the ends of the intervals over works."""

import numpy as np
import polars as pl
import pytest

from poles.claims import ends, judging, page
from poles.claims.verdicts import CONTRADICTED, INCONCLUSIVE, NOT_TESTABLE, REPRODUCED
from poles.nulls.tables import POLE_DRAWS, RECENT_INTERVALS
from poles.study import tables
from test_claims import COUNT, TREND, branch, frame, shown

YEARS = range(2000, 2022)


def of_links(*rows):
    """Intervals of the mean z of links of the United States: partner, low, high."""
    filled = [
        {
            "layer": "collaboration",
            "null": "one",
            "source": "US",
            "target": code,
            "z_low": low,
            "z_high": high,
        }
        for code, low, high in rows
    ]
    return ends.Uncertain(frame(RECENT_INTERVALS, *filled), frame(POLE_DRAWS))


def draws_of(slopes, weight=1e6):
    """Draws of the link between the poles; the first slope is that of the network as it is, per decade."""
    rows = [
        {
            "layer": "collaboration", "null": "one",
            "source": "CN", "target": "US", "year": year, "draw": draw,
            "observed": weight * np.exp(slope * (year - 2010) / 10), "expected": weight,
        }
        for draw, slope in enumerate(slopes)
        for year in YEARS
    ]  # fmt: skip
    return frame(POLE_DRAWS, *rows)


def judged(claim, results, uncertain):
    """Row of the table of claims."""
    table = judging.judge_branch([claim], results, "full", "one", uncertain)
    return table.row(0, named=True)


def test_ties_are_counted_with_all_links_at_their_lower_and_at_their_upper_ends():
    # 46 of 95 links have a mean z of 3, the others of 1; the threshold is 2.
    sure = [(f"{n:02d}", 2.5, 3.5) for n in range(40)]
    unsure = [(f"{n:02d}", 1.5, 3.5) for n in range(40, 46)]
    nearly = [(f"{n:02d}", 0.5, 2.2) for n in range(46, 50)]
    row = judged(COUNT, branch(ties=46), of_links(*sure, *unsure, *nearly))
    assert (row["statistic"], row["low"], row["high"]) == (46, 40, 50)
    alone = judged(COUNT, branch(ties=46), None)
    assert row["verdict"] == alone["verdict"] and row["why"] == alone["why"]
    assert alone["low"] is None and alone["verdict_low"] is None


def test_a_claim_without_intervals_or_without_z_of_links_has_no_ends():
    for uncertain in (of_links(), ends.Uncertain(frame(RECENT_INTERVALS), draws_of([]))):
        assert judged(COUNT, branch(ties=46), uncertain)["verdict_low"] is None
        assert judged(TREND, branch(), uncertain)["verdict_low"] is None
    # 10 links are too few for the claim, and an interval does not make it testable.
    few = branch(recent=branch(ties=46).recent.head(10))
    row = judged(COUNT, few, of_links(("00", 0.0, 9.0)))
    assert row["verdict"] == NOT_TESTABLE and row["verdict_low"] is None


def test_the_change_of_a_slope_is_that_of_its_draws():
    around = np.linspace(-0.3, 0.1, 199)
    found = ends.changes_of_slope(
        draws_of([-1.0, *(-1.0 + around)]), ("US", "CN"), "collaboration", (2000, 2021)
    )
    # The k-th of n ordered draws stands at k / (n + 1): the 5th and the 195th of 199.
    assert found == pytest.approx([around[4], around[194]], abs=1e-4)
    assert ends.changes_of_slope(draws_of([-1.0, -1.0]), ("US", "DE"), "collaboration", (2000, 2021)) == []


def test_a_year_without_expected_weight_is_interpolated():
    draws = draws_of([-1.0, *np.linspace(-1.3, -0.9, 99)])
    gap = draws.with_columns(expected=pl.when(pl.col("year") != 2008).then("expected"))
    whole, holed = (
        ends.changes_of_slope(frame, ("CN", "US"), "collaboration", (2000, 2021)) for frame in (draws, gap)
    )
    assert holed == pytest.approx(whole, abs=1e-3)


@pytest.mark.parametrize(
    ("spread", "low", "high", "cell"),
    [
        (0.1, REPRODUCED, REPRODUCED, "factor 0.33 to 0.41; same verdict"),
        (0.6, REPRODUCED, INCONCLUSIVE, "factor 0.20 to 0.67; inconclusive at the upper end"),
        (2.5, REPRODUCED, CONTRADICTED, "factor 0.03 to 4.48; contradicted at the upper end"),
    ],
)
def test_the_interval_of_a_trend_is_moved_by_what_resampling_changes(spread, low, high, cell):
    # The slope is -1 with an interval from -2 to -0.5, and the link falls if all of it lies below 0.
    slopes = np.linspace(-spread, spread, 199) * 198 / 190  # so that the ends are those of the interval
    uncertain = ends.Uncertain(frame(RECENT_INTERVALS), draws_of([-1.0, *(slopes - 1)], weight=1e9))
    row = judged({**TREND, "direction": "falls"}, branch(), uncertain)
    assert row["verdict"] == REPRODUCED
    assert (row["verdict_low"], row["verdict_high"]) == (low, high)
    assert [row["low"], row["high"]] == pytest.approx([-1 - spread, -1 + spread], abs=0.01)
    assert ends.describe(row, "trend") == cell
    assert ends.differs(row) == (low != high)


def test_the_page_shows_the_ends_where_there_are_any():
    uncertain = ends.Uncertain(frame(RECENT_INTERVALS), draws_of([-1.0, *np.linspace(-1.6, -0.4, 99)]))
    claim = {**TREND, "direction": "falls"}
    with_ends = judging.judge_branch([claim], branch(), "full", "one", uncertain)
    without = judging.judge_branch([claim], branch(), "full", "two")
    both = shown(pl.concat([with_ends, without]), kinds={claim["id"]: "trend"})
    for text in (page.markdown(both), page.html(both)):
        assert "1 of 1 such verdicts would be others at an end." in text
        assert "inconclusive at the upper end" in text
    assert "| variant | null model | verdict | with other works | why |" in page.markdown(both)
    alone = shown(without, kinds={claim["id"]: "trend"})
    assert "with other works" not in page.markdown(alone) + page.html(alone)


def test_intervals_are_read_for_one_null_model(tmp_path):
    two = of_links(("00", 0.0, 1.0)).recent
    two = pl.concat([two, two.with_columns(null=pl.lit("other"))])
    draws = draws_of([-1.0, -1.0])
    paths = [str(tmp_path / "recent.parquet"), str(tmp_path / "poles.parquet")]
    tables.write(two, RECENT_INTERVALS, paths[0], {})
    tables.write(draws, POLE_DRAWS, paths[1], {})
    found = ends.read(paths, "other")
    assert (len(found.recent), len(found.poles)) == (1, 0)
    assert all(table.is_empty() for table in ends.read([], "other"))
