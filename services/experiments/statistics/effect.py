"""The seam: two arms' sufficient statistics in, an effect with its interval out, or the reason why there is none.

Whoever replaces the method replaces `estimate_effect` (and METHOD, which every answer names); nothing else knows it.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Literal

from services.experiments.statistics.confidence_sequence import multiplier
from services.experiments.statistics.summary import Summary

METHOD = "asymptotic confidence sequence, two-sided normal mixture"
MINIMUM_UNITS = 100
MINIMUM_EVENTS = 10

MetricKind = Literal["conversion", "mean"]
EstimateStatus = Literal["ok", "too_few_units", "too_few_conversions", "no_variance"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A point estimate with its bounds."""

    effect: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class EffectEstimate:
    """Treatment minus control. `absolute` is None unless `status` is ok; no interval is ever made up.

    `relative` is the lift over the control's mean, None where that is not above 0. It is shown, never tested.
    """

    status: EstimateStatus
    absolute: Interval | None = None
    relative: Interval | None = None
    method: str = METHOD


def estimate_effect(
    control: Summary, treatment: Summary, *, kind: MetricKind, alpha: float, planned_units: float
) -> EffectEstimate:
    """The effect with an interval that may be looked at any time, at level 1 - alpha.

    Standard error of the difference of means with unequal variances: sqrt(s_c²/n_c + s_t²/n_t). Of the lift, by the
    delta method: sqrt(s_t²/(n_t·c²) + t²·s_c²/(n_c·c⁴)) for means c and t. `planned_units` counts both arms.
    """
    status = _readable(control, treatment, kind)
    if status != "ok":
        return EffectEstimate(status)
    z = multiplier(control.n + treatment.n, alpha=alpha, planned_units=planned_units)
    of_control, of_treatment = control.variance / control.n, treatment.variance / treatment.n
    absolute = _around(treatment.mean - control.mean, z * sqrt(of_control + of_treatment))
    if control.mean <= 0:
        return EffectEstimate("ok", absolute)
    ratio = treatment.mean / control.mean
    error = sqrt(of_treatment + ratio**2 * of_control) / control.mean
    return EffectEstimate("ok", absolute, _around(ratio - 1, z * error))


def _readable(control: Summary, treatment: Summary, kind: MetricKind) -> EstimateStatus:
    """Whether the numbers may be shown: the interval's guarantee is a limit, and needs a minimum of units to hold."""
    if min(control.n, treatment.n) < MINIMUM_UNITS:
        return "too_few_units"
    if kind == "conversion":
        converted = round(control.total + treatment.total)
        if min(converted, control.n + treatment.n - converted) < MINIMUM_EVENTS:
            return "too_few_conversions"
    if min(control.m2, treatment.m2) <= 0:
        return "no_variance"
    return "ok"


def _around(effect: float, half_width: float) -> Interval:
    return Interval(effect, effect - half_width, effect + half_width)
