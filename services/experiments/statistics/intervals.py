"""Intervals and p-values of a contrast for one look at a moment that was fixed in advance."""

from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from services.experiments.statistics.contrast import Contrast
from services.experiments.statistics.moments import Floats, Moments, as_moments
from services.experiments.statistics.summary import Summary

_LARGE_DF = 10_000.0
Alternative = Literal["two-sided", "greater", "less"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Lower and upper bound with the p-value of "there is no effect"; NaN where nothing may be claimed."""

    lower: Floats
    upper: Floats
    p_value: Floats


def fixed_multiplier(alpha: float) -> float:
    """Standard errors on each side of the estimate for one look, for large samples."""
    return float(-ndtri(alpha / 2))


def around(
    effect: ArrayLike, half_width: ArrayLike, *, alternative: Alternative = "two-sided"
) -> tuple[Floats, Floats]:
    """The bounds; for a one-sided alternative the other bound is infinite."""
    center, half = np.asarray(effect, dtype=float), np.asarray(half_width, dtype=float)
    known = np.where(np.isnan(center - half), np.nan, 0.0)
    lower = known - np.inf if alternative == "less" else center - half
    upper = known + np.inf if alternative == "greater" else center + half
    return lower, upper


def z_bounds(effect: ArrayLike, error: ArrayLike, *, alpha: float, alternative: Alternative = "two-sided") -> Bounds:
    """effect ± z·error with the normal distribution, for large samples."""
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.asarray(effect, dtype=float) / np.asarray(error, dtype=float)
    critical = -ndtri(alpha / 2 if alternative == "two-sided" else alpha)
    lower, upper = around(effect, critical * np.asarray(error), alternative=alternative)
    p = {"two-sided": 2 * ndtr(-np.abs(z)), "greater": ndtr(-z), "less": ndtr(z)}[alternative]
    return Bounds(lower, upper, p)


def t_bounds(
    effect: ArrayLike, error: ArrayLike, df: ArrayLike, *, alpha: float, alternative: Alternative = "two-sided"
) -> Bounds:
    """effect ± t·error with Student's distribution with `df` degrees of freedom."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.asarray(effect, dtype=float) / np.asarray(error, dtype=float)
    critical = t_quantile(df, 1 - alpha / 2 if alternative == "two-sided" else 1 - alpha)
    lower, upper = around(effect, critical * np.asarray(error), alternative=alternative)
    tail = {"two-sided": -np.abs(t), "greater": -t, "less": t}[alternative]
    return Bounds(lower, upper, stdtr(df, tail) * (2 if alternative == "two-sided" else 1))


def t_quantile(df: ArrayLike, probability: float) -> Floats:
    """Student's quantile: by inversion, and above 10,000 degrees of freedom by its expansion, which is exact there.

    z + Σ g_k(z)/df^k. Source: Fisher and Cornish (1960), as Abramowitz and Stegun, 26.7.5.
    """
    freedom = np.asarray(df, dtype=float)
    large = freedom > _LARGE_DF
    z = float(ndtri(probability))
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    with np.errstate(all="ignore"):
        expanded = z + (first + (second + third / freedom) / freedom) / freedom
    if large.all():
        return expanded
    return np.where(large, expanded, stdtrit(np.where(large, 1.0, freedom), probability))


def welch(found: Contrast, *, alpha: float, alternative: Alternative = "two-sided") -> Bounds:
    """Welch's t: unequal variances, degrees of freedom by Satterthwaite.

    t = effect / sqrt(s_c²/n_c + s_t²/n_t). Source: Welch, "The generalization of 'Student's' problem when several
    different population variances are involved" (1947).
    """
    return t_bounds(found.effect, found.error, found.df, alpha=alpha, alternative=alternative)


@dataclass(frozen=True, slots=True)
class StudentTest:
    """Student's t with its bounds."""

    statistic: Floats
    df: Floats
    bounds: Bounds


def student(
    control: Moments | Summary, treatment: Moments | Summary, *, alpha: float, alternative: Alternative = "two-sided"
) -> StudentTest:
    """Student's t for two means with one common variance s² = (S_c + S_t) / (n_c + n_t - 2).

    t = (m_t - m_c) / (s·sqrt(1/n_c + 1/n_t)). Source: "Student", "The probable error of a mean" (1908). NaN when there
    are fewer than three units or no variance.
    """
    a, b = as_moments(control), as_moments(treatment)
    with np.errstate(all="ignore"):
        df = a.n + b.n - 2
        pooled = (a.products[..., 0, 0] + b.products[..., 0, 0]) / df
        error = np.sqrt(pooled * (1 / a.n + 1 / b.n))
        usable = (df > 0) & (np.minimum(a.n, b.n) >= 1) & (error > 0) & np.isfinite(error)
        error = np.where(usable, error, np.nan)
        effect = b.means[..., 0] - a.means[..., 0]
        bounds = t_bounds(effect, error, df, alpha=alpha, alternative=alternative)
        return StudentTest(effect / error, df, bounds)


def relative_error_of_means(mean: float, variance: float, *, lift: float, control: float, treatment: float) -> float:
    """Standard error of a lift between two means of one variance, before any data: delta method at the hoped-for lift.

    sqrt( v/(n_t·m²) + (m·(1 + lift))²·v/(n_c·m⁴) ). Source: Deng, Knoblich and Lu (KDD 2018); as GrowthBook's planner.
    """
    return sqrt(variance / (treatment * mean**2) + (1 + lift) ** 2 * variance / (control * mean**2))
