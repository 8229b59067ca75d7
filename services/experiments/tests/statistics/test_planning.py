"""Sizes, power and detectable effects are those of the textbooks, and each other's inverse."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.experiments.statistics.power import (
    mde_for_conversion,
    mde_for_mean,
    mde_of_lift,
    power_for_conversion,
    power_for_mean,
    power_of_t,
    scaling_factor,
    units_per_arm_of_t,
)
from services.experiments.statistics.sample_size import Rule, Split, critical, units_for_conversion, units_for_mean

HALVES = Split(0.5, 0.5)
rules = st.sampled_from(["fixed", "hybrid", "live"])
splits = st.floats(0.05, 0.95).map(lambda share: Split(share, 1 - share))


def test_sample_sizes_are_those_of_the_textbooks() -> None:
    # R: power.prop.test(p1=.5, p2=.75, power=.9) gives 76.7 per arm; Cohen: d = 0.5 needs 62.8 per arm (normal)
    assert units_for_conversion(HALVES, baseline=0.75, treated=0.5, alpha=0.05, power=0.9) == 154
    assert units_for_mean(HALVES, deviation=2.0, effect=1.0, alpha=0.05, power=0.8) == 126
    uneven = units_for_mean(Split(0.9, 0.1), deviation=2.0, effect=1.0, alpha=0.05, power=0.8)
    assert uneven == pytest.approx(126 * 0.25 / 0.09, rel=0.01)


def test_the_rules_are_ordered_by_their_price() -> None:
    assert [round(critical(0.05, rule), 2) for rule in ("fixed", "hybrid", "live")] == [1.96, 2.04, 3.04]


@settings(deadline=None)
@given(splits, rules, st.floats(0.01, 0.9), st.floats(0.01, 0.5), st.floats(0.55, 0.95))
def test_the_mde_of_a_rate_is_what_the_size_was_made_for(
    split: Split, rule: Rule, baseline: float, part: float, power: float
) -> None:
    change = part * (1 - baseline)
    units = units_for_conversion(
        split, baseline=baseline, treated=baseline + change, alpha=0.05, power=power, rule=rule
    )
    reached = power_for_conversion(
        split, units=units, baseline=baseline, treated=baseline + change, alpha=0.05, rule=rule
    )
    assert reached >= power - 1e-9
    found = mde_for_conversion(split, units=units, baseline=baseline, alpha=0.05, power=power, rule=rule)
    assert found is not None
    assert found <= change * (1 + 1e-6)
    at_found = power_for_conversion(
        split, units=units, baseline=baseline, treated=baseline + found, alpha=0.05, rule=rule
    )
    assert at_found == pytest.approx(power, abs=1e-6)


@settings(deadline=None)
@given(splits, rules, st.floats(0.1, 100), st.floats(0.001, 1), st.floats(0.55, 0.95))
def test_the_mde_of_a_mean_is_what_the_size_was_made_for(
    split: Split, rule: Rule, deviation: float, part: float, power: float
) -> None:
    effect = part * deviation
    units = units_for_mean(split, deviation=deviation, effect=effect, alpha=0.05, power=power, rule=rule)
    assert power_for_mean(split, units=units, deviation=deviation, effect=effect, alpha=0.05, rule=rule) >= power - 1e-9
    found = mde_for_mean(split, units=units, deviation=deviation, alpha=0.05, power=power, rule=rule)
    assert found <= effect * (1 + 1e-9)


def test_a_decrease_has_its_own_mde_and_too_few_units_have_none() -> None:
    down = mde_for_conversion(HALVES, units=10_000, baseline=0.05, alpha=0.05, power=0.8, direction="decrease")
    up = mde_for_conversion(HALVES, units=10_000, baseline=0.05, alpha=0.05, power=0.8)
    assert down is not None
    assert up is not None
    assert down < up
    assert mde_for_conversion(HALVES, units=20, baseline=0.05, alpha=0.05, power=0.8, direction="decrease") is None


@settings(deadline=None)
@given(st.floats(0.05, 2), st.floats(0.5, 0.95), st.sampled_from(["two-sided", "greater"]))
def test_the_size_of_a_t_test_has_the_power(effect: float, power: float, alternative: str) -> None:
    n = units_per_arm_of_t(effect, power=power, alpha=0.05, alternative=alternative)  # type: ignore[arg-type] - sampled
    reached = power_of_t(effect, control=n, treatment=n, alpha=0.05, alternative=alternative)  # type: ignore[arg-type]
    assert reached == pytest.approx(power, abs=1e-6)


def test_what_cannot_be_detected_has_no_number() -> None:
    assert units_per_arm_of_t(0.0, power=0.8, alpha=0.05) == float("inf")
    assert mde_of_lift(mean=1.0, variance=100.0, control=50, treatment=50, alpha=0.05, power=0.8) is None


def test_enough_units_need_no_more() -> None:
    assert scaling_factor(error=0.001, mde=0.1, alpha=0.05, power=0.8) == 0.0
