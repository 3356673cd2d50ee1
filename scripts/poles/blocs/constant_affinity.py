"""The constant-affinity null: panels in which the affinity of two countries never changes.

As networks grow, counts are less noisy, so blocs that were there all along stand out more; and where single
countries grow, their z-scores move. The panels drawn here do both and nothing else, so they show the trend of
a measure without any change of affinities. Their expected counts are those of the gravity model with effects
of countries by year and of pairs (`poles.nulls.gravity`), fitted to the observed strengths.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from poles.nulls import gravity
from poles.trajectories.pair_panel import PairPanel


class ConstantAffinityNull:
    """Random panels of one channel whose affinities never change.

    Each count is drawn from a Poisson law about the weight of the gravity model, as if each work found its
    countries independently. True counts are noisier, because a work of many countries adds several at once;
    fractional counts are less noisy.

    Parameters
    ----------
    scores : pl.DataFrame
        `SCORES` of the layer.
    panel : PairPanel
        Panel whose pairs and years are drawn.
    weights : sequence of float
        Weight of each direction in the channel, see `polarization.DIRECTIONS`.
    growth : {"kept", "removed"}
        Whether the panel keeps what growth makes of z.

    Attributes
    ----------
    z, std : ndarray, shape (directions, years, pairs)
        Observed z, without growth where the panel has it removed, and its standard deviation; NaN where there
        is none.
    has_z : ndarray of bool, shape (years, pairs)
        Whether all directions have a z.
    """

    def __init__(self, scores: pl.DataFrame, panel: PairPanel, weights: Sequence[float], growth: str):
        key = ["year", "source", "target"]
        first, last = int(panel.years[0]), int(panel.years[-1])
        model = gravity.constant_affinity(scores, first, last).rename({"z": "z_growth"})
        links = scores.select(*key, "z", "std", "expected").join(model, on=key, how="inner")
        directions = [panel.pairs]
        if len(weights) > 1:
            directions.append(panel.pairs.select(source="target", target="source"))
        all_years = pl.DataFrame({"year": pl.Series(panel.years, dtype=pl.Int16)})
        by_direction = [
            all_years.join(direction, how="cross", maintain_order="left_right").join(
                links, on=key, how="left", maintain_order="left"
            )
            for direction in directions
        ]

        def column(name: str) -> np.ndarray:
            values = np.stack([frame[name].to_numpy() for frame in by_direction])
            return values.reshape(len(directions), len(panel.years), len(panel.ends))

        self.std, self.expected, self.mean_count = column("std"), column("expected"), column("weight")
        self.has_z = (np.isfinite(column("z")) & (self.std > 0)).all(axis=0)
        self.removed = np.zeros_like(self.std)
        if growth == "removed":
            z_growth = np.where(self.has_z, column("z_growth"), 0.0)
            mean = z_growth.sum(axis=1, keepdims=True) / np.maximum(self.has_z.sum(axis=0), 1)
            self.removed = z_growth - mean
        self.z = column("z") - self.removed
        self.weights = np.array(weights)

    def draw(self, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw the channel with new counts.

        Parameters
        ----------
        values : ndarray, shape (years, pairs)
            The channel as observed. Where a pair has no z in a year, it keeps its interpolated value.
        rng : Generator

        Returns
        -------
        ndarray, shape (years, pairs)
        """
        counts = rng.poisson(np.where(self.has_z, self.mean_count, 0.0))
        z = (counts - self.expected) / np.where(self.has_z, self.std, 1.0) - self.removed
        return np.where(self.has_z, np.tensordot(self.weights, z, axes=1), values)
