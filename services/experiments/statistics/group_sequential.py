"""Bounds for claims at a few looks that were planned, spending the error little by little."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from math import ceil, exp, expm1, log1p, sqrt
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

from services.experiments.statistics.moments import Floats
from services.experiments.statistics.roots import bisect

Spending = Callable[[float, float], float]
_FAR = 9.0  # standard errors beyond which no probability is left that double precision would notice
_NEAREST = 0.03  # standard deviation of a step of z; looks nearer than 0.1 % are taken as that far apart
_PANEL = 16  # nodes to a panel of the integration, which is twice as wide as the step's standard deviation


class UnusableLooks(ValueError):
    """The planned looks are no increasing fractions of the planned information."""


def obrien_fleming(alpha: float, fraction: float) -> float:
    """What one side spends by `fraction` of the information: 2 - 2·Φ(z_{alpha/2} / sqrt(t)).

    Source: Lan and DeMets, "Discrete sequential boundaries for clinical trials" (1983), like O'Brien and Fleming's.
    """
    return float(2 * ndtr(ndtri(alpha / 2) / sqrt(fraction)))


def pocock(alpha: float, fraction: float) -> float:
    """alpha·ln(1 + (e - 1)·t), like Pocock's constant bound. Source: Lan and DeMets (1983)."""
    return alpha * log1p(expm1(1.0) * fraction)


def power_family(exponent: float) -> Spending:
    """alpha·t^exponent. Source: Kim and DeMets, "Design and analysis of group sequential tests" (1987)."""
    return lambda alpha, fraction: alpha * fraction**exponent


def hwang_shih_decani(gamma: float) -> Spending:
    """alpha·(1 - exp(-gamma·t)) / (1 - exp(-gamma)). Source: Hwang, Shih and DeCani (1990)."""
    if gamma == 0:
        return power_family(1.0)
    return lambda alpha, fraction: alpha * (1 - exp(-gamma * fraction)) / (1 - exp(-gamma))


def spending_bounds(
    fractions: Sequence[float], *, alpha: float, sides: Literal[1, 2] = 2, spending: Spending = obrien_fleming
) -> list[float]:
    """The bound for |z| (one-sided: for z) at each look, so that all looks together err in at most `alpha`.

    `fractions` of the planned information, increasing, the last at most 1. With two sides each side spends
    `spending(alpha/2, t)`. Recursive numerical integration of the density of the path that has not yet crossed, by
    Gauss and Legendre's rule. Sources: Armitage, McPherson and Rowe (1969); Jennison and Turnbull, "Group Sequential
    Methods" (2000), chapter 19; the same numbers as R's ldbounds and gsDesign.

    Raises UnusableLooks.
    """
    looks = [float(fraction) for fraction in fractions]
    if not looks or looks[0] <= 0 or looks[-1] > 1 + 1e-9 or any(b <= a for a, b in pairwise(looks)):
        raise UnusableLooks("looks are increasing fractions above 0, the last one at most 1")
    side = alpha / sides
    path, spent, bounds = _Path(sides), 0.0, []
    for look in looks:
        due = spending(side, min(look, 1.0))
        bound = path.bound(look, max(due - spent, 0.0))
        path = path.continued(look, bound)
        spent = max(due, spent)
        bounds.append(bound)
    return bounds


@lru_cache(maxsize=256)
def final_bound(looks: tuple[float, ...], alpha: float) -> float:
    """The bound at the planned end after two-sided O'Brien-Fleming claims at `looks` (fractions below 1)."""
    return spending_bounds([*looks, 1.0], alpha=alpha)[-1]


class _Path:
    """The density of a standard Brownian path, at the last look, that has crossed no bound: on nodes, with weights."""

    def __init__(self, sides: int, at: float = 0.0, nodes: Floats | None = None, mass: Floats | None = None) -> None:
        self._sides = sides
        self._at = at
        self._nodes = np.zeros(1) if nodes is None else nodes
        self._mass = np.ones(1) if mass is None else mass  # density times weight

    def bound(self, look: float, spend: float) -> float:
        """The z that the path exceeds at `look` with probability `spend`, on one side."""
        drift, deviation = self._step(look)

        def too_little(z: Floats) -> Floats:
            beyond = ndtr((drift - z[..., np.newaxis]) / deviation)
            return spend - (beyond * self._mass).sum(axis=-1)

        return float(bisect(too_little, np.array([-_FAR]), np.array([_FAR]))[0])

    def continued(self, look: float, bound: float) -> "_Path":
        """The path to `look` that has not crossed `bound` there either."""
        drift, deviation = self._step(look)
        low, high = (-bound if self._sides == 2 else -_FAR), min(bound, _FAR)
        if high <= low:
            return _Path(self._sides, look, np.zeros(1), np.zeros(1))
        z, weights = _panels(low, high, width=2 * deviation)
        kernel = np.exp(-(((z[:, np.newaxis] - drift) / deviation) ** 2) / 2) / (deviation * sqrt(2 * np.pi))
        return _Path(self._sides, look, z, kernel @ self._mass * weights)

    def _step(self, look: float) -> tuple[Floats, float]:
        """Mean (per node) and standard deviation of z at the next look, given z at the last."""
        kept = self._at / look
        return self._nodes * sqrt(kept), max(sqrt(1 - kept), _NEAREST)


def _panels(low: float, high: float, *, width: float) -> tuple[Floats, Floats]:
    """Nodes and weights of Gauss and Legendre's rule on panels of about this width."""
    edges = np.linspace(low, high, 1 + max(1, ceil((high - low) / width)))
    half = np.diff(edges)[:, np.newaxis] / 2
    nodes, weights = _legendre()
    return (edges[:-1, np.newaxis] + half * (nodes + 1)).ravel(), (half * weights).ravel()


@lru_cache(maxsize=1)
def _legendre() -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(_PANEL)
    return nodes, weights
