"""Not worse by more than a margin, and not different by more than one: for one look at a fixed moment."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr, stdtr

from services.experiments.statistics.contrast import MetricKind, contrast
from services.experiments.statistics.moments import Moments
from services.experiments.statistics.proportions import ScoreForm, score_interval, score_z, wald
from services.experiments.statistics.summary import Summary


@dataclass(frozen=True, slots=True)
class NonInferiority:
    """The statistic of "worse by the margin or more", its one-sided p-value, and whether that is rejected.

    `lower` and `upper` bound the effect at level 1 - 2·alpha, where the method has an interval. NaN where nothing may
    be claimed.
    """

    statistic: float
    p_value: float
    non_inferior: bool
    df: float | None = None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Both one-sided tests together: the larger p-value, and whether the effect is shown to be within the margin."""

    effect: float
    p_value: float
    equivalent: bool
    p_above_lower: float
    p_below_upper: float


def mean_noninferiority(
    control: Moments | Summary,
    treatment: Moments | Summary,
    *,
    margin: float,
    alpha: float = 0.05,
    higher_is_better: bool = True,
    kind: MetricKind = "mean",
) -> NonInferiority:
    """Welch's t against a difference of -margin (of +margin, where lower is better), one-sided at `alpha`.

    t = (effect + margin)/error against "greater", or (effect - margin)/error against "less". Source: Wellek, "Testing
    Statistical Hypotheses of Equivalence and Noninferiority" (2010), §1.
    """
    found = contrast(control, treatment, kind=kind)
    sign = 1 if higher_is_better else -1
    t = float((found.effect + sign * margin) / found.error)
    df = float(found.df)
    p = float(stdtr(df, -sign * t))
    return NonInferiority(t, p, p < alpha, df)


def rate_noninferiority(
    control: tuple[float, float],
    treatment: tuple[float, float],
    *,
    margin: float,
    alpha: float = 0.05,
    higher_is_better: bool = True,
    method: Literal["score", "wald"] = "score",
    form: ScoreForm = "miettinen-nurminen",
) -> NonInferiority:
    """The z-test of a difference of rates against -margin (+margin, where lower is better); arms as (successes, n).

    score: Farrington and Manning, "Test statistics and sample size formulae for comparative binomial trials with null
    hypothesis of non-zero risk difference" (1990); wald: the rates' own variances. `form` as in `score_z`.
    """
    (x_c, n_c), (x_t, n_t) = control, treatment
    sign = 1 if higher_is_better else -1
    if method == "score":
        z = float(score_z(x_c, n_c, x_t, n_t, null=-sign * margin, correction=False, form=form))
        lower, upper = score_interval(x_c, n_c, x_t, n_t, alpha=2 * alpha, correction=False, form=form)
    else:
        p_c, p_t = (x_c / n_c, x_t / n_t) if n_c and n_t else (np.nan, np.nan)
        variance = p_c * (1 - p_c) / max(n_c, 1) + p_t * (1 - p_t) / max(n_t, 1)
        z = (p_t - p_c + sign * margin) / variance**0.5 if variance > 0 else float("nan")
        lower, upper = wald(x_c, n_c, x_t, n_t, alpha=2 * alpha)
    p = float(ndtr(-sign * z))
    return NonInferiority(z, p, p < alpha, None, float(lower), float(upper))


def equivalence(
    control: Moments | Summary,
    treatment: Moments | Summary,
    *,
    margin: float,
    alpha: float = 0.05,
    kind: MetricKind = "mean",
) -> Equivalence:
    """Two one-sided Welch tests (TOST): equivalent when the effect is shown to lie within ±margin.

    Source: Schuirmann, "A comparison of the two one-sided tests procedure and the power approach" (1987).
    """
    above = mean_noninferiority(control, treatment, margin=margin, alpha=alpha, kind=kind)
    below = mean_noninferiority(control, treatment, margin=margin, alpha=alpha, kind=kind, higher_is_better=False)
    p = max(above.p_value, below.p_value)
    effect = float(contrast(control, treatment, kind=kind).effect)
    return Equivalence(effect, p, p < alpha, above.p_value, below.p_value)
