"""An effect is estimated right, or withheld with its reason."""

import warnings
from collections.abc import Callable
from math import isfinite

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.experiments.statistics.contrast import STATUSES, MetricKind, MissingVariables, contrast
from services.experiments.statistics.effect import (
    METHOD,
    Estimate,
    estimate_decision,
    estimate_decision_all,
    estimate_fixed,
    estimate_fixed_all,
    estimate_live,
    estimate_live_all,
)
from services.experiments.statistics.estimates import Interval
from services.experiments.statistics.group_sequential import UnusableLooks
from services.experiments.statistics.guardrail import estimate_guardrail, estimate_guardrail_all
from services.experiments.statistics.moments import Moments
from services.experiments.statistics.summary import Summary
from services.experiments.tests.statistics.arms import (
    conversion_arms,
    conversions,
    hostile_moments,
    of_sums,
    summaries,
)

ALPHA, PLANNED = 0.05, 50_000.0
EMPTY = Summary()


def live(
    control: Summary | Moments, treatment: Summary | Moments, kind: MetricKind = "mean", *, cuped: bool = False
) -> Estimate:
    return estimate_live(control, treatment, kind=kind, alpha=ALPHA, planned_units=PLANNED, cuped=cuped)


def test_a_public_experiment_gives_its_known_interval() -> None:
    """Cookie Cats, seven-day retention (public data set of 90,189 players), tuned to 90,000 units."""
    control, treatment = conversions(44_700, 8_502), conversions(45_489, 8_279)
    found = estimate_live(control, treatment, kind="conversion", alpha=ALPHA, planned_units=90_000)
    assert found.absolute is not None
    assert found.method == METHOD
    bounds = (found.absolute.effect, found.absolute.lower, found.absolute.upper)
    assert bounds == pytest.approx((-0.00820130, -0.01606858, -0.00033402), abs=2e-8)
    assert found.p_value == pytest.approx(0.035065, abs=1e-6)


def test_a_published_mean_gives_its_known_lift() -> None:
    """A case of the test suite of GrowthBook's gbstats (relative effect, tuned to 1,000 units)."""
    control, treatment = of_sums(3_000, 1_396.87, 52_377.9767), of_sums(3_461, 2_422.7, 134_698.29)
    found = estimate_live(control, treatment, kind="mean", alpha=ALPHA, planned_units=1_000)
    assert found.relative is not None
    assert (found.relative.lower, found.relative.upper) == pytest.approx((-0.5584405051, 1.5651626768), rel=1e-8)


@pytest.mark.parametrize(
    ("control", "treatment", "kind", "status"),
    [
        (EMPTY, EMPTY, "mean", "no_units"),
        (EMPTY, conversions(500, 50), "conversion", "no_units"),
        (Summary(1, 3.0, 0.0), Summary(500, 3.0, 9.0), "mean", "insufficient_data"),
        (conversions(99, 30), conversions(500, 50), "conversion", "too_few_units"),
        (conversions(500, 4), conversions(500, 5), "conversion", "too_few_conversions"),
        (conversions(500, 0), conversions(500, 0), "conversion", "too_few_conversions"),
        (conversions(500, 496), conversions(500, 495), "conversion", "too_few_conversions"),
        (conversions(500, 0), conversions(500, 50), "conversion", "zero_variance"),
        (Summary(500, 2.5, 0.0), Summary(500, 2.5, 0.0), "mean", "zero_variance"),
        (Summary.of([0.1] * 300), Summary.of([0.7] * 300), "mean", "zero_variance"),
        (Summary(500, 2.5, -1.0), Summary(500, 2.5, 4.0), "mean", "unusable"),
        (Summary(500, float("nan"), 1.0), Summary(500, 2.5, 4.0), "mean", "unusable"),
    ],
)
def test_no_interval_is_made_up(control: Summary, treatment: Summary, kind: MetricKind, status: str) -> None:
    found = live(control, treatment, kind)
    assert found.status == status
    assert (found.absolute, found.relative, found.p_value, found.error) == (None, None, None, None)


def test_small_counts_have_an_interval_of_their_own() -> None:
    """Newcombe's with the live multiplier, beside the status that withholds the main one."""
    found = live(conversions(500, 0), conversions(500, 3), "conversion")
    assert found.small_sample is not None
    assert found.small_sample.lower < 0 < found.small_sample.upper
    once = estimate_fixed(conversions(10, 0), conversions(10, 0), kind="conversion", alpha=ALPHA).small_sample
    # Newcombe 1998: 0/10 and 0/10 give -0.2775 to 0.2775
    assert once is not None
    assert (once.lower, once.upper) == pytest.approx((-0.2775, 0.2775), abs=5e-5)


@pytest.mark.parametrize("mean", [0.0, -1.0])
def test_there_is_no_lift_over_a_mean_that_is_not_above_zero(mean: float) -> None:
    found = live(Summary(200, mean, 100.0), Summary(200, 0.5, 100.0))
    assert found.absolute is not None
    assert found.relative is None


def test_a_ratio_without_a_denominator_has_a_status() -> None:
    empty = Moments(np.asarray(500.0), np.array([1.0, 0.0]), np.diag([40.0, 0.0]))
    assert live(empty, empty, "ratio").status == "zero_denominator"


def test_moments_without_the_needed_values_are_refused() -> None:
    with pytest.raises(MissingVariables, match="a ratio with CUPED needs 4 values per unit, not 1"):
        live(EMPTY, EMPTY, "ratio", cuped=True)


def test_the_decision_waits_for_the_planned_size() -> None:
    arms = conversions(5_000, 480), conversions(5_000, 560)
    waiting = estimate_decision(*arms, kind="conversion", alpha=ALPHA, planned_units=10_001)
    assert (waiting.status, waiting.absolute) == ("not_yet", None)
    hybrid = estimate_decision(*arms, kind="conversion", alpha=ALPHA, planned_units=10_000)
    spending = estimate_decision(
        *arms, kind="conversion", alpha=ALPHA, planned_units=10_000, rule="spending", looks=(0.5,)
    )
    fixed = estimate_fixed(*arms, kind="conversion", alpha=ALPHA)
    widths = [width(found) for found in (fixed, spending, hybrid, live(*arms, "conversion"))]
    assert widths == sorted(widths)
    assert widths[2] / widths[0] < 1.05


def test_looks_belong_to_spending_alone() -> None:
    with pytest.raises(UnusableLooks, match="hybrid decision allows for every look"):
        estimate_decision(EMPTY, EMPTY, kind="mean", alpha=ALPHA, planned_units=10, looks=(0.5,))


def width(found: Estimate) -> float:
    assert found.absolute is not None
    return found.absolute.upper - found.absolute.lower


def test_values_before_the_exposure_make_the_interval_narrower() -> None:
    random = np.random.default_rng(5)
    before = random.normal(10, 3, (2, 4_000))
    after = before + random.normal(0, 1, (2, 4_000)) + np.array([[0.0], [0.1]])
    control, treatment = (Moments.of(np.column_stack([after[arm], before[arm]])) for arm in (0, 1))
    plain, adjusted = live(control.select(0), treatment.select(0)), live(control, treatment, cuped=True)
    assert adjusted.variance_reduction == pytest.approx(0.9, abs=0.02)
    assert width(adjusted) == pytest.approx(width(plain) * np.sqrt(0.1), rel=0.1)
    assert plain.variance_reduction is None


@settings(deadline=None)
@given(summaries(), summaries())
def test_swapping_the_arms_turns_the_effect_around(a: Summary, b: Summary) -> None:
    one, other = live(a, b), live(b, a)
    assert one.status == other.status == "ok"
    assert one.absolute is not None
    assert other.absolute == Interval(-one.absolute.effect, -one.absolute.upper, -one.absolute.lower)
    assert one.p_value == other.p_value


@settings(deadline=None)
@given(summaries(), summaries(), st.floats(0.01, 100), st.floats(-100, 100))
def test_another_unit_of_measurement_changes_no_claim(a: Summary, b: Summary, factor: float, shift: float) -> None:
    def measured(arm: Summary) -> Summary:
        return Summary(arm.n, factor * arm.mean + shift, factor**2 * arm.m2)

    one, other = live(a, b), live(measured(a), measured(b))
    assert one.absolute is not None
    assert other.absolute is not None
    scale = factor * (abs(a.mean) + abs(b.mean)) + abs(shift) + 1
    bounds = [factor * bound for bound in (one.absolute.effect, one.absolute.lower, one.absolute.upper)]
    found = [other.absolute.effect, other.absolute.lower, other.absolute.upper]
    assert found == pytest.approx(bounds, rel=1e-9, abs=1e-12 * scale)


@settings(deadline=None)
@given(summaries(), summaries(), st.sampled_from([0.01, 0.05, 0.2]), st.floats(100, 1e7))
def test_the_interval_excludes_zero_exactly_when_p_is_below_alpha(
    a: Summary, b: Summary, alpha: float, planned: float
) -> None:
    near = Summary(b.n, a.mean + b.mean / 1_000, b.m2)
    estimates = [
        estimate_live(a, near, kind="mean", alpha=alpha, planned_units=planned),
        estimate_fixed(a, near, kind="mean", alpha=alpha),
    ]
    for found in estimates:
        assert found.absolute is not None
        assert found.p_value is not None
        assume(abs(found.p_value - alpha) > 1e-9)
        assert (found.absolute.lower > 0 or found.absolute.upper < 0) == (found.p_value < alpha)


@settings(deadline=None)
@given(summaries(), summaries(), st.floats(0.001, 10))
def test_a_larger_effect_is_never_less_certain(a: Summary, b: Summary, more: float) -> None:
    level = Summary(b.n, a.mean + abs(b.mean), b.m2)
    larger = Summary(b.n, level.mean + more, b.m2)
    small, large = live(a, level).p_value, live(a, larger).p_value
    assert small is not None
    assert large is not None
    assert large <= small


@settings(deadline=None)
@given(summaries(), summaries())
def test_a_smaller_alpha_is_never_narrower(a: Summary, b: Summary) -> None:
    widths = [
        width(estimate_live(a, b, kind="mean", alpha=alpha, planned_units=PLANNED)) for alpha in (0.2, 0.05, 0.001)
    ]
    assert widths == sorted(widths)


@settings(deadline=None)
@given(st.lists(st.tuples(conversion_arms(), conversion_arms()), min_size=1, max_size=4))
def test_many_at_once_give_what_each_gives_alone(pairs: list[tuple[Summary, Summary]]) -> None:
    control, treatment = (Moments.stack([pair[arm] for pair in pairs]) for arm in (0, 1))
    many = [
        estimate_live_all(control, treatment, kind="conversion", alpha=ALPHA, planned_units=PLANNED),
        estimate_decision_all(control, treatment, kind="conversion", alpha=ALPHA, planned_units=PLANNED),
        estimate_fixed_all(control, treatment, kind="conversion", alpha=ALPHA),
    ]
    guarded = estimate_guardrail_all(
        control, treatment, kind="conversion", alpha=ALPHA, planned_units=PLANNED, margin=0.01
    )
    for index, (a, b) in enumerate(pairs):
        alone = [
            estimate_live(a, b, kind="conversion", alpha=ALPHA, planned_units=PLANNED),
            estimate_decision(a, b, kind="conversion", alpha=ALPHA, planned_units=PLANNED),
            estimate_fixed(a, b, kind="conversion", alpha=ALPHA),
        ]
        for one, every in zip(alone, many, strict=True):
            _assert_same(one, every.at(index))
        single = estimate_guardrail(a, b, kind="conversion", alpha=ALPHA, planned_units=PLANNED, margin=0.01)
        assert (single.status, single.verdict) == (guarded.at(index).status, guarded.at(index).verdict)


def _assert_same(one: Estimate, other: Estimate) -> None:
    assert (one.status, one.method) == (other.status, other.method)
    for name in ("effect", "error", "p_value", "multiplier", "alpha_spent"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None)
        assert a is None or a == pytest.approx(b, rel=1e-12, abs=1e-300)
    for name in ("absolute", "relative", "small_sample"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None)
        if a is not None:
            assert (a.lower, a.upper) == pytest.approx((b.lower, b.upper), rel=1e-10, abs=1e-14)


KINDS: list[tuple[MetricKind, bool, int]] = [
    ("mean", False, 1),
    ("conversion", False, 1),
    ("mean", True, 2),
    ("ratio", False, 2),
    ("ratio", True, 4),
]


@pytest.mark.parametrize(("kind", "cuped", "variables"), KINDS)
@settings(deadline=None)
@given(data=st.data())
def test_no_numbers_however_hostile_break_it(
    kind: MetricKind, cuped: bool, variables: int, data: st.DataObject
) -> None:
    """No exception, no warning, no NaN: an answer with finite bounds, or a status."""
    a, b = data.draw(hostile_moments(variables)), data.draw(hostile_moments(variables))
    calls: list[Callable[[], Estimate]] = [
        lambda: estimate_live(a, b, kind=kind, alpha=ALPHA, planned_units=PLANNED, cuped=cuped),
        lambda: estimate_decision(a, b, kind=kind, alpha=ALPHA, planned_units=PLANNED, cuped=cuped),
        lambda: estimate_fixed(a, b, kind=kind, alpha=ALPHA, cuped=cuped),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for call in calls:
            _assert_sound(call())
        guarded = estimate_guardrail(a, b, kind=kind, alpha=ALPHA, planned_units=PLANNED, margin=0.1, cuped=cuped)
        relative = contrast(a, b, kind=kind, cuped=cuped, relative=True)
    assert (guarded.status == "ok") == (guarded.verdict != "hidden")
    if guarded.status == "ok":
        shown = [guarded.lower, guarded.upper, guarded.p_value, guarded.p_inferior]
        assert all(value is not None and isfinite(value) for value in shown)
    assert np.isnan(relative.error) == (STATUSES[int(relative.codes)] != "ok")


def _assert_sound(found: Estimate) -> None:
    assert (found.absolute is not None) == (found.status == "ok")
    for interval in (found.absolute, found.relative, found.small_sample):
        if interval is not None:
            assert np.isfinite([interval.effect, interval.lower, interval.upper]).all()
            assert interval.lower <= interval.effect <= interval.upper
    assert found.p_value is None or 0 <= found.p_value <= 1
