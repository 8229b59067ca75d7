"""Sample ratio, several questions, quantiles, limits, lifts, posteriors."""

from itertools import pairwise
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.experiments.statistics.bayes import BetaPosterior, GaussianPosterior, beta_posterior, expected_losses
from services.experiments.statistics.effect import estimate_live
from services.experiments.statistics.lift import log_ratio_interval
from services.experiments.statistics.multiple import (
    benjamini_hochberg,
    bonferroni,
    breakdown,
    holm,
    interval_alphas,
)
from services.experiments.statistics.noninferiority import equivalence, mean_noninferiority
from services.experiments.statistics.proportions import score_interval, wilson
from services.experiments.statistics.quantiles import UnusableQuantile, arm_quantile, quantile_effect
from services.experiments.statistics.sample_ratio import check_sample_ratio, sequential_sample_ratio
from services.experiments.statistics.summary import Summary
from services.experiments.statistics.winsorise import limits
from services.experiments.tests.statistics.arms import conversions

probabilities = st.floats(0, 1)


@pytest.mark.parametrize(
    ("units", "weights", "status", "p_value"),
    [  # GrowthBook's test literals, recomputed with scipy
        ([1_000, 1_200], [0.5, 0.5], "broken", 2.007865612426481e-05),
        ([310, 98], [0.75, 0.25], "ok", 0.647434185701797),
        ([500, 500, 600], [0.34, 0.33, 0.33], "broken", 0.0005926379315273186),
        ([1_000, 1_200, 900], [0.5, 0.5, 0.0], "broken", 2.007865612426481e-05),
        ([3, 4], [1, 1], "too_few_units", None),
        ([0, 0], [1, 1], "too_few_units", None),
        ([100, 0], [1, 1], "broken", 1.5239706048321e-23),
    ],
)
def test_the_sample_ratio_is_checked(units: list[int], weights: list[float], status: str, p_value: float) -> None:
    found = check_sample_ratio(units, weights)
    assert found.status == status
    assert found.p_value == (None if p_value is None else pytest.approx(p_value, rel=1e-6))


def test_the_sequential_sample_ratio_remembers_its_smallest_p_value() -> None:
    broken = sequential_sample_ratio([4_700, 5_300], [1, 1])
    assert broken.status == "broken"
    later = sequential_sample_ratio([50_000, 50_000], [1, 1], lowest_p=broken.p_value)
    assert (later.status, later.p_value) == ("broken", broken.p_value)
    assert later.chi2_p_value == pytest.approx(1.0)
    assert sequential_sample_ratio([0, 0], [1, 1]).p_value == 1.0


def test_the_sequential_sample_ratio_may_be_looked_at_any_time() -> None:
    """A sound assignment, looked at 500 times: called broken at 0.05 in at most that share of experiments."""
    random, runs = np.random.default_rng(2), 400
    share = np.cumsum(random.binomial(40, 0.3, size=(runs, 500)), axis=1)
    total = 40 * np.arange(1, 501)
    broken = 0
    for run in range(runs):
        looks = zip(total[::10], share[run, ::10], strict=True)
        p = min(sequential_sample_ratio([int(n - x), int(x)], [0.7, 0.3]).p_value for n, x in looks)
        broken += p < 0.05
    assert broken / runs <= 0.05 + 3 * sqrt(0.05 * 0.95 / runs)


@settings(deadline=None)
@given(st.lists(probabilities, min_size=1, max_size=20))
def test_adjusted_p_values_are_ordered(p: list[float]) -> None:
    """Bonferroni ≥ Holm ≥ Benjamini-Hochberg ≥ p, and none disturbs the order of the questions."""
    found = bonferroni(p), holm(p), benjamini_hochberg(p), np.array(p)
    for larger, smaller in pairwise(found):
        assert (larger >= smaller - 1e-15).all()
    order = np.argsort(p, kind="stable")
    assert all((np.diff(adjusted[order]) >= 0).all() for adjusted in found)


def test_questions_without_an_answer_are_not_counted() -> None:
    p = [0.01, float("nan"), 0.04]
    for adjusted in (bonferroni(p), holm(p), benjamini_hochberg(p)):
        assert adjusted[0] == pytest.approx(0.02)
        assert np.isnan(adjusted[1])


def test_intervals_of_several_questions_have_a_level() -> None:
    p = [0.001, 0.01, 0.5, 0.9]
    assert interval_alphas(p, alpha=0.05, correction="holm").tolist() == [0.0125] * 4
    found = interval_alphas(p, alpha=0.05, correction="benjamini_hochberg")
    assert found[:2].tolist() == [0.025, 0.025]
    assert np.isnan(found[2:]).all()


def test_a_dimension_is_broken_down_with_correction() -> None:
    slices = {
        "mobile": (conversions(5_000, 480), conversions(5_000, 640)),
        "desktop": (conversions(5_000, 500), conversions(5_000, 505)),
        "watch": (conversions(12, 1), conversions(9, 2)),
    }
    found = breakdown(slices, kind="conversion", alpha=0.05, planned_units=20_000)
    assert [(one.value, one.estimate.status, one.claimed) for one in found] == [
        ("mobile", "ok", True),
        ("desktop", "ok", False),
        ("watch", "too_few_units", False),
    ]
    alone = estimate_live(*slices["mobile"], kind="conversion", alpha=0.05, planned_units=10_000)
    assert alone.error == found[0].estimate.error
    assert found[0].estimate.multiplier is not None
    assert alone.multiplier is not None
    assert found[0].estimate.multiplier > alone.multiplier
    assert breakdown({}, kind="mean", alpha=0.05) == []


def test_a_quantile_is_bounded_by_order_statistics() -> None:
    random = np.random.default_rng(8)
    held = 0
    for _ in range(300):
        found = arm_quantile(random.exponential(size=400), 0.9)
        held += found.lower <= np.log(10) <= found.upper
    assert held / 300 > 0.95 - 3 * sqrt(0.05 * 0.95 / 300)
    control, treatment = (arm_quantile(random.exponential(size=4_000) + shift, 0.5) for shift in (0, 0.2))
    effect = quantile_effect(control, treatment)
    assert effect is not None
    assert effect.lower < 0.2 < effect.upper
    assert quantile_effect(arm_quantile([1.0] * 100, 0.5), arm_quantile([1.0] * 100, 0.5)) is None


def test_too_few_units_do_not_bound_a_quantile() -> None:
    with pytest.raises(UnusableQuantile, match="20 units do not bound the quantile"):
        arm_quantile(range(20), 0.99)


def test_limits_are_the_same_for_all_arms() -> None:
    found = limits([[1.0] * 500, [2.0] * 499 + [1e6]], upper=0.99)
    assert found.of([1.0, 1e6]).tolist() == [1.0, 2.0]
    assert limits([]).of([5.0]).tolist() == [5.0]


def test_a_lift_on_the_logarithms_scale_stays_above_minus_one() -> None:
    control, treatment = Summary(100, 5.0, 9_900.0), Summary(100, 1.0, 9_900.0)
    status, lift, lower, upper = log_ratio_interval(control, treatment, kind="mean", multiplier=6.0)
    assert status == "ok"
    assert float(lift) == pytest.approx(-0.8)
    assert -1 < lower < lift < upper
    assert log_ratio_interval(Summary(100, -5.0, 1.0), treatment, kind="mean")[0] == "nonpositive_mean"
    assert log_ratio_interval(Summary(1, 5.0, 0.0), treatment, kind="mean")[0] == "withheld"


def test_posteriors_say_that_they_are_not_safe_to_peek_at() -> None:
    assert not GaussianPosterior.peeking_safe
    assert not BetaPosterior.peeking_safe


@settings(deadline=None)
@given(st.integers(0, 2_000), st.integers(0, 2_000), st.integers(0, 2_000), st.integers(0, 2_000))
def test_beta_posteriors_of_swapped_arms_mirror(x: int, more: int, y: int, other: int) -> None:
    one, turned = beta_posterior(x, x + more, y, y + other), beta_posterior(y, y + other, x, x + more)
    assert one.chance_to_win + turned.chance_to_win == pytest.approx(1, abs=1e-9)
    assert one.loss_of_staying == pytest.approx(turned.loss_of_shipping, abs=1e-9)
    gained = one.loss_of_staying - one.loss_of_shipping
    assert gained == pytest.approx(one.mean_treatment - one.mean_control, abs=1e-9)


@settings(deadline=None)
@given(st.floats(-10, 10), st.floats(0.01, 10))
def test_expected_losses_are_never_below_zero(mean: float, deviation: float) -> None:
    staying, shipping = expected_losses(mean, deviation)
    assert staying >= 0
    assert shipping >= 0
    assert staying - shipping == pytest.approx(mean, abs=1e-12 + 1e-12 * deviation)


@settings(deadline=None)
@given(st.integers(1, 500), st.data())
def test_score_and_wilson_intervals_hold_the_estimate(n: int, data: st.DataObject) -> None:
    x, y = data.draw(st.integers(0, n)), data.draw(st.integers(0, n))
    low, high = wilson(x, n, alpha=0.05)
    assert 0 <= low <= x / n + 1e-12
    assert x / n - 1e-12 <= high <= 1
    lower, upper = score_interval(x, n, y, n, alpha=0.05)
    turned = score_interval(y, n, x, n, alpha=0.05)
    assert -1 <= lower <= (y - x) / n + 1e-9
    assert (y - x) / n - 1e-9 <= upper <= 1
    assert (lower, upper) == pytest.approx((-turned[1], -turned[0]), abs=1e-8)


def test_equivalence_needs_both_sides() -> None:
    a, b = Summary(400, 10.0, 400.0), Summary(400, 10.1, 400.0)
    assert equivalence(a, b, margin=0.3).equivalent
    assert not equivalence(a, b, margin=0.15).equivalent
    assert mean_noninferiority(a, b, margin=0.15).non_inferior
    assert not mean_noninferiority(Summary(1, 1.0, 0.0), b, margin=1.0).non_inferior
