"""Which effects an experiment of a given size will probably see."""

from math import sqrt
from typing import Literal

import numpy as np
from scipy.special import nctdtr, ndtr, ndtri, stdtrit

from services.experiments.statistics.intervals import Alternative, relative_error_of_means
from services.experiments.statistics.moments import Floats
from services.experiments.statistics.roots import bisect
from services.experiments.statistics.sample_size import Rule, Split, critical, rate_spreads

Direction = Literal["increase", "decrease"]


def power_for_conversion(
    split: Split,
    *,
    units: float,
    baseline: float,
    treated: float,
    alpha: float,
    rule: Rule = "fixed",
    both_tails: bool = False,
) -> float:
    """The probability that rates `baseline` and `treated` are told apart with `units` over all arms.

    Φ( (|p_t - p_c|·sqrt(n) - z·s_0) / s_1 ), s_0 and s_1 as in `units_for_conversion`, whose inverse this is;
    `both_tails` adds that of a claim in the wrong direction, as statsmodels does.
    """
    null, alternative = rate_spreads(split, baseline=baseline, treated=treated)
    shift, bound = abs(treated - baseline) * sqrt(units) / alternative, critical(alpha, rule) * null / alternative
    return float(ndtr(shift - bound)) + (float(ndtr(-shift - bound)) if both_tails else 0.0)


def power_for_mean(
    split: Split, *, units: float, deviation: float, effect: float, alpha: float, rule: Rule = "fixed"
) -> float:
    """The probability that a difference of `effect` is seen with `units` over all arms; inverse of `units_for_mean`."""
    error = deviation * sqrt((1 / split.control + 1 / split.treatment) / units)
    return float(ndtr(abs(effect) / error - critical(alpha, rule)))


def mde_for_conversion(
    split: Split,
    *,
    units: float,
    baseline: float,
    alpha: float,
    power: float,
    direction: Direction = "increase",
    rule: Rule = "fixed",
) -> float | None:
    """The smallest absolute change of a rate that `units` see with this power; None if no possible one is seen."""
    room = (1 - baseline if direction == "increase" else baseline) * (1 - 1e-9)
    sign = 1 if direction == "increase" else -1

    def gained(change: Floats) -> Floats:
        given = [
            power_for_conversion(
                split, units=units, baseline=baseline, treated=baseline + sign * one, alpha=alpha, rule=rule
            )
            for one in change
        ]
        return np.array(given) - power

    if room <= 0 or gained(np.array([room]))[0] < 0:
        return None
    return float(bisect(gained, np.zeros(1), np.array([room]))[0])


def mde_for_mean(
    split: Split, *, units: float, deviation: float, alpha: float, power: float, rule: Rule = "fixed"
) -> float:
    """The smallest absolute difference of means that `units` see with this power: (z_a + z_b)·standard error."""
    error = deviation * sqrt((1 / split.control + 1 / split.treatment) / units)
    return (critical(alpha, rule) + float(ndtri(power))) * error


def power_of_t(
    effect: float, *, control: float, treatment: float, alpha: float, alternative: Alternative = "two-sided"
) -> float:
    """Power of Student's t for a difference of `effect` standard deviations, by the noncentral t distribution.

    With n_c + n_t - 2 degrees of freedom and noncentrality effect·sqrt(n_c·n_t/(n_c + n_t)); both tails are counted.
    Source: Cohen, "Statistical Power Analysis for the Behavioral Sciences" (1988), §2; as R's pwr.t2n.test.
    """
    df = control + treatment - 2
    noncentrality = effect * sqrt(control * treatment / (control + treatment))
    if alternative == "less":
        return power_of_t(-effect, control=control, treatment=treatment, alpha=alpha, alternative="greater")
    bound = float(-stdtrit(df, alpha / 2 if alternative == "two-sided" else alpha))
    above = float(nctdtr(df, -noncentrality, -bound))
    return above + float(nctdtr(df, noncentrality, -bound)) if alternative == "two-sided" else above


def units_per_arm_of_t(
    effect: float, *, power: float, alpha: float, alternative: Alternative = "two-sided", ratio: float = 1.0
) -> float:
    """Units of the control (the treatment has `ratio` times as many) with which Student's t has this power.

    Infinite where there is no effect to be seen. The same as R's power.t.test for `ratio` 1, but for the tail on the
    wrong side, which R leaves out unless strict.
    """
    if effect == 0:
        return float("inf")

    def gained(units: Floats) -> Floats:
        given = [
            power_of_t(effect, control=n, treatment=n * ratio, alpha=alpha, alternative=alternative) for n in units
        ]
        return np.array(given) - power

    largest = 4.0
    while gained(np.array([largest]))[0] < 0 and largest < 1e12:
        largest *= 2
    return float(bisect(gained, np.array([2.0 / (1 + ratio) + 1e-9]), np.array([largest]))[0])


def power_of_lift(
    lift: float,
    *,
    mean: float,
    variance: float,
    control: float,
    treatment: float,
    alpha: float,
    alternative: Alternative = "two-sided",
) -> float:
    """Power to see a relative difference of means, normal distribution, delta-method error at the hoped-for lift."""
    error = relative_error_of_means(mean, variance, lift=lift, control=control, treatment=treatment)
    return power_of_z(lift / error, alpha=alpha, alternative=alternative)


def power_of_z(shift: float, *, alpha: float, alternative: Alternative = "two-sided") -> float:
    """The probability that z is beyond its critical value if its mean is `shift`."""
    if alternative == "two-sided":
        bound = float(-ndtri(alpha / 2))
        return float(ndtr(shift - bound) + ndtr(-shift - bound))
    return float(ndtr((shift if alternative == "greater" else -shift) + ndtri(alpha)))


def mde_of_lift(
    *,
    mean: float,
    variance: float,
    control: float,
    treatment: float,
    alpha: float,
    power: float,
    alternative: Alternative = "two-sided",
) -> float | None:
    """The smallest relative difference of means that is seen with this power: d / error(d) = z_a + z_b.

    A quadratic in d, as the error grows with the lift; None where no lift is large enough, because the error grows as
    fast.
    """
    tail = alpha / 2 if alternative == "two-sided" else alpha
    needed = float(ndtri(power) - ndtri(tail)) ** 2
    of_control, of_treatment = variance / (control * mean**2), variance / (treatment * mean**2)
    # d²·(1 - k) - 2·k·d - (k + k_t) = 0 with k = needed·of_control
    k, rest = needed * of_control, needed * (of_control + of_treatment)
    if k >= 1:
        return None
    return (k + sqrt(k**2 + (1 - k) * rest)) / (1 - k)


def scaling_factor(*, error: float, mde: float, alpha: float, power: float) -> float:
    """How many times the present units must still come until an effect of `mde` is seen with this power.

    power(mde / (error/sqrt(1 + f))) = power, both tails counted; 0 if the units suffice already. Source: gbstats'
    mid-experiment power.
    """
    return max(0.0, (_shift_for(power, alpha) * error / mde) ** 2 - 1)


def _shift_for(power: float, alpha: float) -> float:
    def gained(shift: Floats) -> Floats:
        return np.array([power_of_z(float(one), alpha=alpha) - power for one in shift])

    return float(bisect(gained, np.zeros(1), np.array([80.0]))[0])
