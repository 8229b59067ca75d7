"""The vectors' methods on plans, bounds, several p-values and streamed numbers."""

from collections.abc import Callable
from math import ceil, sqrt
from re import search
from typing import Literal

import numpy as np
from scipy.special import ndtri

from services.experiments.statistics.confidence_sequence import multipliers, one_sided_multipliers
from services.experiments.statistics.group_sequential import (
    Spending,
    hwang_shih_decani,
    obrien_fleming,
    pocock,
    power_family,
    spending_bounds,
)
from services.experiments.statistics.multiple import benjamini_hochberg, bonferroni, holm
from services.experiments.statistics.power import (
    mde_of_lift,
    power_for_conversion,
    power_of_lift,
    power_of_t,
    scaling_factor,
    units_per_arm_of_t,
)
from services.experiments.statistics.sample_size import Split, critical, rate_spreads
from services.experiments.statistics.summary import Summary
from services.experiments.statistics.vector_effects import lift_error
from services.experiments.statistics.vector_input import Json, UnusableVector, Vector, number, numbers, part, rows

_MOST_VALUES = 10_000_000


def multiple_testing(vector: Vector) -> Json:
    p, alpha = numbers(vector.settings, "p_values", "settings"), vector.alpha
    if min(p) < 0 or max(p) > 1:
        raise UnusableVector("settings.p_values must lie between 0 and 1")
    found = {"bh": benjamini_hochberg(p), "holm": holm(p), "bonferroni": bonferroni(p)}
    answer: Json = {f"{name}_adjusted": values for name, values in found.items()}
    return answer | {f"{name}_reject": values <= alpha for name, values in found.items()}


def group_sequential(vector: Vector) -> Json:
    fractions = numbers(vector.settings, "information_fractions", "settings")
    sides: Literal[1, 2] = 1 if vector.setting("sides", 2) == 1 else 2
    return {"z_bound": spending_bounds(fractions, alpha=vector.alpha, sides=sides, spending=_spending(vector))}


def _spending(vector: Vector) -> Spending:
    """The spending function that the words name."""
    words = str(vector.settings.get("spending", "O'Brien-Fleming")).lower()
    exponent = search(r"t\s*\^\s*([0-9.]+)", words)
    gamma = search(r"gamma\s*=?\s*(-?[0-9.]+)", words)
    if "brien" in words or "obf" in words:
        return obrien_fleming
    if "pocock" in words:
        return pocock
    if gamma and ("hwang" in words or "hsd" in words):
        return hwang_shih_decani(float(gamma[1]))
    if exponent:
        return power_family(float(exponent[1]))
    if "linear" in words:
        return power_family(1.0)
    raise UnusableVector("settings.spending must name O'Brien-Fleming, Pocock, a power t^k, or Hwang-Shih-DeCani gamma")


def two_sided_boundary(vector: Vector) -> Json:
    n, tuning, alpha = _boundary_rows(vector)
    pairs = zip(n, tuning, alpha, strict=True)
    return {"z_multiplier": [multipliers(one, alpha=level, planned_units=at) for one, at, level in pairs]}


def one_sided_boundary(vector: Vector) -> Json:
    n, tuning, alpha = _boundary_rows(vector)
    pairs = zip(n, tuning, alpha, strict=True)
    return {"z_multiplier": [one_sided_multipliers(one, alpha=level, planned_units=at) for one, at, level in pairs]}


def _boundary_rows(vector: Vector) -> tuple[list[float], list[float], list[float]]:
    given = rows(vector.settings, "rows_n_tuning_alpha", "settings")
    if any(len(row) != 3 or row[0] <= 0 or row[1] <= 0 or not 0 < row[2] < 1 for row in given):
        raise UnusableVector("settings.rows_n_tuning_alpha are [n, tuning, alpha] with n and tuning above 0")
    n, tuning, alpha = (list(column) for column in zip(*given, strict=True))
    return n, tuning, alpha


def streaming_moments(vector: Vector) -> Json:
    """Mean and standard deviation of a generated series, one value at a time."""
    generator = part(vector.settings, "generator", "settings")
    count = number(generator, "n", "settings.generator")
    turns = numbers(generator, "then_alternating", "settings.generator")
    if not 2 <= count <= _MOST_VALUES or count != int(count):
        raise UnusableVector(f"settings.generator.n must be a whole number from 2 to {_MOST_VALUES}")
    summary = Summary().add(number(generator, "first", "settings.generator"))
    for index in range(int(count) - 1):
        summary = summary.add(turns[index % len(turns)])
    return {"n": summary.n, "mean": summary.mean, "stddev": sqrt(summary.variance)}


def _tail(vector: Vector) -> float:
    """The alpha that a two-sided test would have whose one tail is this test's."""
    return vector.alpha if vector.alternative == "two-sided" else min(2 * vector.alpha, 1 - 1e-12)


def size_proportions(vector: Vector) -> Json:
    control, treatment = vector.share("p_control"), vector.share("p_treatment")
    ratio = vector.positive("ratio", 1.0)
    if control == treatment:
        raise UnusableVector("settings.p_control and p_treatment must differ, or no number of units suffices")
    null, other = rate_spreads(Split(1, ratio), baseline=control, treated=treatment)
    reached = critical(_tail(vector)) * null + float(ndtri(vector.share("power", 0.8))) * other
    n = max(reached, 0.0) ** 2 / (treatment - control) ** 2
    return {"n_per_arm": n, "n_control": n, "n_treatment": n * ratio, "n_per_arm_whole": ceil(n)}


def power_proportions(vector: Vector) -> Json:
    n_c, n_t = vector.positive("n_control"), vector.positive("n_treatment")
    split = Split(n_c / (n_c + n_t), n_t / (n_c + n_t))
    baseline, treated = vector.share("p_control"), vector.share("p_treatment")
    found = power_for_conversion(
        split,
        units=n_c + n_t,
        baseline=baseline,
        treated=treated,
        alpha=_tail(vector),
        both_tails=vector.alternative == "two-sided",
    )
    return {"power": found}


def size_means(vector: Vector) -> Json:
    effect = vector.setting("effect_over_sd")
    ratio = vector.positive("ratio", 1.0)
    power, alternative = vector.share("power", 0.8), vector.alternative
    n = units_per_arm_of_t(effect, power=power, alpha=vector.alpha, alternative=alternative, ratio=ratio)
    return {"n_per_arm": n, "n_control": n, "n_treatment": n * ratio}


def power_means(vector: Vector) -> Json:
    n_c, n_t = vector.positive("n_control"), vector.positive("n_treatment")
    if n_c + n_t <= 2:
        raise UnusableVector("settings.n_control and n_treatment must be more than 2 together")
    effect = vector.setting("effect_over_sd")
    found = power_of_t(effect, control=n_c, treatment=n_t, alpha=vector.alpha, alternative=vector.alternative)
    return {"power": found}


def _lift_design(vector: Vector) -> dict[str, float]:
    mean = vector.setting("mean_control")
    if mean == 0:
        raise UnusableVector("settings.mean_control must not be 0: there is no lift over it")
    n = vector.positive("n_per_arm")
    return {"mean": mean, "variance": vector.positive("variance"), "control": n, "treatment": n}


def power_lift(vector: Vector) -> Json:
    lift = vector.setting("relative_effect")
    found = power_of_lift(lift, **_lift_design(vector), alpha=vector.alpha, alternative=vector.alternative)
    return {"power": found}


def mde_lift(vector: Vector) -> Json:
    power = vector.share("power", 0.8)
    found = mde_of_lift(**_lift_design(vector), alpha=vector.alpha, power=power, alternative=vector.alternative)
    return {"mde_relative": found}


def scaling(vector: Vector) -> Json:
    arms = [part(vector.settings, name, "settings") for name in ("control", "treatment")]
    error = float(lift_error(*arms))
    if np.isnan(error):
        return {"scaling_factor": np.nan, "status": "insufficient_data"}
    mde, power = vector.positive("target_mde_relative"), vector.share("power", 0.8)
    return {"scaling_factor": scaling_factor(error=error, mde=mde, alpha=vector.alpha, power=power)}


DESIGNS: dict[str, Callable[[Vector], Json]] = {
    "multiple_testing": multiple_testing,
    "group_sequential_bounds": group_sequential,
    "normal_mixture_boundary_two_sided_exact": two_sided_boundary,
    "normal_mixture_boundary_one_sided_exact": one_sided_boundary,
    "streaming_moments": streaming_moments,
    "sample_size_proportions": size_proportions,
    "power_proportions": power_proportions,
    "sample_size_means": size_means,
    "power_means": power_means,
    "power_relative_means": power_lift,
    "mde_relative_means": mde_lift,
    "mid_experiment_scaling_factor": scaling,
}
