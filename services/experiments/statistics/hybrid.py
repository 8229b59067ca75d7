"""One decision at the planned size, after anybody has looked at any time, with one error for both together."""

from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from services.experiments.statistics.confidence_sequence import multipliers
from services.experiments.statistics.moments import Floats

_FIRST = 0.005  # of the planned size; before it the live bound lies 14 standard errors away
_LAST = 16.0
_RATIO = 0.98  # of the information at one step to that at the next
_OVERSHOOT = 0.5826  # -zeta(1/2)/sqrt(2·pi)
_REACH, _SPACING = 7.5, 0.02


@dataclass(frozen=True, slots=True)
class _Spent:
    """At each fraction of the planned size: the error that the live bound has used, and the decision's bound."""

    fractions: Floats
    crossed: Floats
    decision: Floats


def alpha_spent(fraction: ArrayLike, *, alpha: float) -> Floats:
    """The probability, if there is no effect, that the live interval has excluded 0 by `fraction` of the planned size.

    About half of alpha at the planned size; all of it only after endless looking.
    """
    spent = _spent(alpha)
    return np.interp(_log(fraction, at_least=_FIRST), np.log(spent.fractions), spent.crossed)


def decision_multiplier(fraction: ArrayLike, *, alpha: float) -> Floats:
    """Standard errors on each side of the estimate for the one decision, read at `fraction` >= 1 of the planned size.

    The c that solves, for a standard Brownian motion B and the live bound z(t) of `confidence_sequence.multiplier`,

        P( |B(s)|/sqrt(s) > z(s) for some s < t, or |B(t)|/sqrt(t) > c ) = alpha

    so the live interval may be watched at every event until then at the full alpha, and the claim that is made first
    (live or in this decision) errs in at most alpha. What was claimed live stays claimed. It never exceeds z(t), which
    holds by itself. The usual hybrid gives each half of alpha, which is wider: 2.241 at alpha = 0.05.

    By the recursion of Armitage, McPherson and Rowe (1969) on a fixed grid of z, where a step of the logarithm of time
    is always the same kernel, with the correction of Chernoff and of Siegmund for looking between the steps (Siegmund,
    "Sequential Analysis", 1985, chapter 10: the bound moves in by 0.5826 standard deviations of a step).
    """
    spent = _spent(alpha)
    return np.interp(_log(fraction, at_least=1.0), np.log(spent.fractions), spent.decision)


def _log(fraction: ArrayLike, *, at_least: float) -> Floats:
    return np.log(np.maximum(np.nan_to_num(np.asarray(fraction, dtype=float)), at_least))


@lru_cache(maxsize=32)
def _spent(alpha: float) -> _Spent:
    steps = int(np.ceil(np.log(_LAST / _FIRST) / -np.log(_RATIO)))
    # One step falls exactly on the planned size.
    before = int(np.round(np.log(1 / _FIRST) / -np.log(_RATIO)))
    fractions = _RATIO ** (before - np.arange(steps, dtype=float))
    bounds = multipliers(fractions, alpha=alpha, planned_units=1.0)
    half = np.arange(0, _REACH + _SPACING / 2, _SPACING)
    density = np.exp(-(half**2) / 2) / sqrt(2 * np.pi)
    kernel = _folded_kernel(half)
    closer = _OVERSHOOT * sqrt(1 - _RATIO)
    crossed, decision = np.zeros(steps), np.full(steps, np.nan)
    for step in range(steps):
        if step:
            density = kernel @ (density * _kept(half, bounds[step - 1] - closer))
        crossed[step] = 1 - 2 * float(np.sum(density * _kept(half, bounds[step] - closer)))
        if fractions[step] >= 1 - 1e-9:
            decision[step] = min(_decision(half, density, alpha), bounds[step])
    decision[:before] = decision[before]
    return _Spent(fractions, np.maximum.accumulate(np.maximum(crossed, 0.0)), decision)


def _folded_kernel(half: Floats) -> Floats:
    """Density of |z| after a step, given |z| before it: the path is symmetric, so half the grid is enough."""
    drift, deviation = half * sqrt(_RATIO), sqrt(1 - _RATIO)

    def to(target: Floats) -> Floats:
        return np.exp(-(((target[:, np.newaxis] - drift) / deviation) ** 2) / 2) / (deviation * sqrt(2 * np.pi))

    return to(half) + to(-half)


def _kept(half: Floats, bound: float) -> Floats:
    """Weights of the trapezoid rule on the grid up to the bound, which need not lie on it."""
    inside = np.clip((bound - half) / _SPACING + 0.5, 0.0, 1.0)
    weights = inside * _SPACING
    weights[0] = _SPACING / 2
    return weights


def _decision(half: Floats, density: Floats, alpha: float) -> float:
    """Where the part of the path that lies within c has probability 1 - alpha."""
    inside = np.cumsum(2 * density * _kept(half, np.inf))
    return float(np.interp(1 - alpha, inside, half + _SPACING / 2))
