"""Posterior answers, for teams that are used to them. They are not safe against looking at any time."""

from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

import numpy as np
from scipy.special import betainc, betaln, ndtr, ndtri, xlog1py, xlogy

from services.experiments.statistics.moments import Floats

_REACH = 3.2  # of the double exponential rule: beyond it the weights are 0 in double precision
_NODES = 800


@dataclass(frozen=True, slots=True)
class Prior:
    """A normal prior of the effect, on the scale on which the effect is given."""

    mean: float
    variance: float


@dataclass(frozen=True, slots=True)
class GaussianPosterior:
    """The effect's normal posterior. Losses are in the effect's unit: of staying with the control, and of shipping."""

    peeking_safe: ClassVar[bool] = False

    effect: float
    deviation: float
    lower: float
    upper: float
    chance_to_win: float
    loss_of_staying: float
    loss_of_shipping: float


@dataclass(frozen=True, slots=True)
class BetaPosterior:
    """Two rates' beta posteriors. Losses are absolute differences of rates."""

    peeking_safe: ClassVar[bool] = False

    mean_control: float
    mean_treatment: float
    chance_to_win: float
    loss_of_staying: float
    loss_of_shipping: float


def expected_losses(mean: float, deviation: float) -> tuple[float, float]:
    """E[max(effect, 0)] (lost by staying) and E[max(-effect, 0)] (lost by shipping) of a normal effect.

    mean·Φ(mean/s) + s·φ(mean/s), and the same less the mean. Each is computed without cancellation.
    """
    z = mean / deviation
    density = np.exp(-(z**2) / 2) / sqrt(2 * np.pi)
    return float(mean * ndtr(z) + deviation * density), float(deviation * density - mean * ndtr(-z))


def gaussian_posterior(
    effect: float, error: float, *, alpha: float = 0.05, prior: Prior | None = None
) -> GaussianPosterior:
    """The posterior of an effect with a normal prior, or with a flat one.

    Precisions add: 1/v = 1/error² + 1/v_0; the mean is the average weighted by them. `alpha` 0.05 gives the interval
    that holds 95 % of the posterior. Not safe against looking at any time: stopping at a good moment makes it lie.
    Source: Gelman et al., "Bayesian Data Analysis", 3rd ed., §2.5; as gbstats' EffectBayesianABTest.
    """
    mean, variance = effect, error**2
    if prior is not None:
        precision = 1 / error**2 + 1 / prior.variance
        mean, variance = (effect / error**2 + prior.mean / prior.variance) / precision, 1 / precision
    deviation = sqrt(variance)
    half = float(-ndtri(alpha / 2)) * deviation
    staying, shipping = expected_losses(mean, deviation)
    chance = float(ndtr(mean / deviation))
    return GaussianPosterior(mean, deviation, mean - half, mean + half, chance, staying, shipping)


def beta_posterior(
    control: float,
    control_n: float,
    treatment: float,
    treatment_n: float,
    *,
    prior_a: float = 1.0,
    prior_b: float = 1.0,
) -> BetaPosterior:
    """The posteriors of two rates with the same beta prior, by default the uniform one.

    P(B > A) = ∫ f_B·F_A; E[max(A - B, 0)] = m_A·P(A' > B) - m_B·P(A > B') where A' and B' have one success more.
    Source: Miller, "Formulas for Bayesian A/B testing" (2014); Stucchio, "Bayesian A/B testing at VWO" (2015). Not safe
    against looking at any time.
    """
    a = prior_a + control, prior_b + control_n - control
    b = prior_a + treatment, prior_b + treatment_n - treatment
    mean_a, mean_b = a[0] / sum(a), b[0] / sum(b)
    more_a, more_b = (a[0] + 1, a[1]), (b[0] + 1, b[1])
    shipping = mean_a * _exceeds(more_a, b) - mean_b * _exceeds(a, more_b)
    staying = mean_b * _exceeds(more_b, a) - mean_a * _exceeds(b, more_a)
    return BetaPosterior(mean_a, mean_b, _exceeds(b, a), max(staying, 0.0), max(shipping, 0.0))


def _exceeds(one: tuple[float, float], other: tuple[float, float]) -> float:
    """P(X > Y) for beta distributed X and Y, integrated over the narrower of the two: the other is smooth on its scale.

    The double exponential rule bears singular ends. Source: Takahasi and Mori (1974).
    """
    over_one = _deviation(one) <= _deviation(other)
    narrow, wide = (one, other) if over_one else (other, one)
    x, mass = _nodes(*narrow)
    below = betainc(*wide, x)
    return float(min(1.0, (mass * (below if over_one else 1 - below)).sum()))


def _nodes(a: float, b: float) -> tuple[Floats, Floats]:
    """Points with the probability that they stand for, within 40 standard deviations of the mean of a beta."""
    mean, reach = a / (a + b), 40 * _deviation((a, b))
    low, high = max(0.0, mean - reach), min(1.0, mean + reach)
    t = np.linspace(-_REACH, _REACH, _NODES + 1)
    # Distances from both ends, so that neither is lost by rounding at the other.
    from_low = (high - low) / (1 + np.exp(-np.pi * np.sinh(t)))
    from_high = (high - low) / (1 + np.exp(np.pi * np.sinh(t)))
    x = np.where(t < 0, low + from_low, high - from_high)
    rest = np.where(t < 0, (1 - low) - from_low, (1 - high) + from_high)
    with np.errstate(all="ignore"):
        log_density = xlogy(a - 1, x) + np.where(x < 0.5, xlog1py(b - 1, -x), xlogy(b - 1, rest)) - betaln(a, b)
        weights = np.pi * np.cosh(t) * from_low * from_high / (high - low) * (2 * _REACH / _NODES)
        mass = np.nan_to_num(np.exp(log_density) * weights, nan=0.0, posinf=0.0)
    # For large counts the logarithm of the density has lost some digits, the same ones everywhere.
    return np.clip(x, 0, 1), mass / mass.sum()


def _deviation(beta: tuple[float, float]) -> float:
    a, b = beta
    return sqrt(a * b / ((a + b) ** 2 * (a + b + 1)))
