"""The vectors' methods on rates and on counts per arm."""

from collections.abc import Callable
from typing import Literal, cast

import numpy as np

from services.experiments.statistics.bayes import beta_posterior
from services.experiments.statistics.contrast import contrast
from services.experiments.statistics.lift import log_ratio_interval
from services.experiments.statistics.noninferiority import rate_noninferiority
from services.experiments.statistics.proportions import (
    ScoreForm,
    agresti_caffo,
    clopper_pearson,
    log_ratio_of_rates,
    newcombe,
    pooled_z,
    score_interval,
    wald,
    wilson,
)
from services.experiments.statistics.sample_ratio import CONCENTRATION, THRESHOLD, chi_squared, log_bayes_factors
from services.experiments.statistics.vector_input import Json, UnusableVector, Vector, numbers, rows


def z_pooled(vector: Vector) -> Json:
    found = pooled_z(*vector.counts("control"), *vector.counts("treatment"), alternative=vector.alternative)
    return {"effect": found.effect, "z": found.z, "p_value": found.p_value}


def two_rates(vector: Vector) -> Json:
    control, treatment = vector.counts("control"), vector.counts("treatment")
    compare = vector.one_of("compare", "diff", "ratio")
    if compare == "diff":
        method = vector.one_of("ci_method", "newcomb", "newcombe", "agresti-caffo", "wald", "score")
        simple = {"newcomb": newcombe, "newcombe": newcombe, "agresti-caffo": agresti_caffo, "wald": wald}
    else:
        method = vector.one_of("ci_method", "score", "log")
        simple = {"log": log_ratio_of_rates}
    if method in simple:
        lower, upper = simple[method](*control, *treatment, alpha=vector.alpha)
    else:
        corrected = vector.settings.get("small_sample_correction_n_over_n_minus_1")
        lower, upper = score_interval(
            *control,
            *treatment,
            alpha=vector.alpha,
            comparison="difference" if compare == "diff" else "ratio",
            correction=corrected is not False,
            form=_score_form(vector),
        )
    return {"ci_lower": lower, "ci_upper": upper}


def _score_form(vector: Vector) -> ScoreForm:
    """Vectors are compared with statsmodels' numbers, so its form is the default here; only here."""
    return cast(ScoreForm, vector.one_of("score_form", "statsmodels", "miettinen-nurminen"))


def one_rate(vector: Vector) -> Json:
    counts = vector.counts("arm")
    method = vector.one_of("ci_method", "wilson", "clopper-pearson", "beta")
    lower, upper = (wilson if method == "wilson" else clopper_pearson)(*counts, alpha=vector.alpha)
    return {"ci_lower": lower, "ci_upper": upper}


def noninferiority_rate(vector: Vector) -> Json:
    margin = vector.setting("margin_absolute")
    if not 0 <= margin < 1:
        raise UnusableVector(f"settings.margin_absolute of a rate lies from 0 to below 1, not at {margin}")
    found = rate_noninferiority(
        vector.counts("control"),
        vector.counts("treatment"),
        margin=margin,
        alpha=vector.share("alpha_one_sided", 0.05),
        higher_is_better=bool(vector.settings.get("higher_is_better", True)),
        method=cast(Literal["score", "wald"], vector.one_of("test_method", "score", "wald")),
        form=_score_form(vector),
    )
    # The key says 90 because 1 - 2·alpha usually is.
    return {
        "z": found.statistic,
        "p_value": found.p_value,
        "ci90_lower": found.lower,
        "ci90_upper": found.upper,
        "non_inferior": found.non_inferior,
    }


def log_lift(vector: Vector) -> Json:
    """The lift's interval on the logarithm's scale, for one look."""
    arms = vector.moments("control"), vector.moments("treatment")
    status, lift, lower, upper = log_ratio_interval(*arms, kind=vector.kind, alpha=vector.alpha)
    answer = {"effect": lift, "ci_lower": lower, "ci_upper": upper}
    if status == "ok":
        return answer
    reason = str(contrast(*arms, kind=vector.kind).status) if status == "withheld" else str(status)
    return {**answer, "status": reason}


def bayes_beta(vector: Vector) -> Json:
    prior_a, prior_b = vector.positive("prior_alpha", 1.0), vector.positive("prior_beta", 1.0)
    counts = *vector.counts("control"), *vector.counts("treatment")
    found = beta_posterior(*counts, prior_a=prior_a, prior_b=prior_b)
    return {
        "chance_to_win": found.chance_to_win,
        "posterior_mean_control": found.mean_control,
        "posterior_mean_treatment": found.mean_treatment,
        "expected_loss_ship": found.loss_of_shipping,
        "expected_loss_stay": found.loss_of_staying,
    }


def sample_ratio(vector: Vector) -> Json:
    counts, weights = numbers(vector.arms, "counts", "arms"), _weights(vector)
    _require_same_length(counts, weights, "arms.counts")
    found = chi_squared(counts, weights)
    threshold = vector.share("threshold", THRESHOLD)
    answer = {"chi2": found.statistic, "df": found.df, "p_value": found.p_value, "flag": found.p_value < threshold}
    return answer if found.p_value == found.p_value else {**answer, "status": "no_units"}


def sequential_sample_ratio(vector: Vector) -> Json:
    increments, weights = rows(vector.arms, "count_increments", "arms"), _weights(vector)
    _require_same_length(increments[0], weights, "arms.count_increments")
    counts = np.cumsum(np.array(increments), axis=0)
    shares = np.array(weights) / sum(weights)
    if vector.settings.get("prior_alpha") is not None:
        prior = np.array(numbers(vector.settings, "prior_alpha", "settings"))
        _require_same_length(list(prior), weights, "settings.prior_alpha")
    else:
        prior = vector.positive("prior_concentration", CONCENTRATION) * shares
    kept = shares > 0
    if (counts < 0).any() or (prior[kept] <= 0).any() or kept.sum() < 2:
        raise UnusableVector("counts are at least 0, and at least two arms have a weight and a prior above 0")
    evidence = log_bayes_factors(counts[:, kept], shares[kept], prior=prior[kept])
    p = np.minimum.accumulate(np.exp(np.minimum(0.0, -evidence)))
    return {"log_bayes_factor": evidence, "p_value": p}


def _weights(vector: Vector) -> list[float]:
    weights = numbers(vector.settings, "weights", "settings")
    if min(weights) < 0 or sum(weights) <= 0:
        raise UnusableVector("settings.weights are at least 0, and one is above 0")
    return weights


def _require_same_length(found: list[float], weights: list[float], where: str) -> None:
    if len(found) != len(weights):
        raise UnusableVector(f"{where} has {len(found)} arms, settings.weights {len(weights)}; give one weight per arm")
    if min(found) < 0:
        raise UnusableVector(f"{where} must not be below 0")


RATES: dict[str, Callable[[Vector], Json]] = {
    "z_pooled": z_pooled,
    "proportion_ci_2indep": two_rates,
    "proportion_ci_single": one_rate,
    "noninferiority_proportion": noninferiority_rate,
    "log_ratio_lift": log_lift,
    "bayes_beta_binomial": bayes_beta,
    "srm_chi2": sample_ratio,
    "srm_sequential_dirichlet_multinomial": sequential_sample_ratio,
}
