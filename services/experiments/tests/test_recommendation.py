"""Every row of the decision table, that the rows leave nothing out, and how arms are combined."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.experiments import Recommendation
from services.experiments.domain.recommendation import TABLE, Advice, Facts, combine, decision_table, recommend

SAFE, OPEN, TRIPPED, HIDDEN = ("calls", "safe"), ("calls", "undecided"), ("calls", "tripped"), ("calls", "hidden")
REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "recommendation.md"


def facts(primary: str = "undecided", *guardrails: tuple, **more: object) -> Facts:
    return Facts("new", primary, guardrails, **more)  # type: ignore[arg-type]  # parametrised below


ROWS = [
    ("blocked", "keep_running", facts("better", SAFE, blocked=("an arm fell behind",), planned_reached=True)),
    ("blocked", "keep_running", facts("worse", TRIPPED, blocked=("one", "two"))),
    ("guardrail_harm", "stop", facts("better", TRIPPED)),
    ("guardrail_harm", "stop", facts("hidden", TRIPPED, days_over=False)),
    ("guardrail_harm", "stop", facts("better", SAFE, ("errors", "tripped"), alternative_wins=True)),
    ("primary_harm", "stop", facts("worse", SAFE, days_over=False)),
    ("primary_harm", "stop", facts("worse", planned_reached=True, within_mde=True, alternative_wins=True)),
    ("buy_instead", "buy", facts("undecided", SAFE, alternative_wins=True)),
    ("buy_instead", "buy", facts("better", SAFE, alternative_wins=True, planned_reached=True, within_mde=True)),
    ("falls_short", "iterate", facts("better", SAFE, falls_short="interest is not use")),
    ("falls_short", "iterate", facts("better", falls_short="interest is not use", within_mde=True)),
    ("benefit", "ship", facts("better", SAFE)),
    ("benefit", "ship", facts("better", within_mde=True, planned_reached=True)),
    ("within_mde", "iterate", facts("undecided", SAFE, within_mde=True)),
    ("within_mde", "iterate", facts("better", OPEN, within_mde=True)),
    ("planned_size", "iterate", facts("undecided", SAFE, planned_reached=True)),
    ("planned_size", "iterate", facts("better", OPEN, planned_reached=True)),
    ("planned_size", "iterate", facts("hidden", planned_reached=True)),
    ("minimum_data", "keep_running", facts("hidden", SAFE)),
    ("minimum_data", "keep_running", facts("hidden", days_over=False, planned_reached=True)),
    ("minimum_days", "keep_running", facts("better", SAFE, days_over=False)),
    ("minimum_days", "keep_running", facts("undecided", days_over=False, planned_reached=True)),
    ("minimum_days", "keep_running", facts("undecided", days_over=False, alternative_wins=True, within_mde=True)),
    ("guardrail_open", "keep_running", facts("better", SAFE, OPEN)),
    ("guardrail_open", "keep_running", facts("better", HIDDEN)),
    ("undecided", "keep_running", facts("undecided", OPEN)),
    ("undecided", "keep_running", facts("undecided")),
]


@pytest.mark.parametrize(("rule", "action", "known"), ROWS)
def test_the_first_row_that_fits_decides(rule: str, action: Recommendation, known: Facts) -> None:
    advice = recommend(known)
    assert (advice.rule, advice.action) == (rule, action)
    assert advice.reason
    assert (advice.arm == "new") == (action in ("ship", "stop", "buy"))


def test_every_row_has_a_test_and_a_name_of_its_own() -> None:
    names = [row.rule for row in TABLE]
    assert len(set(names)) == len(names)
    assert {rule for rule, _, _ in ROWS} == set(names)


def test_the_table_in_the_reference_is_the_code_s() -> None:
    assert decision_table() in REFERENCE.read_text("utf-8")


any_facts = st.builds(
    Facts,
    st.just("new"),
    st.sampled_from(["better", "worse", "undecided", "hidden"]),
    st.lists(st.sampled_from([SAFE, OPEN, TRIPPED, HIDDEN]), max_size=3).map(tuple),
    st.sampled_from([(), ("units do not arrive in the registered ratio",)]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.one_of(st.none(), st.floats(0, 1e4)),
    st.booleans(),
    st.sampled_from([None, "interest is not use"]),
    st.sampled_from([None, "than the baseline"]),
)


@settings(max_examples=1_000)
@given(any_facts)
def test_some_row_always_fits_and_it_is_the_first(known: Facts) -> None:
    advice = recommend(known)
    fitting = [row.rule for row in TABLE if row.holds(known)]
    assert advice.rule == fitting[0]
    assert fitting[-1] == TABLE[-1].rule


@settings(max_examples=500)
@given(any_facts)
def test_what_must_never_be_advised(known: Facts) -> None:
    """Rules that hold whatever the order of the table: stated apart from it, so that a change of it is seen."""
    action = recommend(known).action
    harmful = known.primary == "worse" or bool(known.guardrails_that_are("tripped"))
    if action in ("ship", "buy", "iterate"):
        assert known.days_over
        assert not known.blocked
        assert not harmful
    if action == "ship":
        assert known.primary == "better"
        assert not known.open_guardrails
        assert not known.alternative_wins
        assert known.falls_short is None
    if known.blocked:
        assert action == "keep_running"
    elif harmful:
        assert action == "stop"


@pytest.mark.parametrize(
    ("days", "words"), [(None, "not known"), (0.01, "0.1 days"), (1.0, "about 1 day left"), (12.345, "12.3 days left")]
)
def test_days_left_are_said_in_words(days: float | None, words: str) -> None:
    assert words in recommend(facts("undecided", days_left=days)).reason


def test_a_stopped_experiment_has_no_days_left() -> None:
    reason = recommend(facts("undecided", days_left=5.0, stopped=True)).reason
    assert "it was stopped before that" in reason
    assert "days" not in reason


def test_what_was_not_drawn_is_not_said_to_be_the_cause() -> None:
    assert recommend(facts("worse")).reason == "new makes the primary metric worse"
    assert recommend(facts("worse", against="than in old")).reason == "the primary metric is worse in new than in old"
    tripped = recommend(facts("better", TRIPPED, against="than in old")).reason
    assert tripped == "calls is worse in new than in old, by more than the margin allows"


def advice(action: Recommendation, arm: str) -> Advice:
    return Advice(action, action, f"{arm} says {action}", arm)


@pytest.mark.parametrize(
    ("actions", "chosen", "arm"),
    [
        (("stop", "ship"), "ship", "b"),
        (("ship", "ship"), "ship", "a"),
        (("stop", "keep_running"), "keep_running", "b"),
        (("iterate", "keep_running"), "keep_running", "b"),
        (("buy", "keep_running"), "keep_running", "b"),
        (("buy", "ship"), "ship", "b"),
        (("iterate", "buy"), "buy", "b"),
        (("stop", "iterate"), "iterate", "b"),
        (("stop", "stop"), "stop", "a"),
    ],
)
def test_several_arms_get_one_recommendation(actions: tuple, chosen: Recommendation, arm: str) -> None:
    found = combine([advice(action, name) for action, name in zip(actions, "ab", strict=True)])
    assert (found.action, found.arm) == (chosen, arm)
    if "stop" in actions and chosen != "stop":
        assert "drop a" in found.reason
