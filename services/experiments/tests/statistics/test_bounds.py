"""The bounds hold their error over all looks, by themselves and together."""

from math import inf, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.experiments.statistics.confidence_sequence import (
    multiplier,
    multipliers,
    one_sided_multipliers,
    one_sided_multipliers_approximate,
    one_sided_p_values,
    one_sided_p_values_approximate,
    p_values,
    running_minimum,
)
from services.experiments.statistics.group_sequential import (
    UnusableLooks,
    hwang_shih_decani,
    obrien_fleming,
    pocock,
    power_family,
    spending_bounds,
)
from services.experiments.statistics.hybrid import alpha_spent, decision_multiplier

alphas = st.floats(0.0005, 0.2)
sizes = st.floats(10, 1e8)


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


def test_before_the_first_unit_nothing_is_known() -> None:
    assert multiplier(0, alpha=0.05, planned_units=100) == inf
    assert one_sided_multipliers([0.0], alpha=0.05, planned_units=100)[0] == inf


@settings(deadline=None)
@given(sizes, sizes, alphas)
def test_at_its_own_bound_p_is_alpha(units: float, planned: float, alpha: float) -> None:
    two = multipliers(units, alpha=alpha, planned_units=planned)
    one = one_sided_multipliers(units, alpha=alpha, planned_units=planned)
    near = one_sided_multipliers_approximate(units, alpha=alpha, planned_units=planned)
    p = [
        p_values(two, units, alpha=alpha, planned_units=planned),
        one_sided_p_values(one, units, alpha=alpha, planned_units=planned),
        one_sided_p_values_approximate(near, units, alpha=alpha, planned_units=planned),
    ]
    assert [float(each) for each in p] == pytest.approx([alpha] * 3, rel=1e-9)
    assert one <= near * (1 + 1e-12)
    # Each is tuned to the planned size by its own alpha: above 0.15 the one-sided one so much so that it begins wider.
    assert one <= two or alpha > 0.15


@settings(deadline=None)
@given(st.lists(st.floats(-40, 40), min_size=2, max_size=2), sizes, sizes, alphas)
def test_more_evidence_never_has_a_larger_p(z: list[float], units: float, planned: float, alpha: float) -> None:
    low, high = sorted(z)
    for p in (one_sided_p_values, one_sided_p_values_approximate):
        found = p(np.array([low, high]), units, alpha=alpha, planned_units=planned)
        assert 0 <= found[1] <= found[0] <= 1


def test_the_running_p_value_never_rises() -> None:
    assert running_minimum([0.5, 0.2, 0.4, 0.1]).tolist() == [0.5, 0.2, 0.2, 0.1]


def test_a_one_sided_alpha_must_be_below_a_half() -> None:
    with pytest.raises(ValueError, match="between 0 and 0"):
        one_sided_multipliers([10.0], alpha=0.5, planned_units=100)


@pytest.mark.parametrize("alpha", [0.005, 0.05, 0.1])
def test_live_looks_and_the_hybrid_decision_err_together_in_alpha(alpha: float) -> None:
    """Brownian paths looked at 400 times, independently of the recursion that made the bound."""
    random, paths, looks = np.random.default_rng(11), 20_000, 400
    times = np.geomspace(0.01, 1.0, looks)
    steps = np.sqrt(np.diff(times, prepend=0.0))
    bounds = multipliers(times, alpha=alpha, planned_units=1.0)
    path, claimed = np.zeros(paths), np.zeros(paths, dtype=bool)
    z = path
    for step, time, bound in zip(steps, times, bounds, strict=True):
        path = path + step * random.standard_normal(paths)
        z = np.abs(path) / sqrt(time)
        claimed |= z > bound
    live = claimed.mean()
    claimed |= z > decision_multiplier(1.0, alpha=alpha)
    error = sqrt(alpha * (1 - alpha) / paths)
    assert live <= float(alpha_spent(1.0, alpha=alpha)) + 3 * error
    assert alpha - 4 * error - 0.002 <= claimed.mean() <= alpha + 3 * error


@pytest.mark.parametrize("alpha", [0.001, 0.05, 0.2])
def test_what_looking_spends_grows_and_stays_below_alpha(alpha: float) -> None:
    spent = alpha_spent(np.geomspace(0.001, 100, 200), alpha=alpha)
    assert (np.diff(spent) >= 0).all()
    assert 0 <= spent[0] < 0.01 * alpha
    assert 0.7 * alpha < spent[-1] < alpha


def test_the_decision_is_narrower_than_the_live_interval_and_wider_than_one_look() -> None:
    at = np.array([1.0, 1.5, 3.0, 20.0])
    found = decision_multiplier(at, alpha=0.05)
    assert found[0] == pytest.approx(2.037, abs=0.001)
    assert (np.diff(found) >= 0).all()
    assert (found <= multipliers(at, alpha=0.05, planned_units=1.0)).all()


SPENDING = [obrien_fleming, pocock, power_family(2), hwang_shih_decani(-4.0), hwang_shih_decani(0.0)]


@pytest.mark.parametrize("spending", SPENDING)
@pytest.mark.parametrize("sides", [1, 2])
def test_every_spending_function_spends_all_of_alpha(spending: object, sides: int) -> None:
    """Brownian paths against the bounds at four uneven looks."""
    fractions, alpha, paths = [0.1, 0.45, 0.8, 1.0], 0.1, 40_000
    bounds = spending_bounds(fractions, alpha=alpha, sides=sides, spending=spending)  # type: ignore[arg-type] - parametrised
    random = np.random.default_rng(3)
    path = np.cumsum(random.standard_normal((paths, 4)) * np.sqrt(np.diff(fractions, prepend=0.0)), axis=1)
    z = path / np.sqrt(fractions)
    crossed = ((np.abs(z) if sides == 2 else z) > np.array(bounds)).any(axis=1).mean()
    assert crossed == pytest.approx(alpha, abs=4 * sqrt(alpha * (1 - alpha) / paths))


def test_one_look_is_the_textbooks() -> None:
    assert spending_bounds([1.0], alpha=0.05) == pytest.approx([1.959964], abs=1e-6)
    assert spending_bounds([1.0], alpha=0.05, sides=1) == pytest.approx([1.644854], abs=1e-6)


@pytest.mark.parametrize("looks", [[], [0.0, 1.0], [0.5, 0.5], [0.7, 0.3], [0.5, 1.2]])
def test_looks_that_are_no_looks_are_refused(looks: list[float]) -> None:
    with pytest.raises(UnusableLooks, match="increasing fractions"):
        spending_bounds(looks, alpha=0.05)


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 1.0), min_size=1, max_size=6, unique=True))
def test_bounds_exist_for_any_looks(looks: list[float]) -> None:
    found = spending_bounds(sorted(looks), alpha=0.05)
    assert np.isfinite(found).all()
    assert min(found) > 1.9
