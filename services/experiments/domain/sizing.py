"""How large an experiment has to be, and how long that takes at the present traffic. Pure."""

from math import ceil, sqrt

from scipy.special import ndtri

from libs.runtime.problems import Invalid
from services.experiments.domain.against_baseline import live_multiplier_at_planned
from services.experiments.domain.plan import Plan
from services.experiments.statistics.sample_size import Split, units_for_conversion, units_for_mean

MAX_PLANNED_UNITS = 1_000_000_000


class PlanTooLarge(Invalid):
    """No product has so many units as this plan needs."""

    def __init__(self) -> None:
        super().__init__(f"this plan needs more than {MAX_PLANNED_UNITS:,} units; look for a larger effect")


def planned_units(plan: Plan) -> int:
    """Units over all arms at which the decision has the registered power, for the comparison that needs most.

    Of two arms or more: with the decision that is made at the planned size while everybody has looked before (see
    `statistics/hybrid.py`). Of one arm: with the live interval, or with Wilson's for counts that a person enters.
    Raises PlanTooLarge.
    """
    if len(plan.arms) == 1:
        found = _one_arm(plan)
    else:
        control, *others = plan.shares
        found = max(_two_arms(plan, Split(control, share)) for share in others)
    if not found <= MAX_PLANNED_UNITS:
        raise PlanTooLarge
    return ceil(found)


def planned_days(plan: Plan, units: int, units_per_day: float | None) -> float | None:
    """How long it takes until the units are there and the minimum of days is over; None at unknown traffic."""
    if not units_per_day or not plan.traits.observed:
        return None
    return max(units / units_per_day, plan.minimum_days)


def _two_arms(plan: Plan, split: Split) -> float:
    alpha, power, effect = plan.alpha_per_comparison, plan.power, plan.minimum_detectable_effect
    if plan.baseline_deviation is not None:
        deviation = plan.baseline_deviation
        if (deviation / effect) ** 2 > MAX_PLANNED_UNITS:
            raise PlanTooLarge
        return units_for_mean(split, deviation=deviation, effect=effect, alpha=alpha, power=power, rule="hybrid")
    if (plan.baseline * (1 - plan.baseline) / effect**2) > MAX_PLANNED_UNITS:
        raise PlanTooLarge
    return units_for_conversion(
        split, baseline=plan.baseline, treated=plan.hoped_for, alpha=alpha, power=power, rule="hybrid"
    )


def _one_arm(plan: Plan) -> float:
    """(z_a·s_0 + z_b·s_1)² / d², s the deviations per unit at the baseline and at what is hoped for.

    Source: Fleiss, Levin and Paik, "Statistical Methods for Rates and Proportions", 3rd ed., §2.5 (without continuity
    correction), with z_a that of the interval which decides.
    """
    z_alpha = live_multiplier_at_planned(plan.alpha) if plan.traits.observed else float(ndtri(1 - plan.alpha / 2))
    if plan.baseline_deviation is not None:
        before = after = plan.baseline_deviation
    else:
        before, after = (sqrt(rate * (1 - rate)) for rate in (plan.baseline, plan.hoped_for))
    ratio = (z_alpha * before + float(ndtri(plan.power)) * after) / plan.minimum_detectable_effect
    return ratio**2 if ratio < 1e9 else float("inf")
