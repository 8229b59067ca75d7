"""Whether the arms received the shares of units that were registered. If not, something is broken, not interesting."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scipy.special import chdtrc

THRESHOLD = 0.001
_MINIMUM_EXPECTED = 5  # per arm; below it the chi-squared distribution is no approximation of anything


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """The verdict, with the p-value when there are enough units for one."""

    status: Literal["ok", "broken", "too_few_units"]
    p_value: float | None = None


def check_sample_ratio(units: Sequence[int], weights: Sequence[float]) -> SampleRatio:
    """Pearson's chi-squared test of the units per arm against the registered weights; broken when p < 0.001.

    Source: Fabijan et al., "Diagnosing sample ratio mismatch in online controlled experiments" (KDD 2019). The
    threshold is low because the check is looked at often; it is not itself safe against looking at any time.
    """
    total, shares = sum(units), sum(weights)
    expected = [total * weight / shares for weight in weights]
    if min(expected) < _MINIMUM_EXPECTED:
        return SampleRatio("too_few_units")
    statistic = sum((seen - wanted) ** 2 / wanted for seen, wanted in zip(units, expected, strict=True))
    p_value = float(chdtrc(len(units) - 1, statistic))
    return SampleRatio("broken" if p_value < THRESHOLD else "ok", p_value)
