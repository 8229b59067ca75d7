"""Effects on quantiles, from order statistics: no assumption about the values' distribution."""

from dataclasses import dataclass
from math import ceil, floor, sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from services.experiments.statistics.estimates import Interval


class UnusableQuantile(ValueError):
    """The quantile of this arm cannot be bounded; more units are needed, or a level nearer the median."""


@dataclass(frozen=True, slots=True)
class ArmQuantile:
    """One arm's quantile with the order statistics that bound it at level 1 - alpha."""

    n: int
    value: float
    lower: float
    upper: float
    alpha: float = 0.05

    @property
    def error(self) -> float:
        """The standard error that the bounds imply: (upper - lower) / (2·z) · sqrt((n - 1)/n).

        Source: Deng, Knoblich and Lu (KDD 2018), §4; with gbstats' factor for the sample.
        """
        return (self.upper - self.lower) / (2 * float(-ndtri(self.alpha / 2))) * sqrt((self.n - 1) / self.n)


def arm_quantile(values: ArrayLike, level: float, *, alpha: float = 0.05) -> ArmQuantile:
    """One arm's quantile with its bounds, from the values of its units.

    The order statistics at ranks n·v ± z·sqrt(n·v·(1 - v)) (rounded outwards) hold the quantile at `level` v with
    probability 1 - alpha for large n. Source: David and Nagaraja, "Order Statistics", 3rd ed., §7.1. The value itself
    is that of rank n·v, interpolated. Raises UnusableQuantile when a rank lies outside the sample.
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    n = len(ordered)
    reach = float(-ndtri(alpha / 2)) * sqrt(n * level * (1 - level))
    low, high = floor(n * level - reach), ceil(n * level + reach) + 1
    if low < 1 or high > n:
        raise UnusableQuantile(f"{n} units do not bound the quantile at {level}: take more units or a level nearer 0.5")
    value = float(np.quantile(ordered, level))
    return ArmQuantile(n, value, float(ordered[low - 1]), float(ordered[high - 1]), alpha)


def quantile_effect(
    control: ArmQuantile, treatment: ArmQuantile, *, alpha: float = 0.05, relative: bool = False
) -> Interval | None:
    """The difference of two arms' quantiles with its interval, for one look; None where there is no spread.

    d ± z·sqrt(e_c² + e_t²); relative: divided by |q_c|, error sqrt(e_t²/q_c² + q_t²·e_c²/q_c⁴), None where q_c is 0.
    """
    found = quantile_difference(control, treatment, relative=relative)
    if found is None or not found[1] > 0:
        return None
    effect, error = found
    half = float(-ndtri(alpha / 2)) * error
    return Interval(effect, effect - half, effect + half)


def quantile_difference(
    control: ArmQuantile, treatment: ArmQuantile, *, relative: bool = False
) -> tuple[float, float] | None:
    """The difference and its standard error; None where it is relative to 0 or there are fewer than two units."""
    if min(control.n, treatment.n) < 2 or (relative and control.value == 0):
        return None
    effect = treatment.value - control.value
    if not relative:
        return effect, sqrt(control.error**2 + treatment.error**2)
    base = abs(control.value)
    error = sqrt(treatment.error**2 + (treatment.value / control.value) ** 2 * control.error**2) / base
    return effect / base, error
