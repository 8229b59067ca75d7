"""Several questions asked of one experiment: errors held together, and effects broken down by a dimension."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from services.experiments.statistics.contrast import MetricKind
from services.experiments.statistics.effect import Estimate, estimate_fixed, estimate_live
from services.experiments.statistics.moments import Floats, Moments
from services.experiments.statistics.summary import Summary

Correction = Literal["bonferroni", "holm", "benjamini_hochberg"]


def bonferroni(p_values: ArrayLike) -> Floats:
    """Adjusted p = min(1, m·p): the probability of any error is held. Source: Bonferroni 1936; Dunn 1961."""
    p = np.asarray(p_values, dtype=float)
    return np.minimum(1.0, p * _asked(p))


def holm(p_values: ArrayLike) -> Floats:
    """Adjusted p, the probability of any error is held, never less powerful than Bonferroni.

    The running maximum of (m - i + 1)·p_(i), p ascending. Source: Holm, "A simple sequentially rejective multiple test
    procedure" (1979). NaN is a question that was not answered: it stays NaN, and is not counted.
    """
    p = np.asarray(p_values, dtype=float)
    asked = _asked(p)
    order = np.argsort(p, kind="stable")[:asked]
    scaled = p[order] * np.arange(asked, 0, -1)
    return _put_back(p, order, np.maximum.accumulate(scaled))


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """Adjusted p: the expected share of errors among the claims is held, not the probability of any.

    The running minimum, from the largest p down, of m/i·p_(i). Source: Benjamini and Hochberg, "Controlling the false
    discovery rate" (1995). NaN as in `holm`.
    """
    p = np.asarray(p_values, dtype=float)
    asked = _asked(p)
    order = np.argsort(p, kind="stable")[:asked]
    scaled = p[order] * asked / np.arange(1, asked + 1)
    return _put_back(p, order, np.minimum.accumulate(scaled[::-1])[::-1])


def adjusted(p_values: ArrayLike, *, correction: Correction) -> Floats:
    """The adjusted p-values by name."""
    return {"bonferroni": bonferroni, "holm": holm, "benjamini_hochberg": benjamini_hochberg}[correction](p_values)


def interval_alphas(p_values: ArrayLike, *, alpha: float, correction: Correction) -> Floats:
    """The level at which each question's interval must be drawn so that the intervals hold together.

    bonferroni: alpha/m for all. benjamini_hochberg: the share of false intervals among those of the R claims is held
    by alpha·R/m (Benjamini and Yekutieli, "False discovery rate-adjusted multiple confidence intervals for selected
    parameters", 2005), which is defined for the claims alone: NaN for the others. holm: its intervals are not defined
    beyond Bonferroni's; so those are given.
    """
    p = np.asarray(p_values, dtype=float)
    asked = max(_asked(p), 1)
    if correction != "benjamini_hochberg":
        return np.where(np.isnan(p), np.nan, alpha / asked)
    claimed = benjamini_hochberg(p) <= alpha
    return np.where(claimed, alpha * claimed.sum() / asked, np.nan)


@dataclass(frozen=True, slots=True)
class Slice:
    """One value of a dimension: the effect among its units, at the corrected level, with the adjusted p-value."""

    value: str
    estimate: Estimate
    adjusted_p: float | None
    claimed: bool


def breakdown(
    slices: Mapping[str, tuple[Moments | Summary, Moments | Summary]],
    *,
    kind: MetricKind,
    alpha: float,
    planned_units: float | None = None,
    correction: Correction = "holm",
    cuped: bool = False,
) -> list[Slice]:
    """The effect for each value of a dimension, in the given order, with the errors over all of them held at alpha.

    With `planned_units` (of the whole experiment) each answer may be looked at any time, tuned to the slice's share of
    the units; without, it is for one look. The intervals are at alpha/m. A slice is searched after the fact: where it
    claims something, that is a hypothesis for the next experiment.
    """
    if not slices:
        return []
    each = alpha / len(slices)
    units = {value: _units(*arms) for value, arms in slices.items()}
    total = max(sum(units.values()), 1.0)
    found: dict[str, Estimate] = {}
    for value, (control, treatment) in slices.items():
        if planned_units is None:
            found[value] = estimate_fixed(control, treatment, kind=kind, alpha=each, cuped=cuped)
            continue
        tuned = max(planned_units * units[value] / total, 1.0)
        found[value] = estimate_live(control, treatment, kind=kind, alpha=each, planned_units=tuned, cuped=cuped)
    p = np.array([np.nan if one.p_value is None else one.p_value for one in found.values()])
    corrected = adjusted(p, correction=correction)
    return [
        Slice(value, estimate, None if np.isnan(q) else float(q), bool(q <= alpha))
        for (value, estimate), q in zip(found.items(), corrected, strict=True)
    ]


def _units(control: Moments | Summary, treatment: Moments | Summary) -> float:
    return float(np.nan_to_num(np.max(control.n) + np.max(treatment.n)))


def _asked(p: Floats) -> int:
    return int(np.count_nonzero(~np.isnan(p)))


def _put_back(p: Floats, order: NDArray[np.intp], values: Floats) -> Floats:
    result = np.full(p.shape, np.nan)
    result[order] = np.minimum(1.0, values)
    return result
