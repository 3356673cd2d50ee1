"""Perturbations of a clustering: what the study of stability varies, one thing at a time."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from poles.trajectories.preprocessing import PREPROCESSINGS

RADII = (1, 2, 3, None)
"""Sakoe-Chiba radii that are tried beside the configured one; None: no limit."""
RESAMPLED = ("pairs", "countries")
"""Units resampled with replacement: pairs as if they were independent, or countries with all their pairs."""
DRAWN = (*RESAMPLED, "seeds")
"""Perturbations that are drawn at random, as often as the design says."""


class Design(NamedTuple):
    """Design of the clustering and of the study of its stability, from the configuration.

    Attributes
    ----------
    k, seed, radius : int
        Of the headline clustering.
    preprocessing : str
        See `poles.trajectories.preprocessing.preprocess`.
    max_k : int
        Every number of clusters from 2 to this one is tried.
    resamples : int
        Number of perturbations of each kind in `DRAWN`, at every k.
    headline_resamples : int
        The same at the k of the headline.
    surrogates : sequence of str
        Kinds of surrogates, of `surrogates.NAMES`.
    surrogate_panels : int
        Number of surrogate panels of each kind.
    surrogate_resamples : int
        As `resamples`, for each surrogate panel.
    silhouette_pairs : int
        Highest number of pairs between which all distances are computed; of a larger panel, a sample is
        taken.
    core : float
        Lowest share of the perturbations in which a core pair keeps its archetype.
    """

    k: int
    seed: int
    radius: int
    preprocessing: str
    max_k: int
    resamples: int
    headline_resamples: int
    surrogates: Sequence[str]
    surrogate_panels: int
    surrogate_resamples: int
    silhouette_pairs: int
    core: float


class Perturbation(NamedTuple):
    """One perturbed clustering.

    Attributes
    ----------
    over : str
        What is varied: one of `DRAWN`, "radius", "preprocessing", "year" (left out) or "euclidean" (no
        warping).
    choice : int, str or None
        Number of the draw, radius, name of the preprocessing, or place of the year.
    k : int
        Number of clusters.
    """

    over: str
    choice: Any
    k: int

    def title(self, years: Sequence[int] | np.ndarray) -> str:
        """Name of what is varied in a table; perturbations of one title are repetitions of each other."""
        if self.over == "year":
            return f"year {years[self.choice]}"
        if self.over in ("radius", "preprocessing"):
            return f"{self.over} {'none' if self.choice is None else self.choice}"
        return self.over


def perturbations(design: Design, years: int, k: int, resamples: int, headline: bool) -> list[Perturbation]:
    """List the perturbations of a clustering into k clusters.

    Parameters
    ----------
    design : Design
    years : int
        Number of years of a trajectory.
    k : int
    resamples : int
        Number of perturbations of each kind in `DRAWN`.
    headline : bool
        Whether to leave out each year in turn and to do without warping as well.

    Returns
    -------
    list of Perturbation
    """
    chosen = [Perturbation(over, draw, k) for over in DRAWN for draw in range(resamples)]
    chosen += [Perturbation("radius", radius, k) for radius in RADII if radius != design.radius]
    others = [method for method in PREPROCESSINGS if method != design.preprocessing]
    chosen += [Perturbation("preprocessing", method, k) for method in others]
    if headline:
        chosen += [Perturbation("year", place, k) for place in range(years)]
        chosen += [Perturbation("euclidean", 0, k)]
    return chosen


def resample_rows(over: str, ends: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Resample the rows of a panel with replacement.

    Parameters
    ----------
    over : {"pairs", "countries"}
        What is resampled. Where countries are, a pair occurs as often as one of its countries was drawn,
        times how often the other was.
    ends : ndarray of int, shape (pairs, 2)
        Places of the countries of each pair, from 0 without a gap.
    rng : Generator

    Returns
    -------
    ndarray of int
        Places of pairs. Their number varies where countries are resampled.
    """
    if over == "pairs":
        return rng.integers(0, len(ends), len(ends))
    countries = ends.max() + 1
    counts = np.bincount(rng.integers(0, countries, countries), minlength=countries)
    return np.repeat(np.arange(len(ends)), counts[ends].prod(axis=1))
