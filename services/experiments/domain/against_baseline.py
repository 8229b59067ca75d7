"""One arm against the registered baseline, where there is no control: watched at any time, or counted by a person."""

from math import sqrt

import numpy as np

from contracts.experiments import Metric
from services.experiments.statistics.confidence_sequence import multiplier, multipliers, p_values
from services.experiments.statistics.effect import METHOD, MINIMUM_EVENTS, MINIMUM_UNITS
from services.experiments.statistics.estimates import Estimate, Interval, Status
from services.experiments.statistics.hybrid import alpha_spent
from services.experiments.statistics.moments import Moments
from services.experiments.statistics.proportions import wilson

WILSON = "Wilson score interval, for one look at the registered number of people"


def estimate_against(baseline: float, arm: Moments, *, metric: Metric, alpha: float, planned_units: float) -> Estimate:
    """The arm's mean, rate or ratio minus the baseline, with an interval that may be looked at any time.

    The standard error is s/√n; of a ratio that of y - r·d over the mean of d (delta method). The multiplier is that of
    the two-sided sequence. Hidden with a status, as the comparison of two arms is, below the minimum of units.
    """
    n = float(arm.n)
    value, variance, status = _read(arm, metric)
    effect = None if value is None else value - baseline
    if status != "ok" or effect is None or variance is None:
        return Estimate(status, method=METHOD, effect=effect)
    error = sqrt(variance / n)
    wide = float(multipliers(n, alpha=alpha, planned_units=planned_units))
    interval = Interval(effect, effect - wide * error, effect + wide * error)
    p = float(p_values(effect / error, n, alpha=alpha, planned_units=planned_units))
    spent = float(alpha_spent(n / planned_units, alpha=alpha))
    return Estimate("ok", interval, _lift(interval, baseline), METHOD, effect, error, p, wide, spent)


def estimate_findings(asked: int, agreed: int, *, baseline: float, alpha: float) -> Estimate:
    """The share of those asked who agreed, minus the baseline, with Wilson's interval: sound for any count."""
    if not asked:
        return Estimate("no_units", method=WILSON)
    lower, upper = (float(bound) for bound in wilson(agreed, asked, alpha=alpha))
    share = agreed / asked
    interval = Interval(share - baseline, lower - baseline, upper - baseline)
    return Estimate("ok", interval, _lift(interval, baseline), WILSON, interval.effect)


def live_multiplier_at_planned(alpha: float) -> float:
    """Standard errors on each side of the live interval when the planned units are reached."""
    return multiplier(1.0, alpha=alpha, planned_units=1.0)


def _read(arm: Moments, metric: Metric) -> tuple[float | None, float | None, Status]:
    """The arm's value, the variance per unit that it has, and why they may not be shown."""
    n, means, products = float(arm.n), arm.means, arm.products
    if n < 1:
        return None, None, "no_units"
    value, variance = float(means[0]), float(products[0, 0]) / max(n - 1, 1)
    if metric.kind == "ratio":
        below = float(means[1])
        if below == 0:
            return None, None, "zero_denominator"
        value = value / below
        weights = np.array([1.0, -value]) / below
        variance = float(weights @ products[:2, :2] @ weights) / max(n - 1, 1)
    if n < MINIMUM_UNITS:
        return value, None, "too_few_units"
    if metric.kind == "conversion" and min(n * value, n - n * value) < MINIMUM_EVENTS - 0.5:
        return value, None, "too_few_conversions"
    return value, variance, "ok" if variance > 0 else "zero_variance"


def _lift(interval: Interval, baseline: float) -> Interval | None:
    if baseline <= 0:
        return None
    return Interval(interval.effect / baseline, interval.lower / baseline, interval.upper / baseline)
