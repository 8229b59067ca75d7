"""Few enormous values moved to a limit, so that they do not drown every effect."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from services.experiments.statistics.moments import Floats


@dataclass(frozen=True, slots=True)
class Limits:
    """Values below `lower` count as `lower`, above `upper` as `upper`. The same for all arms."""

    lower: float = float("-inf")
    upper: float = float("inf")

    def of(self, values: ArrayLike) -> Floats:
        """The values within the limits."""
        return np.clip(np.asarray(values, dtype=float), self.lower, self.upper)


def limits(arms: list[ArrayLike], *, upper: float | None = 0.999, lower: float | None = None) -> Limits:
    """Limits at quantiles of the values of all arms together, so that the limit itself cannot favour an arm.

    Quantiles are interpolated linearly (type 7 of Hyndman and Fan 1996). Source of the method: Tukey, "The future of
    data analysis" (1962); for experiments Kohavi, Tang and Xu, "Trustworthy Online Controlled Experiments" (2020), §22.
    Limits taken from the data at each look move; for a running readout register them beforehand.
    """
    pooled = np.concatenate([np.ravel(np.asarray(arm, dtype=float)) for arm in arms]) if arms else np.zeros(0)
    if not pooled.size:
        return Limits()
    return Limits(
        float("-inf") if lower is None else float(np.quantile(pooled, lower)),
        float("inf") if upper is None else float(np.quantile(pooled, upper)),
    )
