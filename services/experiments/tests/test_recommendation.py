"""Every row of the decision table, and how arms are combined."""

import pytest

from contracts.experiments import Recommendation
from services.experiments.domain.recommendation import Advice, Facts, PrimaryVerdict, combine, recommend

SAFE, OPEN, TRIPPED = ("calls", "safe"), ("calls", "undecided"), ("calls", "tripped")


@pytest.mark.parametrize(
    ("primary", "guardrails", "broken", "reached", "expected"),
    [
        ("better", (SAFE,), True, True, ("keep_running", "blocked")),
        ("worse", (TRIPPED,), True, True, ("keep_running", "blocked")),
        ("better", (TRIPPED,), False, False, ("stop", "guardrail_harm")),
        ("hidden", (TRIPPED,), False, False, ("stop", "guardrail_harm")),
        ("worse", (SAFE,), False, False, ("stop", "primary_harm")),
        ("worse", (), False, True, ("stop", "primary_harm")),
        ("better", (SAFE,), False, False, ("ship", "benefit")),
        ("better", (), False, True, ("ship", "benefit")),
        ("better", (SAFE, OPEN), False, False, ("keep_running", "undecided")),
        ("better", (OPEN,), False, True, ("iterate", "planned_size")),
        ("undecided", (SAFE,), False, True, ("iterate", "planned_size")),
        ("hidden", (), False, True, ("iterate", "planned_size")),
        ("hidden", (), False, False, ("keep_running", "minimum_data")),
        ("undecided", (SAFE,), False, False, ("keep_running", "undecided")),
    ],
)
def test_the_first_row_that_fits_decides(
    primary: PrimaryVerdict, guardrails: tuple, broken: bool, reached: bool, expected: tuple[Recommendation, str]
) -> None:
    advice = recommend(Facts("new", primary, guardrails), sample_ratio_broken=broken, planned_reached=reached)
    assert (advice.action, advice.rule) == expected
    assert advice.reason
    assert f"| {advice.rule} " in (recommend.__doc__ or "")


def advice(action: Recommendation, arm: str) -> Advice:
    return Advice(action, action, f"{arm} says {action}", arm)


@pytest.mark.parametrize(
    ("actions", "chosen", "arm"),
    [
        (("stop", "ship"), "ship", "b"),
        (("ship", "ship"), "ship", "a"),
        (("stop", "keep_running"), "keep_running", "b"),
        (("iterate", "keep_running"), "keep_running", "b"),
        (("stop", "iterate"), "iterate", "b"),
        (("stop", "stop"), "stop", "a"),
    ],
)
def test_several_arms_get_one_recommendation(actions: tuple, chosen: Recommendation, arm: str) -> None:
    found = combine([advice(action, name) for action, name in zip(actions, "ab", strict=True)])
    assert (found.action, found.arm) == (chosen, arm)
    if "stop" in actions and chosen != "stop":
        assert "drop a" in found.reason
