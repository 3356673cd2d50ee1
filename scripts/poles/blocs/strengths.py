"""How large countries are: their shares in the strength of a group."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from poles.trajectories.construction import active_countries


def strength_shares(
    scores: Mapping[str, pl.DataFrame], countries: Sequence[str], first: int, last: int
) -> np.ndarray:
    """Share of each country in the strength of all the countries given, as a mean over layers.

    Parameters
    ----------
    scores : Mapping
        `SCORES` by layer.
    countries : sequence of str
        Country codes.
    first, last : int
        First and last year of the mean strength, both included.

    Returns
    -------
    ndarray, shape (countries,)
        In the order of `countries`.
    """
    order = pl.DataFrame({"country": countries}, schema={"country": pl.String})
    strengths = order.join(
        active_countries(scores, first, last), on="country", how="left", maintain_order="left"
    ).fill_null(0.0)
    by_layer = [strengths[layer].to_numpy() for layer in scores]
    return sum(strength / max(strength.sum(), 1e-300) for strength in by_layer) / len(by_layer)
