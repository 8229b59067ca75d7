"""How many units an experiment needs, for one look at the end or for the interval that will decide."""

from dataclasses import dataclass
from math import ceil, sqrt
from typing import Literal

from scipy.special import ndtri

from services.experiments.statistics.confidence_sequence import multiplier
from services.experiments.statistics.hybrid import decision_multiplier

Rule = Literal["fixed", "hybrid", "live"]


@dataclass(frozen=True, slots=True)
class Split:
    """The shares of all units that the two compared arms receive."""

    control: float
    treatment: float


def critical(alpha: float, rule: Rule = "fixed") -> float:
    """Standard errors by which the interval that decides reaches out at the planned size.

    fixed: the textbook's single look. hybrid: the one decision after looking at any time (`estimate_decision`).
    live: the interval that may be looked at any time, so that the effect is probably claimed by the planned size.
    """
    if rule == "fixed":
        return float(-ndtri(alpha / 2))
    return (
        float(decision_multiplier(1.0, alpha=alpha))
        if rule == "hybrid"
        else multiplier(1, alpha=alpha, planned_units=1)
    )


def units_for_conversion(
    split: Split, *, baseline: float, treated: float, alpha: float, power: float, rule: Rule = "fixed"
) -> int:
    """Units over all arms so that rates `baseline` and `treated` are told apart, two-sided.

    (z_a·sqrt(p·q·(1/w_c + 1/w_t)) + z_b·sqrt(p_c·q_c/w_c + p_t·q_t/w_t))² / (p_t - p_c)², p the arms' common rate.
    Source: Fleiss, Levin and Paik, "Statistical Methods for Rates and Proportions", 3rd ed., §4 (without continuity
    correction); the same numbers as R's power.prop.test for equal arms. Other rules put their multiplier for z_a.
    """
    null, alternative = rate_spreads(split, baseline=baseline, treated=treated)
    z = critical(alpha, rule) * null + float(ndtri(power)) * alternative
    return ceil(z**2 / (treated - baseline) ** 2)


def units_for_mean(
    split: Split, *, deviation: float, effect: float, alpha: float, power: float, rule: Rule = "fixed"
) -> int:
    """Units over all arms so that a difference of `effect` is seen when both arms deviate by `deviation`, two-sided.

    (z_a + z_b)² · s² · (1/w_c + 1/w_t) / d². Source: Armitage, Berry and Matthews, "Statistical Methods in Medical
    Research", 4th ed., §18.
    """
    spread = deviation**2 * (1 / split.control + 1 / split.treatment)
    return ceil((critical(alpha, rule) + float(ndtri(power))) ** 2 * spread / effect**2)


def rate_spreads(split: Split, *, baseline: float, treated: float) -> tuple[float, float]:
    """Standard deviation of a difference of rates times sqrt(units): if the rates are equal, and if they are not."""
    common = (split.control * baseline + split.treatment * treated) / (split.control + split.treatment)
    null = common * (1 - common) * (1 / split.control + 1 / split.treatment)
    alternative = baseline * (1 - baseline) / split.control + treated * (1 - treated) / split.treatment
    return sqrt(null), sqrt(alternative)
