"""The questions that a readout asks of two arms' sufficient statistics, or the reason why there is no answer.

Looking at any time, the one decision at the planned size, and one textbook look to compare with. Every answer names its
method; nothing else knows which.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from services.experiments.statistics.confidence_sequence import multipliers, p_values
from services.experiments.statistics.contrast import CODE, Contrast, MetricKind, baseline, contrast
from services.experiments.statistics.estimates import Estimate, Estimates, Interval
from services.experiments.statistics.group_sequential import UnusableLooks, final_bound
from services.experiments.statistics.hybrid import alpha_spent, decision_multiplier
from services.experiments.statistics.intervals import fixed_multiplier, welch
from services.experiments.statistics.moments import Floats, Moments, as_moments
from services.experiments.statistics.proportions import newcombe_at
from services.experiments.statistics.summary import Summary

__all__ = [
    "FIXED",
    "HYBRID",
    "METHOD",
    "MINIMUM_EVENTS",
    "MINIMUM_UNITS",
    "SPENDING",
    "Estimate",
    "Estimates",
    "Interval",
    "MetricKind",
    "estimate_decision",
    "estimate_decision_all",
    "estimate_fixed",
    "estimate_fixed_all",
    "estimate_live",
    "estimate_live_all",
]

METHOD = "asymptotic confidence sequence, two-sided normal mixture"
HYBRID = "hybrid: one decision at the planned size after an asymptotic confidence sequence"
SPENDING = "O'Brien-Fleming alpha spending"
FIXED = "Welch, for one look at a moment fixed in advance"
MINIMUM_UNITS = 100
MINIMUM_EVENTS = 10

DecisionRule = Literal["hybrid", "spending"]


def estimate_live(
    control: Moments | Summary,
    treatment: Moments | Summary,
    *,
    kind: MetricKind,
    alpha: float,
    planned_units: float,
    cuped: bool = False,
    minimum_units: int = MINIMUM_UNITS,
) -> Estimate:
    """The effect with an interval that may be looked at any time, at level 1 - alpha over all looks together.

    `planned_units` counts both arms. Hidden, with the status, below `minimum_units` per arm and below 10 conversions
    (or 10 that did not convert) in both arms together: the guarantee is a limit, and needs that many to hold.
    """
    return estimate_live_all(
        control,
        treatment,
        kind=kind,
        alpha=alpha,
        planned_units=planned_units,
        cuped=cuped,
        minimum_units=minimum_units,
    ).at()


def estimate_live_all(
    control: Moments | Summary,
    treatment: Moments | Summary,
    *,
    kind: MetricKind,
    alpha: float,
    planned_units: float,
    cuped: bool = False,
    minimum_units: int = MINIMUM_UNITS,
) -> Estimates:
    """`estimate_live` of many metrics at once."""
    a, b = as_moments(control), as_moments(treatment)
    units = a.n + b.n
    with np.errstate(all="ignore"):
        wide = multipliers(units, alpha=alpha, planned_units=planned_units)
        found, lift = _contrasts(a, b, kind, cuped)
        found = with_codes(found, hidden(a, b, kind, found.codes, minimum_units))
        p = p_values(found.z, units, alpha=alpha, planned_units=planned_units)
        spent = alpha_spent(units / planned_units, alpha=alpha)
        return _assemble(a, b, found, lift, wide=wide, p=p, kind=kind, cuped=cuped, method=METHOD, spent=spent)


def estimate_decision(
    control: Moments | Summary,
    treatment: Moments | Summary,
    *,
    kind: MetricKind,
    alpha: float,
    planned_units: float,
    rule: DecisionRule = "hybrid",
    looks: tuple[float, ...] = (),
    cuped: bool = False,
) -> Estimate:
    """The decision, to be read once, when `planned_units` are reached; before that its status is not_yet.

    hybrid: the live interval may have been watched at every event before, at the full alpha; what is claimed first,
    live or here, errs in at most alpha (see `hybrid.decision_multiplier`).
    spending: claims were made before only at `looks` (fractions of the planned units, increasing, below 1) with
    O'Brien-Fleming bounds; the live interval is then only shown.
    Raises UnusableLooks.
    """
    return estimate_decision_all(
        control,
        treatment,
        kind=kind,
        alpha=alpha,
        planned_units=planned_units,
        rule=rule,
        looks=looks,
        cuped=cuped,
    ).at()


def estimate_decision_all(
    control: Moments | Summary,
    treatment: Moments | Summary,
    *,
    kind: MetricKind,
    alpha: float,
    planned_units: float,
    rule: DecisionRule = "hybrid",
    looks: tuple[float, ...] = (),
    cuped: bool = False,
) -> Estimates:
    """`estimate_decision` of many metrics at once."""
    if looks and rule == "hybrid":
        raise UnusableLooks("the hybrid decision allows for every look; give `looks` only with the spending rule")
    a, b = as_moments(control), as_moments(treatment)
    units = a.n + b.n
    with np.errstate(all="ignore"):
        if rule == "hybrid":
            wide = decision_multiplier(units / planned_units, alpha=alpha)
        else:
            wide = np.full(units.shape, final_bound(tuple(looks), alpha))
        found, lift = _contrasts(a, b, kind, cuped)
        codes = hidden(a, b, kind, found.codes, MINIMUM_UNITS)
        waiting = (units < planned_units) & (codes != CODE["unusable"])
        found = with_codes(found, np.where(waiting, CODE["not_yet"], codes))
        # The decision claims by its interval alone: a p-value would be that of looks at other levels, never taken.
        p = np.full(units.shape, np.nan)
        method = HYBRID if rule == "hybrid" else SPENDING
        spent = np.where(found.codes == CODE["not_yet"], np.nan, alpha)
        return _assemble(a, b, found, lift, wide=wide, p=p, kind=kind, cuped=cuped, method=method, spent=spent)


def estimate_fixed(
    control: Moments | Summary,
    treatment: Moments | Summary,
    *,
    kind: MetricKind,
    alpha: float,
    cuped: bool = False,
) -> Estimate:
    """The textbook's answer for one look at a moment fixed in advance: wrong for whoever looks more often."""
    return estimate_fixed_all(control, treatment, kind=kind, alpha=alpha, cuped=cuped).at()


def estimate_fixed_all(
    control: Moments | Summary,
    treatment: Moments | Summary,
    *,
    kind: MetricKind,
    alpha: float,
    cuped: bool = False,
) -> Estimates:
    """`estimate_fixed` of many metrics at once."""
    a, b = as_moments(control), as_moments(treatment)
    with np.errstate(all="ignore"):
        found, lift = _contrasts(a, b, kind, cuped)
        bounds = welch(found, alpha=alpha)
        wide = np.where(found.codes == 0, (bounds.upper - found.effect) / found.error, fixed_multiplier(alpha))
        spent = np.full(a.n.shape, alpha)
        return _assemble(
            a, b, found, lift, wide=wide, p=bounds.p_value, kind=kind, cuped=cuped, method=FIXED, spent=spent
        )


def _contrasts(a: Moments, b: Moments, kind: MetricKind, cuped: bool) -> tuple[Contrast, Contrast]:
    return (
        contrast(a, b, kind=kind, cuped=cuped),
        contrast(a, b, kind=kind, cuped=cuped, relative=True),
    )


def hidden(a: Moments, b: Moments, kind: MetricKind, codes: NDArray[np.int8], minimum_units: int) -> NDArray[np.int8]:
    """The reasons for which numbers that could be computed are not shown yet, before those for which they cannot."""
    if kind == "conversion":
        converted = np.round(a.n * a.means[..., 0] + b.n * b.means[..., 0])
        few = np.minimum(converted, a.n + b.n - converted) < MINIMUM_EVENTS
        countable = (codes == 0) | (codes == CODE["zero_variance"])
        codes = np.where(countable & few, CODE["too_few_conversions"], codes)
    unknowable = (codes == CODE["unusable"]) | (codes == CODE["no_units"]) | (codes == CODE["insufficient_data"])
    return np.where(~unknowable & (np.minimum(a.n, b.n) < minimum_units), CODE["too_few_units"], codes)


def with_codes(found: Contrast, codes: NDArray[np.int8]) -> Contrast:
    """The contrast with other reasons, and no error where one of them holds."""
    shown = np.where(codes == 0, 1.0, np.nan)
    return Contrast(
        codes.astype(np.int8),
        found.effect,
        found.error * shown,
        found.df * shown,
        found.of_control,
        found.of_treatment,
        found.n,
        found.theta,
    )


def _assemble(
    a: Moments,
    b: Moments,
    found: Contrast,
    lift: Contrast,
    *,
    wide: Floats,
    p: Floats,
    kind: MetricKind,
    cuped: bool,
    method: str,
    spent: Floats,
) -> Estimates:
    half, lift_half = wide * found.error, wide * lift.error
    beyond = (found.codes == 0) & ~(np.isfinite(found.effect - half) & np.isfinite(found.effect + half))
    found = with_codes(found, np.where(beyond, CODE["unusable"], found.codes))
    shown = np.where(found.codes == 0, 1.0, np.nan)
    lift_known = np.isfinite(lift.effect - lift_half) & np.isfinite(lift.effect + lift_half)
    lifted = np.where((found.codes == 0) & lift_known & (baseline(a, kind=kind) > 0), 1.0, np.nan)
    small_lower, small_upper = _small_sample(a, b, found, wide, kind)
    return Estimates(
        codes=found.codes,
        effect=found.effect,
        error=found.error * shown,
        lower=(found.effect - half) * shown,
        upper=(found.effect + half) * shown,
        p_value=p * shown,
        multiplier=wide,
        lift=lift.effect * lifted,
        lift_lower=(lift.effect - lift_half) * lifted,
        lift_upper=(lift.effect + lift_half) * lifted,
        small_lower=small_lower,
        small_upper=small_upper,
        alpha_spent=spent,
        variance_reduction=_gain(a, b, found, kind) if cuped else np.full(found.effect.shape, np.nan),
        method=method,
    )


def _small_sample(a: Moments, b: Moments, found: Contrast, wide: Floats, kind: MetricKind) -> tuple[Floats, Floats]:
    """Newcombe's interval where a conversion's main interval is withheld for want of units or conversions."""
    reasons = [CODE["too_few_units"], CODE["too_few_conversions"], CODE["zero_variance"], CODE["insufficient_data"]]
    withheld = np.isin(found.codes, reasons) if kind == "conversion" else np.zeros(found.codes.shape, dtype=bool)
    if not withheld.any():
        nothing = np.full(found.effect.shape, np.nan)
        return nothing, nothing
    rates = np.minimum(a.means[..., 0], 1.0), np.minimum(b.means[..., 0], 1.0)
    lower, upper = newcombe_at(a.n * rates[0], a.n, b.n * rates[1], b.n, multiplier=wide)
    known = withheld & np.isfinite(found.effect)
    return (
        np.where(known, np.minimum(lower, found.effect), np.nan),
        np.where(known, np.maximum(upper, found.effect), np.nan),
    )


def _gain(a: Moments, b: Moments, found: Contrast, kind: MetricKind) -> Floats:
    """1 - variance with CUPED / variance without."""
    plain = contrast(a, b, kind=kind)
    return 1 - (found.error / plain.error) ** 2
