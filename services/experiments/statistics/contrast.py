"""The difference between two arms with its standard error: one linearisation for means, ratios and CUPED."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from services.experiments.statistics.moments import Floats, Moments, as_moments
from services.experiments.statistics.summary import Summary

MetricKind = Literal["conversion", "mean", "ratio"]
Status = Literal[
    "ok",
    "no_units",
    "insufficient_data",
    "too_few_units",
    "too_few_conversions",
    "zero_variance",
    "zero_denominator",
    "zero_baseline",
    "not_yet",
    "unusable",
]
STATUSES: tuple[Status, ...] = (
    "ok",
    "no_units",
    "insufficient_data",
    "too_few_units",
    "too_few_conversions",
    "zero_variance",
    "zero_denominator",
    "zero_baseline",
    "not_yet",
    "unusable",
)
CODE = {status: np.int8(code) for code, status in enumerate(STATUSES)}
_ROUNDING = 4 * np.finfo(float).eps  # of a mean: a spread below it is rounding, not variance


class MissingVariables(ValueError):
    """The moments lack values that the kind of metric needs; record those with it, or ask without."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """Treatment minus control of each metric, absolute, or relative to the absolute value of the control's mean.

    `effect` is given wherever it exists; `error` (its standard error) and `df` (Welch and Satterthwaite) are NaN unless
    the status is ok. `codes` index STATUSES. `of_control` and `of_treatment` are the variances of the arms' estimates.
    """

    codes: NDArray[np.int8]
    effect: Floats
    error: Floats
    df: Floats
    of_control: Floats
    of_treatment: Floats
    n: Floats
    theta: Floats | None = None

    @property
    def status(self) -> NDArray[np.str_]:
        return np.array(STATUSES)[self.codes]

    @property
    def z(self) -> Floats:
        """The effect in standard errors."""
        return self.effect / self.error


@dataclass(frozen=True, slots=True)
class _Arm:
    """One arm's estimate: its value, the gradient of the value by the means, and the covariance of the means."""

    value: Floats
    gradient: Floats
    plain: Floats  # without CUPED, which relative effects divide by
    plain_gradient: Floats
    covariance: Floats

    def variance(self, gradient: Floats) -> Floats:
        return np.einsum("...i,...ij,...j->...", gradient, self.covariance, gradient)


def contrast(
    control: Moments | Summary,
    treatment: Moments | Summary,
    *,
    kind: MetricKind,
    cuped: bool = False,
    relative: bool = False,
) -> Contrast:
    """The difference of the arms' means, ratios or CUPED-adjusted values, by the delta method.

    An arm's estimate is a function f of its means; its variance is ∇fᵀ·C·∇f / n with the sample covariance C
    (n - 1; for conversions p·(1 - p), as is usual for rates).

    - mean: f = m. Ratio: f = m / d, ∇f = (1/d, -m/d²). Source: Deng, Knoblich and Lu, "Applying the delta method in
      metric analytics" (KDD 2018).
    - CUPED: f = y - θ·x, θ = cov(y, x) / var(x) over both arms joined; for ratios of the values linearised at each
      arm's means, within the arms. Source: Deng, Xu, Kohavi and Walker, "Improving the sensitivity of online controlled
      experiments by utilizing pre-experiment data" (WSDM 2013).
    - relative: (f_t - f_c) / |m_c|, m_c the control's value without adjustment, with the covariance of f_c and m_c.
    - degrees of freedom: (v_c + v_t)² / (v_c²/(n_c - 1) + v_t²/(n_t - 1)) of the absolute effect (Welch 1947).

    Raises MissingVariables when the moments have fewer values than the kind (with CUPED: twice as many) needs.
    """
    a, b = as_moments(control), as_moments(treatment)
    _require_variables(a, b, kind, cuped)
    with np.errstate(all="ignore"):
        theta = _theta(a, b, kind) if cuped else None
        one, other = _arm(a, kind, theta), _arm(b, kind, theta)
        return _difference(a, b, one, other, relative=relative, theta=theta, kind=kind)


def pooled_theta(control: Moments, treatment: Moments, *, kind: MetricKind) -> Floats:
    """CUPED's coefficient, as `contrast` uses it; 0 where the pre-exposure value does not vary."""
    _require_variables(control, treatment, kind, cuped=True)
    with np.errstate(all="ignore"):
        return _theta(control, treatment, kind)


def baseline(control: Moments | Summary, *, kind: MetricKind) -> Floats:
    """The control's mean, rate or ratio."""
    with np.errstate(all="ignore"):
        return _value(as_moments(control), kind, 0)


def _require_variables(a: Moments, b: Moments, kind: MetricKind, cuped: bool) -> None:
    needed = (2 if kind == "ratio" else 1) * (2 if cuped else 1)
    if min(a.variables, b.variables) < needed:
        wanted = f"{'a ratio' if kind == 'ratio' else 'a ' + kind}{' with CUPED' if cuped else ''}"
        raise MissingVariables(f"{wanted} needs {needed} values per unit, not {min(a.variables, b.variables)}")


def _theta(a: Moments, b: Moments, kind: MetricKind) -> Floats:
    if kind == "ratio":
        covariance, variance, floor = (x + y for x, y in zip(_within(a), _within(b), strict=True))
    else:
        joined = a.merge(b)
        covariance, variance = joined.products[..., 0, 1], joined.products[..., 1, 1]
        floor = joined.n * (_ROUNDING * joined.means[..., 1]) ** 2
    return np.where(variance > floor, covariance / variance, 0.0)


def _within(arm: Moments) -> tuple[Floats, Floats, Floats]:
    """Co-moment of an arm's linearised ratio with that before, the moment of that before, and what rounding makes."""
    post, pre = _gradient(arm, "ratio", 0), _gradient(arm, "ratio", 2)
    covariance = np.einsum("...i,...ij,...j->...", post, arm.products, pre)
    variance = np.einsum("...i,...ij,...j->...", pre, arm.products, pre)
    return covariance, variance, arm.n * (_ROUNDING * _value(arm, "ratio", 2)) ** 2


def _value(moments: Moments, kind: MetricKind, at: int) -> Floats:
    first = moments.means[..., at]
    return first / moments.means[..., at + 1] if kind == "ratio" else first


def _gradient(moments: Moments, kind: MetricKind, at: int) -> Floats:
    """Of the value that begins at position `at`, by all means."""
    gradient = np.zeros_like(moments.means)
    if kind == "ratio":
        denominator = moments.means[..., at + 1]
        gradient[..., at] = 1 / denominator
        gradient[..., at + 1] = -moments.means[..., at] / denominator**2
    else:
        gradient[..., at] = 1.0
    return gradient


def _arm(moments: Moments, kind: MetricKind, theta: Floats | None) -> _Arm:
    divisor = moments.n if kind == "conversion" else moments.n - 1
    covariance = moments.products / (divisor * moments.n)[..., np.newaxis, np.newaxis]
    plain, plain_gradient = _value(moments, kind, 0), _gradient(moments, kind, 0)
    if theta is None:
        return _Arm(plain, plain_gradient, plain, plain_gradient, covariance)
    size = 2 if kind == "ratio" else 1
    before = _gradient(moments, kind, size)
    # Where nothing is adjusted, nothing of the pre-exposure value may enter, not even a 0 denominator.
    used = (theta != 0)[..., np.newaxis]
    value = np.where(theta != 0, plain - theta * _value(moments, kind, size), plain)
    gradient = np.where(used, plain_gradient - theta[..., np.newaxis] * before, plain_gradient)
    return _Arm(value, gradient, plain, plain_gradient, covariance)


def _difference(
    a: Moments, b: Moments, one: _Arm, other: _Arm, *, relative: bool, theta: Floats | None, kind: MetricKind
) -> Contrast:
    absolute = other.value - one.value
    of_control, of_treatment = one.variance(one.gradient), other.variance(other.gradient)
    df = (of_control + of_treatment) ** 2 / (of_control**2 / (a.n - 1) + of_treatment**2 / (b.n - 1))
    codes = _codes(a, b, one, other, variances=(of_control, of_treatment), kind=kind)
    effect = absolute
    if relative:
        base = np.abs(one.plain)
        # A mean's slope is that without adjustment, as the arms' values before differ only by chance; both as gbstats.
        slope = (absolute if kind == "ratio" else other.plain - one.plain) / one.plain
        lift_gradient = one.gradient + slope[..., np.newaxis] * one.plain_gradient
        of_control, of_treatment = one.variance(lift_gradient) / base**2, of_treatment / base**2
        effect = absolute / base
        undefined = (one.plain == 0) & (codes != CODE["no_units"]) & (codes != CODE["unusable"])
        codes = np.where(undefined, CODE["zero_baseline"], codes)
    variance = of_control + of_treatment
    codes = np.where((codes == 0) & ~(np.isfinite(variance) & np.isfinite(effect)), CODE["unusable"], codes)
    ok = codes == 0
    known = np.isfinite(effect) & (codes != CODE["no_units"])
    return Contrast(
        codes,
        np.where(known, effect, np.nan),
        np.where(ok, np.sqrt(np.where(ok, variance, 1.0)), np.nan),
        np.where(ok, df, np.nan),
        np.where(ok, of_control, np.nan),
        np.where(ok, of_treatment, np.nan),
        a.n + b.n,
        theta,
    )


def _codes(
    a: Moments, b: Moments, one: _Arm, other: _Arm, *, variances: tuple[Floats, Floats], kind: MetricKind
) -> NDArray[np.int8]:
    """Why nothing may be claimed, the first reason that holds; 0 where none does."""
    fewest = np.minimum(a.n, b.n)
    flat = _is_flat(a, one, variances[0]) | _is_flat(b, other, variances[1])
    codes = np.where(flat, CODE["zero_variance"], np.int8(0))
    codes = np.where(fewest < 2, CODE["insufficient_data"], codes)
    if kind == "ratio":
        divided_by_zero = (a.means[..., 1] == 0) | (b.means[..., 1] == 0)
        codes = np.where(divided_by_zero, CODE["zero_denominator"], codes)
    codes = np.where(fewest < 1, CODE["no_units"], codes)
    unusable = _is_unusable(a) | _is_unusable(b)
    if kind == "conversion":
        unusable |= _is_no_rate(a) | _is_no_rate(b)
    return np.where(unusable, CODE["unusable"], codes).astype(np.int8)


def _is_flat(moments: Moments, arm: _Arm, variance: Floats) -> NDArray[np.bool_]:
    largest = np.abs(arm.gradient * moments.means).max(axis=-1)
    return ~(variance * moments.n > (_ROUNDING * largest) ** 2)


def _is_no_rate(moments: Moments) -> NDArray[np.bool_]:
    rate = moments.means[..., 0]
    return (moments.n > 0) & ~((rate >= 0) & (rate <= 1 + _ROUNDING))


def _is_unusable(moments: Moments) -> NDArray[np.bool_]:
    """Whether no units can have these moments."""
    spreads = np.diagonal(moments.products, axis1=-2, axis2=-1)
    finite = np.isfinite(moments.n) & np.isfinite(moments.means).all(axis=-1) & np.isfinite(spreads).all(axis=-1)
    return ~finite | (moments.n < 0) | (spreads < 0).any(axis=-1)
