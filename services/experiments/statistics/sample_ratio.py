"""Whether the arms received the shares of units that were registered. If not, something is broken, not interesting."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, gammaln, xlogy

from services.experiments.statistics.moments import Floats

THRESHOLD = 0.001
CONCENTRATION = 10_000.0
_MINIMUM_EXPECTED = 5  # per arm; below it the chi-squared distribution is no approximation of anything


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """The verdict, with the p-value when there are enough units for one."""

    status: Literal["ok", "broken", "too_few_units"]
    p_value: float | None = None


@dataclass(frozen=True, slots=True)
class SequentialSampleRatio:
    """The verdict that may be looked at any time. `p_value` is the smallest so far; `chi2_p_value` is only shown."""

    status: Literal["ok", "broken"]
    p_value: float
    log_bayes_factor: float
    chi2_p_value: float | None = None


@dataclass(frozen=True, slots=True)
class ChiSquared:
    """Pearson's statistic; `p_value` is NaN with fewer than two arms that expect units, or without any unit."""

    statistic: float
    df: int
    p_value: float


def check_sample_ratio(units: Sequence[int], weights: Sequence[float]) -> SampleRatio:
    """Pearson's chi-squared test of the units per arm against the registered weights; broken when p < 0.001.

    Source: Fabijan et al., "Diagnosing sample ratio mismatch in online controlled experiments" (KDD 2019). The
    threshold is low because the check is looked at often; it is not itself safe against looking at any time.
    """
    counted, shares = _compared(units, weights)
    if not counted or sum(counted) * min(shares) / sum(shares) < _MINIMUM_EXPECTED:
        return SampleRatio("too_few_units")
    p_value = chi_squared(units, weights).p_value
    return SampleRatio("broken" if p_value < THRESHOLD else "ok", p_value)


def chi_squared(units: Sequence[float], weights: Sequence[float]) -> ChiSquared:
    """Σ (seen - expected)² / expected over the arms whose weight is above 0, with one degree of freedom fewer."""
    counted, shares = _compared(units, weights)
    total, whole = sum(counted), sum(shares)
    if len(counted) < 2 or total <= 0:
        return ChiSquared(float("nan"), max(len(counted) - 1, 0), float("nan"))
    expected = [total * share / whole for share in shares]
    statistic = sum((seen - wanted) ** 2 / wanted for seen, wanted in zip(counted, expected, strict=True))
    return ChiSquared(statistic, len(counted) - 1, float(chdtrc(len(counted) - 1, statistic)))


def sequential_sample_ratio(
    units: Sequence[int],
    weights: Sequence[float],
    *,
    lowest_p: float = 1.0,
    concentration: float = CONCENTRATION,
    threshold: float = THRESHOLD,
) -> SequentialSampleRatio:
    """The sample-ratio test that may be looked at any time; broken when p < `threshold`.

    `units` are the counts so far, not since the last look. `lowest_p` is the p-value of the last look (1 at first):
    the smallest of all looks is kept, which is what makes it a p-value at any time. `concentration` says how near the
    registered shares a broken assignment is expected to be; 10,000 is ssrm-test's.
    """
    counted, shares = _compared(units, weights)
    if len(counted) < 2:
        return SequentialSampleRatio("ok", lowest_p, 0.0)
    whole = sum(shares)
    normal = [share / whole for share in shares]
    evidence = float(log_bayes_factors(counted, normal, prior=[concentration * share for share in normal]))
    p_value = min(lowest_p, float(np.exp(min(0.0, -evidence))))
    shown = check_sample_ratio(units, weights).p_value
    return SequentialSampleRatio("broken" if p_value < threshold else "ok", p_value, evidence, shown)


def log_bayes_factors(counts: ArrayLike, weights: ArrayLike, *, prior: ArrayLike) -> Floats:
    """ln of the evidence for other shares over that for the registered ones; looks along all axes but the last.

    Dirichlet-multinomial against multinomial: lnΓ(A) - lnΓ(A + n) + Σ (lnΓ(a_i + n_i) - lnΓ(a_i)) - Σ n_i·ln(w_i),
    A = Σ a_i. Its exponential is a martingale if the shares are the registered ones, so 1/e bounds the error of all
    looks together. Source: Lindon and Malek, "Anytime-valid inference for multinomial count data" (NeurIPS 2022).
    """
    seen, shares, a = (np.asarray(given, dtype=float) for given in (counts, weights, prior))
    arms = gammaln(a + seen) - gammaln(a) - xlogy(seen, shares)
    return gammaln(a.sum(axis=-1)) - gammaln((a + seen).sum(axis=-1)) + arms.sum(axis=-1)


def _compared(units: Sequence[float], weights: Sequence[float]) -> tuple[list[float], list[float]]:
    """The arms that should receive units; one of weight 0 counts nowhere."""
    kept = [(float(count), float(share)) for count, share in zip(units, weights, strict=True) if share > 0]
    return [count for count, _ in kept], [share for _, share in kept]
