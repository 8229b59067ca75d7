"""A guardrail is called safe or tripped at any time, with one error for all looks."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.experiments.statistics.guardrail import Direction, GuardrailEstimate, estimate_guardrail
from services.experiments.statistics.summary import Summary
from services.experiments.tests.statistics.arms import conversions, summaries


def guard(control: Summary, treatment: Summary, margin: float, direction: Direction = "increase") -> GuardrailEstimate:
    return estimate_guardrail(
        control, treatment, kind="mean", alpha=0.05, planned_units=20_000, margin=margin, direction=direction
    )


@pytest.mark.parametrize(
    ("mean", "margin", "verdict", "worse"),
    [
        (10.0, 0.1, "safe", False),
        (10.0, 0.01, "undecided", False),
        (9.95, 0.1, "safe", True),
        (9.9, 0.1, "undecided", True),
        (9.0, 0.1, "tripped", True),
    ],
)
def test_the_verdict_follows_from_the_bounds(mean: float, margin: float, verdict: str, worse: bool) -> None:
    control, treatment = Summary(10_000, 10.0, 9_999.0), Summary(10_000, mean, 9_999.0)
    found = guard(control, treatment, margin) if verdict != "safe" or mean == 10.0 else _precise(mean, margin)
    assert (found.verdict, found.worse) == (verdict, worse)


def _precise(mean: float, margin: float) -> GuardrailEstimate:
    """Enough units to see a harm that lies within the margin."""
    return guard(Summary(100_000, 10.0, 99_999.0), Summary(100_000, mean, 99_999.0), margin)


def test_lower_may_be_better() -> None:
    slow, fast = Summary(10_000, 10.5, 9_999.0), Summary(10_000, 10.0, 9_999.0)
    assert guard(fast, slow, 0.1, "decrease").verdict == "tripped"
    found = guard(slow, fast, 0.1, "decrease")
    assert found.verdict == "safe"
    assert found.effect == pytest.approx(0.5)


def test_too_few_units_hide_it() -> None:
    found = estimate_guardrail(
        conversions(50, 10), conversions(50, 12), kind="conversion", alpha=0.05, planned_units=1_000, margin=0.01
    )
    assert (found.status, found.verdict, found.lower, found.p_value) == ("too_few_units", "hidden", None, None)


@settings(deadline=None)
@given(summaries(), summaries(), st.floats(0, 100))
def test_verdicts_and_p_values_agree(a: Summary, b: Summary, margin: float) -> None:
    found = guard(a, b, margin)
    assert found.p_value is not None
    assert found.p_inferior is not None
    assert (found.verdict == "safe") == (found.p_value < 0.05)
    assert (found.verdict == "tripped") == (found.p_inferior < 0.05)


@settings(deadline=None)
@given(summaries(), summaries(), st.floats(0, 100), st.floats(0, 100))
def test_a_wider_margin_never_turns_safe_into_anything_else(a: Summary, b: Summary, margin: float, more: float) -> None:
    order = ["tripped", "undecided", "safe"]
    assert order.index(guard(a, b, margin).verdict) <= order.index(guard(a, b, margin + more).verdict)
