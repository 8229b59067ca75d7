"""Rates: tests and intervals from counts, also where the counts are too small for the normal approximation."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, ndtr, ndtri

from services.experiments.statistics.intervals import Alternative
from services.experiments.statistics.moments import Floats
from services.experiments.statistics.roots import bisect

Comparison = Literal["difference", "ratio"]
Counts = tuple[Floats, Floats]
ScoreForm = Literal["miettinen-nurminen", "statsmodels"]


@dataclass(frozen=True, slots=True)
class PooledTest:
    """Treatment minus control with its z under "the rates are equal"; NaN without any unit or any variance."""

    effect: Floats
    z: Floats
    p_value: Floats


def pooled_z(
    control: ArrayLike,
    control_n: ArrayLike,
    treatment: ArrayLike,
    treatment_n: ArrayLike,
    *,
    alternative: Alternative = "two-sided",
) -> PooledTest:
    """The z-test of two rates with the variance of their common rate.

    z = (p_t - p_c) / sqrt(p·(1 - p)·(1/n_c + 1/n_t)), p = all successes / all units. Source: Fleiss, Levin and Paik,
    "Statistical Methods for Rates and Proportions", 3rd ed., §3; as statsmodels' proportions_ztest.
    """
    x_c, n_c, x_t, n_t = _floats(control, control_n, treatment, treatment_n)
    with np.errstate(all="ignore"):
        effect = x_t / n_t - x_c / n_c
        common = (x_c + x_t) / (n_c + n_t)
        error = np.sqrt(common * (1 - common) * (1 / n_c + 1 / n_t))
        z = np.where(error > 0, effect / error, np.nan)
    p = {"two-sided": 2 * ndtr(-np.abs(z)), "greater": ndtr(-z), "less": ndtr(z)}[alternative]
    return PooledTest(effect, z, p)


def wilson(successes: ArrayLike, n: ArrayLike, *, alpha: float) -> tuple[Floats, Floats]:
    """Wilson's interval of one rate, sound for any count, also 0."""
    return wilson_at(successes, n, multiplier=-ndtri(alpha / 2))


def wilson_at(successes: ArrayLike, n: ArrayLike, *, multiplier: ArrayLike) -> tuple[Floats, Floats]:
    """Wilson's interval with a multiplier z of one's own; NaN without units.

    (p + z²/2n ± z·sqrt(p·(1 - p)/n + z²/4n²)) / (1 + z²/n). Source: Wilson (1927); Newcombe, "Two-sided confidence
    intervals for the single proportion" (1998), method 3.
    """
    x, count, z = _floats(successes, n, multiplier)
    with np.errstate(all="ignore"):
        rate = x / count
        center = rate + z**2 / (2 * count)
        half = z * np.sqrt(rate * (1 - rate) / count + (z / (2 * count)) ** 2)
        lower, upper = (center - half) / (1 + z**2 / count), (center + half) / (1 + z**2 / count)
    # Algebra gives exactly 0 and 1 at the ends; rounding does not.
    return np.where(x == 0, np.where(count > 0, 0.0, np.nan), lower), np.where(x == count, upper / upper, upper)


def clopper_pearson(successes: ArrayLike, n: ArrayLike, *, alpha: float) -> tuple[Floats, Floats]:
    """The exact interval of one rate, never too narrow: quantiles of beta distributions (Clopper and Pearson 1934)."""
    x, count = _floats(successes, n)
    with np.errstate(invalid="ignore"):
        lower = np.where(x > 0, betaincinv(np.maximum(x, 1e-9), count - x + 1, alpha / 2), 0.0)
        upper = np.where(x < count, betaincinv(x + 1, np.maximum(count - x, 1e-9), 1 - alpha / 2), 1.0)
    return np.where(count > 0, lower, np.nan), np.where(count > 0, upper, np.nan)


def newcombe(
    control: ArrayLike, control_n: ArrayLike, treatment: ArrayLike, treatment_n: ArrayLike, *, alpha: float
) -> tuple[Floats, Floats]:
    """Newcombe's interval of a difference of rates, sound for small counts, also 0 of n in both arms."""
    return newcombe_at(control, control_n, treatment, treatment_n, multiplier=-ndtri(alpha / 2))


def newcombe_at(
    control: ArrayLike, control_n: ArrayLike, treatment: ArrayLike, treatment_n: ArrayLike, *, multiplier: ArrayLike
) -> tuple[Floats, Floats]:
    """Newcombe's interval with a multiplier of one's own: the arms' Wilson intervals, combined by squares.

    lower = d - sqrt((p_t - l_t)² + (u_c - p_c)²), upper = d + sqrt((u_t - p_t)² + (p_c - l_c)²). Source: Newcombe,
    "Interval estimation for the difference between independent proportions" (1998), method 10.
    """
    x_c, n_c, x_t, n_t = _floats(control, control_n, treatment, treatment_n)
    low_c, high_c = wilson_at(x_c, n_c, multiplier=multiplier)
    low_t, high_t = wilson_at(x_t, n_t, multiplier=multiplier)
    with np.errstate(all="ignore"):
        p_c, p_t = x_c / n_c, x_t / n_t
        effect = p_t - p_c
        return effect - np.hypot(p_t - low_t, high_c - p_c), effect + np.hypot(high_t - p_t, p_c - low_c)


def agresti_caffo(
    control: ArrayLike, control_n: ArrayLike, treatment: ArrayLike, treatment_n: ArrayLike, *, alpha: float
) -> tuple[Floats, Floats]:
    """Wald's interval of a difference after one success and one failure more in each arm.

    Source: Agresti and Caffo, "Simple and effective confidence intervals for proportions and differences" (2000).
    """
    x_c, n_c, x_t, n_t = _floats(control, control_n, treatment, treatment_n)
    return wald(x_c + 1, n_c + 2, x_t + 1, n_t + 2, alpha=alpha)


def wald(
    control: ArrayLike, control_n: ArrayLike, treatment: ArrayLike, treatment_n: ArrayLike, *, alpha: float
) -> tuple[Floats, Floats]:
    """d ± z·sqrt(p_c·q_c/n_c + p_t·q_t/n_t): only for large counts; of no width at 0 of n."""
    x_c, n_c, x_t, n_t = _floats(control, control_n, treatment, treatment_n)
    with np.errstate(all="ignore"):
        p_c, p_t = x_c / n_c, x_t / n_t
        half = -ndtri(alpha / 2) * np.sqrt(p_c * (1 - p_c) / n_c + p_t * (1 - p_t) / n_t)
        return p_t - p_c - half, p_t - p_c + half


def score_z(
    control: ArrayLike,
    control_n: ArrayLike,
    treatment: ArrayLike,
    treatment_n: ArrayLike,
    *,
    null: ArrayLike,
    comparison: Comparison = "difference",
    correction: bool = True,
    form: ScoreForm = "miettinen-nurminen",
) -> Floats:
    """The score statistic of "the difference (or ratio) of the rates is `null`".

    The deviation over its standard error at the rates that are most likely under the null (solved in closed form).
    Sources: Miettinen and Nurminen, "Comparative analysis of two rates" (1985), with their factor n/(n - 1) unless
    `correction` is off (Mee 1984; for ratios Koopman 1984). `form` "statsmodels" repeats test_proportions_2indep of
    statsmodels (seen in 0.15.0), which for differences has x_c·d where the paper's cubic has n_c·d, so that its rates
    are not quite the most likely ones: only to compare with its numbers.
    """
    x_c, n_c, x_t, n_t = _floats(control, control_n, treatment, treatment_n)
    value = np.asarray(null, dtype=float)
    total, successes = n_c + n_t, x_c + x_t
    with np.errstate(all="ignore"):
        if comparison == "difference":
            p_c = _restricted_difference((x_c, n_c), (x_t, n_t), value, slope=x_c if form == "statsmodels" else n_c)
            p_t = p_c + value
            deviation = x_t / n_t - x_c / n_c - value
            variance = p_t * (1 - p_t) / n_t + p_c * (1 - p_c) / n_c
        else:
            a = total * value
            b = -(n_t * value + x_t + n_c + x_c * value)
            p_c = (-b - np.sqrt(np.maximum(b**2 - 4 * a * successes, 0.0))) / (2 * a)
            p_t = p_c * value
            deviation = x_t / n_t - x_c / n_c * value
            variance = p_t * (1 - p_t) / n_t + value**2 * p_c * (1 - p_c) / n_c
        if correction:
            variance = variance * total / (total - 1)
        return np.where(deviation == 0, 0.0, deviation / np.sqrt(np.maximum(variance, 0.0)))


def score_interval(
    control: ArrayLike,
    control_n: ArrayLike,
    treatment: ArrayLike,
    treatment_n: ArrayLike,
    *,
    alpha: float,
    comparison: Comparison = "difference",
    correction: bool = True,
    form: ScoreForm = "miettinen-nurminen",
) -> tuple[Floats, Floats]:
    """All differences (or ratios) that the score test does not reject; sources as `score_z`."""
    x_c, n_c, x_t, n_t = _floats(control, control_n, treatment, treatment_n)
    z = float(-ndtri(alpha / 2))
    ratio = comparison == "ratio"

    def statistic(at: Floats) -> Floats:
        null = np.exp(at) if ratio else at
        return score_z(x_c, n_c, x_t, n_t, null=null, comparison=comparison, correction=correction, form=form)

    reach = np.full(np.broadcast(x_c, n_c, x_t, n_t).shape, 30.0 if ratio else 1 - 1e-12)
    lower = bisect(lambda at: z - np.nan_to_num(statistic(at), nan=0.0), -reach, reach)
    upper = bisect(lambda at: -z - np.nan_to_num(statistic(at), nan=0.0), -reach, reach)
    if not ratio:
        return np.where(lower <= -1 + 1e-9, -1.0, lower), np.where(upper >= 1 - 1e-9, 1.0, upper)
    return np.where(x_t == 0, 0.0, np.exp(lower)), np.where(x_c == 0, np.inf, np.exp(upper))


def log_ratio_of_rates(
    control: ArrayLike, control_n: ArrayLike, treatment: ArrayLike, treatment_n: ArrayLike, *, alpha: float
) -> tuple[Floats, Floats]:
    """Katz's interval of the ratio of two rates; NaN when a count is 0.

    exp( ln(p_t/p_c) ± z·sqrt(1/x_t - 1/n_t + 1/x_c - 1/n_c) ). Source: Katz, Baptista, Azen and Pike (1978).
    """
    x_c, n_c, x_t, n_t = _floats(control, control_n, treatment, treatment_n)
    with np.errstate(all="ignore"):
        usable = (x_c > 0) & (x_t > 0)
        center = np.where(usable, np.log(x_t / n_t) - np.log(x_c / n_c), np.nan)
        half = -ndtri(alpha / 2) * np.sqrt(1 / x_t - 1 / n_t + 1 / x_c - 1 / n_c)
        return np.exp(center - half), np.exp(center + half)


def _restricted_difference(control: Counts, treatment: Counts, d: Floats, *, slope: Floats) -> Floats:
    """The most likely control rate if the rates differ by d: the cubic of Miettinen and Nurminen, by cosines."""
    (x_c, n_c), (x_t, n_t) = control, treatment
    total, successes = n_c + n_t, x_c + x_t
    c3 = total
    c2 = (n_t + 2 * n_c) * d - total - successes
    c1 = (slope * d - total - 2 * x_c) * d + successes
    c0 = x_c * d * (1 - d)
    v = c2**3 / (3 * c3) ** 3 - c1 * c2 / (6 * c3**2) + c0 / (2 * c3)
    u = np.where(v < 0, -1.0, 1.0) * np.sqrt(np.maximum((c2 / (3 * c3)) ** 2 - c1 / (3 * c3), 0.0))
    inside = np.where(u == 0, 0.0, v / np.where(u == 0, 1.0, u) ** 3)
    angle = (np.pi + np.arccos(np.clip(inside, -1.0, 1.0))) / 3
    return np.clip(2 * u * np.cos(angle) - c2 / (3 * c3), np.maximum(0.0, -d), np.minimum(1.0, 1.0 - d))


def _floats(*given: ArrayLike) -> tuple[Floats, ...]:
    return tuple(np.asarray(one, dtype=float) for one in given)
