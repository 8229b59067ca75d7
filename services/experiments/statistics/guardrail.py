"""Whether a guardrail holds: one-sided, and it may be looked at any time."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from services.experiments.statistics.confidence_sequence import one_sided_multipliers, one_sided_p_values
from services.experiments.statistics.contrast import CODE, STATUSES, MetricKind, Status, contrast
from services.experiments.statistics.effect import MINIMUM_UNITS, hidden, with_codes
from services.experiments.statistics.moments import Floats, Moments, as_moments
from services.experiments.statistics.summary import Summary

METHOD = "asymptotic confidence sequence, one-sided normal mixture, exact"

Direction = Literal["increase", "decrease"]
Verdict = Literal["safe", "tripped", "undecided", "hidden"]


@dataclass(frozen=True, slots=True)
class GuardrailEstimate:
    """A guardrail's effect, turned so that more is better, with one bound on each side, each at level 1 - alpha.

    safe: the lower bound is above -margin (p_value < alpha). tripped: the upper bound is below -margin (p_inferior <
    alpha). `worse`: the upper bound is below 0, so that harm is shown, perhaps within the margin.
    """

    status: Status
    verdict: Verdict
    margin: float
    effect: float | None = None
    lower: float | None = None
    upper: float | None = None
    p_value: float | None = None
    p_inferior: float | None = None
    worse: bool = False
    method: str = METHOD


@dataclass(frozen=True, slots=True)
class GuardrailEstimates:
    """The same for many metrics at once, NaN where nothing may be claimed. `at` gives one in plain numbers."""

    codes: NDArray[np.int8]
    margin: Floats
    effect: Floats
    lower: Floats
    upper: Floats
    p_value: Floats
    p_inferior: Floats

    def at(self, index: int | tuple[int, ...] = ()) -> GuardrailEstimate:
        status, margin = STATUSES[int(self.codes[index])], float(self.margin[index])
        effect = _number(self.effect[index])
        if status != "ok":
            return GuardrailEstimate(status, "hidden", margin, effect)
        lower, upper = float(self.lower[index]), float(self.upper[index])
        verdict: Verdict = "safe" if lower > -margin else "tripped" if upper < -margin else "undecided"
        p, inferior = float(self.p_value[index]), float(self.p_inferior[index])
        return GuardrailEstimate(status, verdict, margin, effect, lower, upper, p, inferior, upper < 0)


def estimate_guardrail(
    control: Moments | Summary,
    treatment: Moments | Summary,
    *,
    kind: MetricKind,
    alpha: float,
    planned_units: float,
    margin: float,
    direction: Direction = "increase",
    cuped: bool = False,
    minimum_units: int = MINIMUM_UNITS,
) -> GuardrailEstimate:
    """Whether the treatment is worse by less than `margin` (absolute, at least 0), at any time anybody looks.

    "safe" errs in at most alpha over all looks together, and so does "tripped". Hidden as in `estimate_live`.
    `direction` says which way is better; with "decrease" the effect's sign is turned.
    """
    return estimate_guardrail_all(
        control,
        treatment,
        kind=kind,
        alpha=alpha,
        planned_units=planned_units,
        margin=margin,
        direction=direction,
        cuped=cuped,
        minimum_units=minimum_units,
    ).at()


def estimate_guardrail_all(
    control: Moments | Summary,
    treatment: Moments | Summary,
    *,
    kind: MetricKind,
    alpha: float,
    planned_units: float,
    margin: float | Floats,
    direction: Direction = "increase",
    cuped: bool = False,
    minimum_units: int = MINIMUM_UNITS,
) -> GuardrailEstimates:
    """`estimate_guardrail` of many metrics at once; `margin` may differ by metric."""
    a, b = as_moments(control), as_moments(treatment)
    units = a.n + b.n
    with np.errstate(all="ignore"):
        found = contrast(a, b, kind=kind, cuped=cuped)
        found = with_codes(found, hidden(a, b, kind, found.codes, minimum_units))
        effect = found.effect if direction == "increase" else -found.effect
        margins = np.broadcast_to(np.asarray(margin, dtype=float), effect.shape)
        half = one_sided_multipliers(units, alpha=alpha, planned_units=planned_units) * found.error
        beyond = (found.codes == 0) & ~(np.isfinite(effect - half) & np.isfinite(effect + half))
        found = with_codes(found, np.where(beyond, CODE["unusable"], found.codes))
        above = (effect + margins) / found.error
        p = one_sided_p_values(above, units, alpha=alpha, planned_units=planned_units)
        inferior = one_sided_p_values(-above, units, alpha=alpha, planned_units=planned_units)
    return GuardrailEstimates(found.codes, margins, effect, effect - half, effect + half, p, inferior)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
