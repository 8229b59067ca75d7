"""The rules of weight, gaps and weeks, for any numbers."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.event import EvidenceRef, Money
from contracts.feedback import Customer, FeedbackReceived, Rating
from contracts.problems import Opportunity
from services.triage.domain import (
    GAPS_A_WEEK,
    QUESTIONS,
    Standing,
    Sums,
    clarity_of,
    gaps_of,
    heat_of,
    next_week,
    report_of,
    severity_of,
    unfounded,
    week_of,
    worth_telling,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))
numbers = st.floats(0, 1e6)
finite = st.floats(allow_nan=False, allow_infinity=False)


def _standing(reach: float = 1, age_days: float = 0, **more: float) -> Standing:
    warmth = reach * 2.0 ** heat_of(NOW - timedelta(days=age_days))
    return Standing(Sums(1, 1, reach, warmth, warmth), more.get("objectives", 0.0))


@given(st.lists(st.tuples(st.floats(0.1, 1e4), st.floats(0, 300), numbers), min_size=2, max_size=2), st.floats(0, 300))
def test_the_order_of_problems_does_not_depend_on_when_it_is_asked_for(
    pair: list[tuple[float, float, float]], later: float
) -> None:
    one, other = (_standing(reach, age, objectives=weight) for reach, age, weight in pair)
    at = NOW + timedelta(days=later)
    values = [value.customer_value(at) * (1 + value.business_value) for value in (one, other)]
    if one.rank > other.rank + 1e-6:
        assert values[0] >= values[1]


def test_four_weeks_halve_what_a_problem_is_worth() -> None:
    assert _standing(age_days=28).customer_value(NOW) == pytest.approx(_standing().customer_value(NOW) / 2)
    assert _standing(age_days=28).recency(NOW) == pytest.approx(0.5)


def test_nobody_reports_it_and_it_is_worth_nothing() -> None:
    nothing = Standing()
    assert nothing.opportunity(NOW) == Opportunity(
        customer_value=0,
        business_value=0,
        parts=dict.fromkeys(("reach", "recency", "severity_wording", "objectives", "revenue"), 0.0)
        | {"severity": 1.5, "severity_ratings": 0.5, "segment": 1.0},
    )
    assert nothing.rank < _standing(0.001, 10_000).rank


@given(st.lists(st.floats(0, 1)))
def test_severity_lies_between_one_and_two(displeasures: list[float]) -> None:
    assert 1 < severity_of(sum(displeasures), len(displeasures)) < 2


def test_currencies_are_not_added_up() -> None:
    euros = Standing(Sums(1, 1, revenue={"EUR": 99_900}))
    both = Standing(Sums(1, 1, revenue={"EUR": 99_900, "USD": 99_900}))
    assert euros.business_value == both.business_value == pytest.approx(3)


@given(numbers, numbers, numbers, numbers)
def test_a_change_is_told_from_a_quarter_on(customer: float, business: float, told: float, other: float) -> None:
    now = Opportunity(customer_value=customer, business_value=business)
    expected = any(
        abs(new - old) >= old / 4 and abs(new - old) > 1e-9 for new, old in ((customer, told), (business, other))
    )
    assert worth_telling(now, told, other) == expected
    assert worth_telling(now, None, None)


@given(st.sets(st.sampled_from(QUESTIONS)), st.sets(st.sampled_from(QUESTIONS), max_size=3))
def test_gaps_are_unanswered_untold_and_three_a_week_at_most(answered: set[str], told: set[str]) -> None:
    found = [gap.question for gap in gaps_of(uuid4(), 5, answered, told, "2026-W47")]
    assert len(found) == len(set(found)) == min(GAPS_A_WEEK - len(told), 8 - len(answered | told))
    assert not set(found) & (answered | told)


@given(moments)
def test_the_next_week_is_another_one_and_begins_on_monday(moment: datetime) -> None:
    following = next_week(moment)
    assert following.isoweekday() == 1
    assert moment < following <= moment + timedelta(days=7)
    assert week_of(following) != week_of(moment) == week_of(following - timedelta(seconds=1))


def test_an_answer_needs_evidence_or_the_word_assumption() -> None:
    reference = EvidenceRef(kind="url", ref="https://a.example")
    assert unfounded([], False) is not None
    assert unfounded([reference], False) is unfounded([], True) is None
    assert clarity_of([True, False, False, True]) == 0.25


@given(finite, finite.filter(lambda scale: scale > 0), st.integers(), moments)
def test_any_report_can_be_counted(value: float, scale: float, amount: int, moment: datetime) -> None:
    event = FeedbackReceived(
        feedback_id=UUID(int=1),
        text="x",
        source="s",
        received_at=NOW,
        occurred_at=moment,
        customer=Customer(id="c", revenue=Money(amount_minor=amount, currency="EUR")),
        rating=Rating(value=value, scale=scale),
    )
    report = report_of(event, now=NOW)
    assert report.rating is None or 0 <= report.rating <= 1
    assert report.revenue is not None
    assert 0 <= report.revenue <= 10**15
    assert report.occurred_at <= NOW
