"""Finding where a monotone function crosses 0, for many starting brackets at once."""

from collections.abc import Callable

import numpy as np

from services.experiments.statistics.moments import Floats

_HALVINGS = 200  # more than any pair of doubles lies apart


def bisect(function: Callable[[Floats], Floats], lower: Floats, upper: Floats) -> Floats:
    """Where an increasing function crosses 0 between the bounds; the bound itself if it does not cross.

    Halving until no double is left between the bounds: slower than other methods, and it cannot fail.
    """
    low, high = np.asarray(lower, dtype=float), np.asarray(upper, dtype=float)
    for _ in range(_HALVINGS):
        middle = low + (high - low) / 2
        if not np.any((middle > low) & (middle < high)):
            break
        below = function(middle) < 0
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return low + (high - low) / 2
