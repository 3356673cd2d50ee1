"""Control of the false discovery rate over many tests."""

import numpy as np

LEVEL = 0.05
"""False discovery rate below which something is called significant."""


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Adjust p-values for many tests (Benjamini and Hochberg 1995, J. R. Stat. Soc. B 57:289-300).

    Parameters
    ----------
    p : ndarray, shape (tests,)
        One p-value per test, none of them NaN; there may be none at all.

    Returns
    -------
    ndarray, shape (tests,)
        The lowest false discovery rate at which each test is rejected.
    """
    order = np.argsort(p)
    scaled = p[order] * (len(p) / np.arange(1, len(p) + 1))
    adjusted = np.empty_like(scaled)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted
