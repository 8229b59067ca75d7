"""An effect with its interval, as people read it: in words, and as places on a line. Pure.

An effect is absolute (treatment minus control): of a `conversion` in percentage points, of a `mean` in its own unit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

WIDTH = 320.0
_MARGIN = 12.0
Verdict = Literal["better", "worse", "unclear"]
_SENTENCES: dict[Verdict, str] = {
    "better": "The whole interval lies on the better side.",
    "worse": "The whole interval lies on the worse side.",
    "unclear": "The interval includes no effect at all.",
}


@dataclass(frozen=True)
class Interval:
    """`effect`, `lower`, `upper` in words with their unit; `x_…` are places on a line that is WIDTH wide."""

    effect: str
    lower: str
    upper: str
    confidence: str
    verdict: Verdict
    sentence: str
    arm: str
    method: str
    x_zero: float
    x_lower: float
    x_upper: float
    x_effect: float


def interval_of(experiment: Mapping[str, Any]) -> Interval | None:
    """The interval in an experiment's (or a readout's) attributes; None when nothing could be estimated yet."""
    estimate = experiment.get("estimate")
    if not estimate:
        return None
    metric = experiment.get("primary_metric") or {}
    effect, lower, upper = estimate["effect"], estimate["lower"], estimate["upper"]
    low, high = min(lower, effect, 0.0), max(upper, effect, 0.0)
    scale = (WIDTH - 2 * _MARGIN) / ((high - low) or 1.0)
    verdict = _verdict(lower, upper, metric.get("direction", "increase"))

    def place(value: float) -> float:
        return round(_MARGIN + (value - low) * scale, 1)

    return Interval(
        effect=_words(effect, metric.get("kind")),
        lower=_words(lower, metric.get("kind")),
        upper=_words(upper, metric.get("kind")),
        confidence=f"{100 * (1 - experiment.get('alpha', 0.05)):g} %",
        verdict=verdict,
        sentence=_SENTENCES[verdict],
        arm=estimate["arm"],
        method=estimate["method"],
        x_zero=place(0.0),
        x_lower=place(lower),
        x_upper=place(upper),
        x_effect=place(effect),
    )


def _verdict(lower: float, upper: float, direction: str) -> Verdict:
    if lower <= 0 <= upper:
        return "unclear"
    return "better" if (lower > 0) == (direction == "increase") else "worse"


def _words(value: float, kind: str | None) -> str:
    shown, unit = (100 * value, " points") if kind == "conversion" else (value, "")
    text = f"{shown:+.3g}" if abs(shown) < 100 else f"{shown:+,.0f}"
    return text.replace("-", "−") + unit
