"""The numbers are those of the literature, and nothing is claimed where nothing may be."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.experiments.statistics.confidence_sequence import multiplier
from services.experiments.statistics.effect import METHOD, estimate_effect
from services.experiments.statistics.sample_ratio import check_sample_ratio
from services.experiments.statistics.sample_size import Split, units_for_conversion, units_for_mean
from services.experiments.statistics.summary import Summary

HALVES = Split(0.5, 0.5)
values = st.lists(st.floats(-1e6, 1e6), max_size=40)


def of_sums(n: int, total: float, squares: float) -> Summary:
    return Summary(n, total / n, squares - total**2 / n)


def conversions(n: int, converted: int) -> Summary:
    return of_sums(n, converted, converted)


@given(values, values, values)
def test_summaries_merge_in_any_grouping(a: list[float], b: list[float], c: list[float]) -> None:
    left = Summary.of(a).merge(Summary.of(b)).merge(Summary.of(c))
    right = Summary.of(c).merge(Summary.of(a).merge(Summary.of(b)))
    whole = [*a, *b, *c]
    assert left.n == right.n == len(whole)
    if whole:
        assert (left.mean, right.mean) == pytest.approx((np.mean(whole), np.mean(whole)), rel=1e-9, abs=1e-6)
        assert (left.m2, right.m2) == pytest.approx((np.var(whole) * len(whole),) * 2, rel=1e-6, abs=1e-3)


@given(values, st.integers(0, 50))
def test_units_without_an_outcome_count_as_zero(found: list[float], zeros: int) -> None:
    merged, added = Summary.of(found).with_zeros(zeros), Summary.of([*found, *([0.0] * zeros)])
    assert merged.n == added.n
    assert (merged.mean, merged.m2) == pytest.approx((added.mean, added.m2), rel=1e-9, abs=1e-3)


def test_large_means_do_not_cancel_the_variance() -> None:
    """NIST StRD NumAcc4: mean 10,000,000.2, standard deviation exactly 0.1."""
    found = Summary.of([10_000_000.2] + [10_000_000.1, 10_000_000.3] * 500)
    assert (found.mean, sqrt(found.variance)) == pytest.approx((10_000_000.2, 0.1), rel=1e-8)


@pytest.mark.parametrize(
    ("units", "planned", "expected"),
    [  # closed form in arbitrary precision, and confseq 0.0.11's two-sided normal mixture
        (6_461, 1_000, 3.184651144560519),
        (6_461, 5_000, 3.03851749344433),
        (90_189, 90_000, 3.0351986367450703),
    ],
)
def test_the_multiplier_is_that_of_the_normal_mixture(units: int, planned: int, expected: float) -> None:
    assert multiplier(units, alpha=0.05, planned_units=planned) == pytest.approx(expected, rel=1e-12)


def test_the_interval_of_a_mean_matches_a_published_case() -> None:
    """A case of the test suite of GrowthBook's gbstats (relative effect, tuned to 1,000 units)."""
    control, treatment = of_sums(3_000, 1_396.87, 52_377.9767), of_sums(3_461, 2_422.7, 134_698.29)
    found = estimate_effect(control, treatment, kind="mean", alpha=0.05, planned_units=1_000)
    assert found.relative is not None
    assert found.relative.effect == pytest.approx(0.5033610858562358, rel=1e-9)
    assert (found.relative.lower, found.relative.upper) == pytest.approx((-0.5584405051, 1.5651626768), rel=1e-8)


def test_the_interval_of_a_conversion_matches_a_public_experiment() -> None:
    """Cookie Cats, seven-day retention (public data set of 90,189 players), tuned to 90,000 units."""
    control, treatment = conversions(44_700, 8_502), conversions(45_489, 8_279)
    found = estimate_effect(control, treatment, kind="conversion", alpha=0.05, planned_units=90_000)
    assert found.absolute is not None
    assert found.method == METHOD
    bounds = (found.absolute.effect, found.absolute.lower, found.absolute.upper)
    assert bounds == pytest.approx((-0.00820130, -0.01606858, -0.00033402), abs=2e-7)


@pytest.mark.parametrize(
    ("control", "treatment", "status"),
    [
        (Summary(), Summary(), "too_few_units"),
        (conversions(99, 50), conversions(1_000, 500), "too_few_units"),
        (conversions(1_000, 4), conversions(1_000, 5), "too_few_conversions"),
        (conversions(1_000, 996), conversions(1_000, 995), "too_few_conversions"),
        (conversions(1_000, 50), conversions(1_000, 0), "no_variance"),
        (conversions(1_000, 1_000), conversions(1_000, 500), "no_variance"),
        (conversions(1_000, 50), conversions(1_000, 60), "ok"),
    ],
)
def test_no_interval_is_made_up(control: Summary, treatment: Summary, status: str) -> None:
    found = estimate_effect(control, treatment, kind="conversion", alpha=0.05, planned_units=1_000)
    assert found.status == status
    assert (found.absolute is None) == (found.relative is None) == (status != "ok")


def test_there_is_no_lift_over_a_mean_that_is_not_above_zero() -> None:
    losing, level = Summary(200, -1.0, 100.0), Summary(200, 0.5, 100.0)
    found = estimate_effect(losing, level, kind="mean", alpha=0.05, planned_units=1_000)
    assert found.absolute is not None
    assert found.relative is None


@pytest.mark.parametrize(
    ("units", "weights", "status", "p_value"),
    [  # GrowthBook's test literals, recomputed with scipy
        ([1_000, 1_200], [0.5, 0.5], "broken", 2.007865612426481e-05),
        ([310, 98], [0.75, 0.25], "ok", 0.647434185701797),
        ([500, 500, 600], [0.34, 0.33, 0.33], "broken", 0.0005926379315273186),
        ([3, 4], [1, 1], "too_few_units", None),
        ([0, 0], [1, 1], "too_few_units", None),
        ([100, 0], [1, 1], "broken", 1.5239706048321e-23),
    ],
)
def test_the_sample_ratio_is_checked(units: list[int], weights: list[float], status: str, p_value: float) -> None:
    found = check_sample_ratio(units, weights)
    assert found.status == status
    assert found.p_value == (None if p_value is None else pytest.approx(p_value, rel=1e-6))


def test_sample_sizes_are_those_of_the_textbooks() -> None:
    # R: power.prop.test(p1=.5, p2=.75, power=.9) gives 76.7 per arm; Cohen: d = 0.5 needs 62.8 per arm (normal)
    assert units_for_conversion(HALVES, baseline=0.75, treated=0.5, alpha=0.05, power=0.9) == 154
    assert units_for_mean(HALVES, deviation=2.0, effect=1.0, alpha=0.05, power=0.8) == 126
    uneven = units_for_mean(Split(0.9, 0.1), deviation=2.0, effect=1.0, alpha=0.05, power=0.8)
    assert uneven == pytest.approx(126 * 0.25 / 0.09, rel=0.01)


@pytest.mark.parametrize(("rate", "planned"), [(0.05, 10_000), (0.3, 4_000)])
def test_looking_all_the_time_keeps_the_registered_error_rate(rate: float, planned: int) -> None:
    """A/A experiments, looked at 200 times until twice the planned size: at most alpha plus three standard errors."""
    alpha, runs, looks = 0.05, 1_000, 200
    step = planned // looks  # units per arm between two looks
    draws = np.random.default_rng(20_261_122).binomial(step, rate, size=(2, runs, looks)).cumsum(axis=2)
    claimed = np.zeros(runs, dtype=bool)
    for look in range(looks):
        n = step * (look + 1)
        for run in np.flatnonzero(~claimed):
            control, treatment = (conversions(n, int(draws[arm, run, look])) for arm in (0, 1))
            found = estimate_effect(control, treatment, kind="conversion", alpha=alpha, planned_units=planned).absolute
            claimed[run] = found is not None and (found.lower > 0 or found.upper < 0)
    assert claimed.mean() <= alpha + 3 * sqrt(alpha * (1 - alpha) / runs)
