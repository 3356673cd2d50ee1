"""Courses: how the links of a country with the poles change relative to what is expected of them.

z is no scale for such changes. Where weights vary as widely as their mean, as under ``max_entropy``, z cannot
fall below about -1: a link far weaker than expected may lose two thirds and hardly move it. The logarithm of
observed over expected weight has no such end, and a loss of two thirds is the same at every level.

A logarithm needs ratios above 0. So every year is drawn towards the ratio of all years, by as much as half
an expected link would (`PRIOR`): (w + R / 2) / (e + 1 / 2) with weight w, expected weight e and
R = sum w / sum e. If the true ratio is constant, so is the mean of this one. Adding 1 / 2 to w and to e would
make a trend out of growing counts. Changes in a few links become smaller, never larger.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from poles.blocs.tables import COURSES
from poles.nulls import gravity
from poles.stats import trends
from poles.study import tables
from poles.trajectories.construction import channel_scores
from poles.trajectories.pair_panel import PairPanel

PRIOR = 0.5
"""Expected links by which the ratio of a year is drawn towards that of all years."""
KEY = ["source", "target", "year"]


def log_ratios(links: pl.DataFrame, weight: str, expected: str) -> pl.DataFrame:
    """Logarithm of a weight over an expected weight, in every year of every link.

    Parameters
    ----------
    links : pl.DataFrame
        source, target, year, ``observed``, and the two columns below, of all years of interest.
    weight, expected : str
        Names of the columns that are compared. The ratio of all years is that of ``observed`` to `expected`.

    Returns
    -------
    pl.DataFrame
        source, target, year, z: the logarithm (base e); 0 in all years for a link that is never observed.
        Years in which no weight is expected are left out.
    """
    of_link = ("source", "target")
    ratio = pl.col("observed").sum().over(of_link) / pl.col(expected).sum().over(of_link)
    return (
        links.filter(pl.col(expected) > 0)
        .with_columns(ratio.alias("ratio"))
        .with_columns((pl.col(weight) + PRIOR * pl.col("ratio")) / (pl.col(expected) + PRIOR))
        .select(*KEY, pl.when(pl.col("ratio") > 0).then(pl.col(weight).log()).otherwise(0.0).alias("z"))
    )


def measure_courses(
    panel: PairPanel, scores: Mapping[str, pl.DataFrame], poles: Sequence[str], growth: str = "kept"
) -> pl.DataFrame:
    """Measure the course of every country with every pole.

    Parameters
    ----------
    panel : PairPanel
        Its pairs, years and channels are measured. The mean of two directions is that of their logarithms.
    scores : Mapping
        `SCORES` by layer.
    poles : sequence of str
        Country codes.
    growth : {"kept", "removed"}
        Whether the expected weight is that of the null model or, as in a panel with growth removed, the
        weight under constant affinities (`poles.nulls.gravity`).

    Returns
    -------
    pl.DataFrame
        `COURSES`.
    """
    rows: list[tuple] = []
    if panel.is_empty:
        return pl.DataFrame(schema=dict(COURSES.columns))
    observed, unchanged = _ratios_by_layer(panel, scores, growth)
    for pole in poles:
        countries, places = panel.with_pole(pole)
        pairs = panel.pairs[places]
        for channel in panel.channels if countries else ():
            course = trends.estimate(_series(observed, channel, pairs, panel.years))
            growth_slope = trends.theil_sen(_series(unchanged, channel, pairs, panel.years))
            columns = (10 * part for part in (course.slope, course.low, course.high, growth_slope))
            names = ([name] * len(countries) for name in (pole, channel))
            years = len(panel.years) - panel.interpolated[places].sum(axis=1)
            rows += zip(countries, *names, *columns, years, strict=True)
    table = pl.DataFrame(rows, schema=dict(COURSES.columns), orient="row")
    return tables.conform(table.sort(COURSES.key), COURSES)


def _ratios_by_layer(
    panel: PairPanel, scores: Mapping[str, pl.DataFrame], growth: str
) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
    """`log_ratios` by layer: of the observed weights, and of the weights under constant affinities."""
    first, last = int(panel.years[0]), int(panel.years[-1])
    expected = {"kept": "expected", "removed": "weight"}[growth]
    observed, unchanged = {}, {}
    for layer, frame in scores.items():
        model = gravity.constant_affinity(frame, first, last).select(*KEY, "weight")
        links = frame.filter(pl.col("z").is_finite()).join(model, on=KEY, how="inner")
        observed[layer] = log_ratios(links, "observed", expected)
        unchanged[layer] = log_ratios(links, "weight", expected)
    return observed, unchanged


def _series(
    ratios: Mapping[str, pl.DataFrame], channel: str, pairs: pl.DataFrame, years: np.ndarray
) -> np.ndarray:
    """Values of a channel, gaps interpolated, shape (pairs, years)."""
    all_years = pl.DataFrame({"year": pl.Series(years, dtype=pl.Int16)})
    filled = (
        pairs.join(all_years, how="cross", maintain_order="left_right")
        .join(channel_scores(ratios, channel), on=KEY, how="left", maintain_order="left")
        .select(
            pl.col("z")
            .interpolate()
            .backward_fill()
            .forward_fill()
            .over("source", "target", mapping_strategy="group_to_rows")
        )
    )
    return filled["z"].fill_null(0.0).to_numpy().reshape(len(pairs), len(years))
