"""The constant-affinity null: panels in which no affinity between two countries ever changes."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from poles.nulls import gravity


class Steady:
    """Panels of one channel in which affinities never change: counts drawn about the gravity model's weights.

    Each count is drawn from a Poisson law, as if works found their countries one by one. What a work of many
    countries adds at once makes true counts more noisy than that, and fractional counts are less noisy.

    Parameters
    ----------
    scores : pl.DataFrame
        `SCORES` of the layer.
    pairs : pl.DataFrame
        source < target, in the order of the panel.
    years : sequence of int
        In a row.
    weights : sequence of float
        See `DIRECTIONS`.
    growth : {"kept", "removed"}
        Whether the panel keeps what growth makes of z (`trajectories.detrend`).

    Attributes
    ----------
    z, std : ndarray, shape (directions, years, pairs)
        Observed, in the panel's reading of growth; NaN where there is none.
    """

    def __init__(
        self,
        scores: pl.DataFrame,
        pairs: pl.DataFrame,
        years: Sequence[int],
        weights: Sequence[float],
        growth: str,
    ):
        keys = ["year", "source", "target"]
        model = gravity.constant_affinity(scores, years[0], years[-1]).rename({"z": "still"})
        known = scores.select(*keys, "z", "std", "expected").join(model, on=keys, how="inner")
        ways = [pairs.select("source", "target")]
        ways += [pairs.select(source="target", target="source")] if len(weights) > 1 else []
        grid = pl.DataFrame({"year": pl.Series(years, dtype=pl.Int16)})
        joined = [
            grid.join(way, how="cross", maintain_order="left_right").join(
                known, on=keys, how="left", maintain_order="left"
            )
            for way in ways
        ]

        def of(name: str) -> np.ndarray:
            shape = (len(ways), len(years), len(pairs))
            return np.stack([frame[name].to_numpy() for frame in joined]).reshape(shape)

        self.std, self.expected, self.model = of("std"), of("expected"), of("weight")
        self.there = (np.isfinite(of("z")) & (self.std > 0)).all(axis=0)
        self.moved = np.zeros_like(self.std)
        if growth == "removed":
            still = np.where(self.there, of("still"), 0.0)
            mean = still.sum(axis=1, keepdims=True) / np.maximum(self.there.sum(axis=0), 1)
            self.moved = still - mean
        self.z = of("z") - self.moved
        self.weights = np.array(weights)

    def draw(self, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The channel with counts drawn anew; a pair without z in a year keeps its value, as interpolated.

        Parameters
        ----------
        values : ndarray, shape (years, pairs)
            The channel as observed.
        rng : Generator
        """
        counts = rng.poisson(np.where(self.there, self.model, 0.0))
        z = (counts - self.expected) / np.where(self.there, self.std, 1.0) - self.moved
        return np.where(self.there, np.tensordot(self.weights, z, axes=1), values)
