"""False discovery rate."""

import numpy as np
from scipy import stats


def adjusted(p: np.ndarray) -> np.ndarray:
    """P adjusted for being many (Benjamini and Hochberg 1995), as many as given."""
    return stats.false_discovery_control(p) if len(p) else p
