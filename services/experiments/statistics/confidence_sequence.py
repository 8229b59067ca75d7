"""How wide an interval must be so that it holds at every look at once, however often and whenever somebody looks."""

from math import log

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_ndtr

from services.experiments.statistics.moments import Floats

_STEPS = 60  # of Newton's method, which here converges from one side; six or seven are enough


def multiplier(units: float, *, alpha: float, planned_units: float) -> float:
    """Standard errors on each side of the estimate, after `units`, at level 1 - alpha over all looks together.

    Two-sided asymptotic confidence sequence by the normal mixture of Robbins, tightest near `planned_units` (N):

        rho² = (-2·ln(alpha) + ln(-2·ln(alpha) + 1)) / N
        z(n) = sqrt( 2·(n·rho² + 1) / (n·rho²) · ln( sqrt(n·rho² + 1) / alpha ) )

    Sources: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, "Time-uniform central limit theory and asymptotic confidence
    sequences" (2021), theorem 2.2 and its choice of rho; Howard, Ramdas, McAuliffe, Sekhon, "Time-uniform,
    nonparametric, nonasymptotic confidence sequences" (2021), for the mixture. At n = N and alpha = 0.05 it is 3.035,
    where a single look at a moment fixed in advance would need 1.960: that is the price of looking at any time.
    """
    return float(multipliers(units, alpha=alpha, planned_units=planned_units))


def mixture_information(units: ArrayLike, *, alpha: float, planned_units: ArrayLike) -> Floats:
    """n·rho², which every formula here is a function of: the information so far in that of the mixture."""
    spent = -2 * log(alpha)
    return np.asarray(units, dtype=float) * (spent + log(spent + 1)) / np.asarray(planned_units, dtype=float)


def multipliers(units: ArrayLike, *, alpha: float, planned_units: ArrayLike) -> Floats:
    """`multiplier` for many counts of units at once; infinite for none."""
    information = mixture_information(units, alpha=alpha, planned_units=planned_units)
    with np.errstate(divide="ignore", invalid="ignore"):
        squared = (information + 1) / information * (np.log1p(information) - 2 * log(alpha))
        return np.where(information > 0, np.sqrt(squared), np.inf)


def p_values(z: ArrayLike, units: ArrayLike, *, alpha: float, planned_units: ArrayLike) -> Floats:
    """Peeking-safe p-values at one look: below alpha exactly when the interval at that look excludes 0.

    p = min(1, 1/e) with the mixture's e-value e = exp(z²/2 · i/(i + 1)) / sqrt(i + 1), i = n·rho². Over several looks
    the smallest holds. Source: Howard et al. (2021), with rho fixed by alpha and N as for the interval.
    """
    information = mixture_information(units, alpha=alpha, planned_units=planned_units)
    squared = np.square(np.asarray(z, dtype=float))
    return np.exp(np.minimum(0.0, np.log1p(information) / 2 - squared / 2 * information / (information + 1)))


def one_sided_multipliers(units: ArrayLike, *, alpha: float, planned_units: ArrayLike) -> Floats:
    """Standard errors below the estimate for a lower bound alone (or above, for an upper one), exact form.

    The mixture over the positive half of a normal: the bound solves, with i = n·rho² and x = z·sqrt(i/(i + 1)),

        x²/2 + ln Φ(x) = ln(1/(2·alpha)) + ln(i + 1)/2

    with rho of the two-sided sequence at 2·alpha. Source: Howard et al. (2021), proposition 6 (one-sided normal
    mixture). The left side is increasing and convex, so Newton's method from the right cannot miss.
    """
    _require_less_than_half(alpha)
    information = mixture_information(units, alpha=2 * alpha, planned_units=planned_units)
    target = -log(2 * alpha) + np.log1p(information) / 2
    x = np.sqrt(2 * (target + log(2)))
    for _ in range(_STEPS):
        hazard = np.exp(-(x**2) / 2 - log(2 * np.pi) / 2 - log_ndtr(x))
        step = (x**2 / 2 + log_ndtr(x) - target) / (x + hazard)
        x = x - step
        if not np.any(np.abs(step) > 1e-14 * x):
            break
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(information > 0, x * np.sqrt((information + 1) / information), np.inf)


def one_sided_p_values(z: ArrayLike, units: ArrayLike, *, alpha: float, planned_units: ArrayLike) -> Floats:
    """Peeking-safe p-values against "the effect is not above 0": below alpha exactly when the lower bound is above 0.

    1/e with e = 2·exp(x²/2)·Φ(x) / sqrt(i + 1), x = z·sqrt(i/(i + 1)). Source: as `one_sided_multipliers`.
    """
    _require_less_than_half(alpha)
    information = mixture_information(units, alpha=2 * alpha, planned_units=planned_units)
    # Below 0 nothing speaks against the null: 1, as at 0.
    x = np.maximum(np.asarray(z, dtype=float), 0.0) * np.sqrt(information / (information + 1))
    return np.exp(np.minimum(0.0, np.log1p(information) / 2 - log(2) - x**2 / 2 - log_ndtr(x)))


def one_sided_multipliers_approximate(units: ArrayLike, *, alpha: float, planned_units: ArrayLike) -> Floats:
    """The closed form that bounds the exact one-sided one from above by a little.

    sqrt( 2·(i + 1)/i · ln(1 + sqrt(i + 1)/(2·alpha)) ), i = n·rho² with rho of the two-sided sequence at 2·alpha.
    Source: Waudby-Smith et al. (2021), equation 134 of version 7; what gbstats uses.
    """
    _require_less_than_half(alpha)
    information = mixture_information(units, alpha=2 * alpha, planned_units=planned_units)
    with np.errstate(divide="ignore", invalid="ignore"):
        squared = 2 * (information + 1) / information * np.log1p(np.sqrt(information + 1) / (2 * alpha))
        return np.where(information > 0, np.sqrt(squared), np.inf)


def one_sided_p_values_approximate(z: ArrayLike, units: ArrayLike, *, alpha: float, planned_units: ArrayLike) -> Floats:
    """What belongs to `one_sided_multipliers_approximate`: sqrt(i + 1) / (2·(exp(z²/2 · i/(i + 1)) - 1)), at most 1."""
    _require_less_than_half(alpha)
    information = mixture_information(units, alpha=2 * alpha, planned_units=planned_units)
    above = np.maximum(np.asarray(z, dtype=float), 0.0)
    with np.errstate(divide="ignore", over="ignore"):
        return np.minimum(1.0, np.sqrt(information + 1) / 2 / np.expm1(above**2 / 2 * information / (information + 1)))


def running_minimum(p: ArrayLike) -> Floats:
    """The peeking-safe p-value after each look: the smallest so far (looks along the first axis)."""
    return np.minimum.accumulate(np.asarray(p, dtype=float), axis=0)


def _require_less_than_half(alpha: float) -> None:
    if not 0 < alpha < 0.5:
        raise ValueError(f"a one-sided alpha lies between 0 and 0.5, not at {alpha}")
