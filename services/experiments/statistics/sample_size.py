"""How many units an experiment needs, by the textbook formulas for one look at the end."""

from dataclasses import dataclass
from math import ceil, sqrt

from scipy.special import ndtri


@dataclass(frozen=True, slots=True)
class Split:
    """The shares of all units that the two compared arms receive."""

    control: float
    treatment: float


def units_for_conversion(split: Split, *, baseline: float, treated: float, alpha: float, power: float) -> int:
    """Units over all arms so that rates `baseline` and `treated` are told apart, two-sided.

    (z_a·sqrt(p·q·(1/w_c + 1/w_t)) + z_b·sqrt(p_c·q_c/w_c + p_t·q_t/w_t))² / (p_t - p_c)², p the arms' common rate.
    Source: Fleiss, Levin and Paik, "Statistical Methods for Rates and Proportions", 3rd ed., §4 (without continuity
    correction); the same numbers as R's power.prop.test for equal arms.
    """
    common = (split.control * baseline + split.treatment * treated) / (split.control + split.treatment)
    null = common * (1 - common) * (1 / split.control + 1 / split.treatment)
    alternative = baseline * (1 - baseline) / split.control + treated * (1 - treated) / split.treatment
    return ceil((_z(1 - alpha / 2) * sqrt(null) + _z(power) * sqrt(alternative)) ** 2 / (treated - baseline) ** 2)


def units_for_mean(split: Split, *, deviation: float, effect: float, alpha: float, power: float) -> int:
    """Units over all arms so that a difference of `effect` is seen when both arms deviate by `deviation`, two-sided.

    (z_a + z_b)² · s² · (1/w_c + 1/w_t) / d². Source: Armitage, Berry and Matthews, "Statistical Methods in Medical
    Research", 4th ed., §18.
    """
    spread = deviation**2 * (1 / split.control + 1 / split.treatment)
    return ceil((_z(1 - alpha / 2) + _z(power)) ** 2 * spread / effect**2)


def _z(probability: float) -> float:
    return float(ndtri(probability))
