"""The vectors' methods on means, ratios and CUPED: one look, or any time."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from services.experiments.statistics.bayes import Prior, expected_losses, gaussian_posterior
from services.experiments.statistics.confidence_sequence import (
    multipliers,
    one_sided_multipliers,
    one_sided_multipliers_approximate,
    one_sided_p_values,
    one_sided_p_values_approximate,
    p_values,
    running_minimum,
)
from services.experiments.statistics.contrast import CODE, STATUSES, Contrast, contrast, pooled_theta
from services.experiments.statistics.intervals import around, fixed_multiplier, student, welch
from services.experiments.statistics.moments import Floats, Moments
from services.experiments.statistics.noninferiority import equivalence, mean_noninferiority
from services.experiments.statistics.quantiles import ArmQuantile, quantile_difference
from services.experiments.statistics.vector_input import Json, UnusableVector, Vector, number, of_sums, part

_UNCLAIMED = ("ci_lower", "ci_upper", "p_value")


def _two_arms(read: Callable[[str], Moments]) -> tuple[Moments, Moments]:
    return read("control"), read("treatment")


def _plain_contrast(vector: Vector) -> Contrast:
    return contrast(*_two_arms(vector.moments), kind=vector.kind, relative=vector.relative)


def _status(found: Contrast) -> Json:
    """Why an answer is withheld; nothing where it is not."""
    status = STATUSES[int(found.codes)]
    return {} if status == "ok" else {"status": status}


def _welch(found: Contrast, vector: Vector) -> Json:
    bounds = welch(found, alpha=vector.alpha, alternative=vector.alternative)
    answer = {"effect": found.effect, "se": found.error, "df": found.df}
    return {
        **answer,
        "ci_lower": bounds.lower,
        "ci_upper": bounds.upper,
        "p_value": bounds.p_value,
        **_status(found),
    }


def welch_t(vector: Vector) -> Json:
    return _welch(_plain_contrast(vector), vector)


def student_t(vector: Vector) -> Json:
    found = student(*_two_arms(vector.moments), alpha=vector.alpha, alternative=vector.alternative)
    bounds = found.bounds
    p_value, df = bounds.p_value, found.df
    return {
        "statistic": found.statistic,
        "p_value": p_value,
        "df": df,
        "ci_lower": bounds.lower,
        "ci_upper": bounds.upper,
    }


def ratio_welch(vector: Vector) -> Json:
    arms = _two_arms(vector.moments_of_ratio)
    return _welch(contrast(*arms, kind="ratio", relative=vector.relative), vector)


def ratio_cuped_welch(vector: Vector) -> Json:
    arms = _two_arms(vector.moments_of_ratio_with_pre)
    found = contrast(*arms, kind="ratio", cuped=True, relative=vector.relative)
    return {**_welch(found, vector), "theta": found.theta}


def cuped_welch(vector: Vector) -> Json:
    arms = _two_arms(vector.moments_with_pre)
    found = contrast(*arms, kind="mean", cuped=True, relative=vector.relative)
    return {**_welch(found, vector), "theta": found.theta}


def cuped_theta(vector: Vector) -> Json:
    return {"theta": pooled_theta(*_two_arms(vector.moments_with_pre), kind="mean")}


def edge_status(vector: Vector) -> Json:
    """Welch's answer, or the status with which it is withheld; the effect itself where it exists."""
    answer = welch_t(vector)
    found = _plain_contrast(vector)
    if found.codes == CODE["zero_baseline"]:
        return {"status": "zero_baseline", "effect": np.nan, **dict.fromkeys(_UNCLAIMED, np.nan)}
    return {"status": "ok", **answer}


def _sequence(found: Contrast, vector: Vector, approximate: bool = False) -> Json:
    """Interval and p-value at any time, two-sided or one-sided."""
    tuning = vector.positive("tuning_n")
    alternative, alpha = vector.alternative, vector.alpha
    if alternative == "two-sided":
        z = multipliers(found.n, alpha=alpha, planned_units=tuning)
        p = p_values(found.z, found.n, alpha=alpha, planned_units=tuning)
    else:
        toward = found.z if alternative == "greater" else -found.z
        bound = one_sided_multipliers_approximate if approximate else one_sided_multipliers
        p_of = one_sided_p_values_approximate if approximate else one_sided_p_values
        z = bound(found.n, alpha=alpha, planned_units=tuning)
        p = p_of(toward, found.n, alpha=alpha, planned_units=tuning)
    lower, upper = around(found.effect, z * found.error, alternative=alternative)
    return {
        "effect": found.effect,
        "se": found.error,
        "ci_lower": lower,
        "ci_upper": upper,
        "p_value": p + 0 * found.error,
        "z_multiplier": z,
        **_status(found),
    }


def always_valid(vector: Vector) -> Json:
    return _sequence(_plain_contrast(vector), vector)


def always_valid_approximate(vector: Vector) -> Json:
    return _sequence(_plain_contrast(vector), vector, approximate=True)


def always_valid_cuped(vector: Vector) -> Json:
    arms = _two_arms(vector.moments_with_pre)
    return _sequence(contrast(*arms, kind="mean", cuped=True, relative=vector.relative), vector)


def always_valid_ratio(vector: Vector) -> Json:
    return _sequence(contrast(*_two_arms(vector.moments_of_ratio), kind="ratio", relative=vector.relative), vector)


def always_valid_ratio_cuped(vector: Vector) -> Json:
    arms = _two_arms(vector.moments_of_ratio_with_pre)
    return _sequence(contrast(*arms, kind="ratio", cuped=True, relative=vector.relative), vector)


def trajectory(vector: Vector) -> Json:
    """The interval at each checkpoint, and where each method first claims something."""
    checkpoints = part(vector.arms, "checkpoints", "arms")
    if not isinstance(checkpoints, list) or not checkpoints:
        raise UnusableVector("arms.checkpoints must be a list of {control, treatment}")
    reads = [
        Vector({"method": vector.method, "arms": arms, "settings": vector.settings})
        if isinstance(arms, dict)
        else _no_checkpoint(index)
        for index, arms in enumerate(checkpoints)
    ]
    control = Moments.stack([read.moments("control") for read in reads])
    treatment = Moments.stack([read.moments("treatment") for read in reads])
    found = contrast(control, treatment, kind=vector.kind, relative=vector.relative)
    z = multipliers(found.n, alpha=vector.alpha, planned_units=vector.positive("tuning_n"))
    p = p_values(found.z, found.n, alpha=vector.alpha, planned_units=vector.positive("tuning_n"))
    lower, upper = around(found.effect, z * found.error)
    claimed = np.flatnonzero((lower > 0) | (upper < 0))
    naive = np.flatnonzero(np.abs(found.z) > fixed_multiplier(vector.alpha))
    said = str(vector.settings.get("p") or "")
    return {
        "effect": found.effect,
        "ci_lower": lower,
        "ci_upper": upper,
        "p_value": running_minimum(np.nan_to_num(p, nan=1.0)) if "running minimum" in said else p,
        "running_p_value": running_minimum(np.nan_to_num(p, nan=1.0)),
        "first_always_valid_rejection_index": int(claimed[0]) if claimed.size else None,
        "first_naive_rejection_index": int(naive[0]) if naive.size else None,
        "final_naive_z": found.z[-1],
    }


def _no_checkpoint(index: int) -> Any:
    raise UnusableVector(f"arms.checkpoints[{index}] must be an object with control and treatment")


def noninferiority_mean(vector: Vector) -> Json:
    found = mean_noninferiority(
        *_two_arms(vector.moments),
        margin=vector.setting("margin_absolute"),
        alpha=vector.share("alpha_one_sided", 0.05),
        higher_is_better=bool(vector.settings.get("higher_is_better", True)),
    )
    return {
        "t": found.statistic,
        "df": found.df,
        "p_value": found.p_value,
        "non_inferior": found.non_inferior,
        **_status(_plain_contrast(vector)),
    }


def equivalence_tost(vector: Vector) -> Json:
    found = equivalence(*_two_arms(vector.moments), margin=vector.setting("margin_absolute"), alpha=vector.alpha)
    return {
        "effect": found.effect,
        "p_value": found.p_value,
        "equivalent": found.equivalent,
        **_status(_plain_contrast(vector)),
    }


def bayes_gaussian(vector: Vector) -> Json:
    found = _plain_contrast(vector)
    if found.codes != CODE["ok"]:
        keys = ("posterior_sd", "chance_to_win", "ci_lower", "ci_upper", "risk_control", "risk_treatment")
        return {"effect": found.effect, **dict.fromkeys(keys, np.nan), **_status(found)}
    return _posterior(float(found.effect), float(found.error), vector)


def _posterior(effect: float, error: float, vector: Vector) -> Json:
    posterior = gaussian_posterior(effect, error, alpha=vector.alpha, prior=_prior(vector))
    return {
        "effect": posterior.effect,
        "posterior_sd": posterior.deviation,
        "chance_to_win": posterior.chance_to_win,
        "ci_lower": posterior.lower,
        "ci_upper": posterior.upper,
        "risk_control": posterior.loss_of_staying,
        "risk_treatment": posterior.loss_of_shipping,
    }


def _prior(vector: Vector) -> Prior | None:
    given = vector.settings.get("prior")
    if given is None:
        return None
    variance = number(given, "variance", "settings.prior")
    if variance <= 0:
        raise UnusableVector(f"settings.prior.variance must be above 0, not {variance}")
    return Prior(number(given, "mean", "settings.prior"), variance)


def normal_losses(vector: Vector) -> Json:
    staying, shipping = expected_losses(vector.setting("mu"), vector.positive("sigma"))
    return {"risk_control": staying, "risk_treatment": shipping}


def quantile(vector: Vector) -> Json:
    arms = [_arm_quantile(vector, name) for name in ("control", "treatment")]
    found = quantile_difference(arms[0], arms[1], relative=vector.relative)
    if found is None or not found[1] > 0:
        effect = np.nan if found is None else found[0]
        return {"effect": effect, "ci_lower": np.nan, "ci_upper": np.nan, "status": "zero_variance"}
    answer = _posterior(*found, vector)
    bounds = {key: answer[key] for key in ("effect", "ci_lower", "ci_upper")}
    return {**answer, "se": found[1]} if vector.settings.get("prior") else {**bounds, "se": found[1]}


def _arm_quantile(vector: Vector, name: str) -> ArmQuantile:
    arm, where = vector.arm(name), f"arms.{name}"
    n, value, lower, upper = (number(arm, key, where) for key in ("n", "quantile", "quantile_lower", "quantile_upper"))
    if not (n >= 2 and lower <= value <= upper):
        raise UnusableVector(f"{where} needs n of at least 2, and quantile_lower ≤ quantile ≤ quantile_upper")
    return ArmQuantile(int(n), value, lower, upper)


def lift_error(control: Any, treatment: Any) -> Floats:
    """Standard error of a lift from two arms' sums; NaN where there is none."""
    arms = of_sums(control, "settings.control"), of_sums(treatment, "settings.treatment")
    return contrast(*arms, kind="mean", relative=True).error


EFFECTS: dict[str, Callable[[Vector], Json]] = cast(
    dict[str, Callable[[Vector], Json]],
    {
        "welch_t": welch_t,
        "student_t_equal_var": student_t,
        "ratio_delta_welch": ratio_welch,
        "ratio_cuped_welch": ratio_cuped_welch,
        "cuped_welch": cuped_welch,
        "cuped_theta": cuped_theta,
        "edge_status": edge_status,
        "asymptotic_cs_two_sided": always_valid,
        "asymptotic_cs_one_sided_exact": always_valid,
        "asymptotic_cs_one_sided_approx": always_valid_approximate,
        "asymptotic_cs_two_sided_cuped": always_valid_cuped,
        "asymptotic_cs_two_sided_ratio": always_valid_ratio,
        "asymptotic_cs_two_sided_ratio_cuped": always_valid_ratio_cuped,
        "asymptotic_cs_trajectory": trajectory,
        "noninferiority_mean": noninferiority_mean,
        "equivalence_tost_welch": equivalence_tost,
        "bayes_gaussian_effect": bayes_gaussian,
        "normal_expected_loss": normal_losses,
        "quantile_effect": quantile,
    },
)
