"""Moments are exact to keep, to merge and to store."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.experiments.statistics.moments import Moments
from services.experiments.statistics.summary import Summary

values = st.lists(st.floats(-1e6, 1e6), max_size=30)
rows = st.lists(st.tuples(*[st.floats(-1e3, 1e3)] * 4), max_size=20)
NUMACC_4 = [10_000_000.2] + [10_000_000.1, 10_000_000.3] * 500


def of(units: list[tuple[float, ...]]) -> Moments:
    return Moments.of(np.array(units, dtype=float).reshape(-1, 4))


def assert_close(one: Moments, other: Moments) -> None:
    """To 1e-9 of the values' own size: what merging may lose by rounding."""
    assert one.n == other.n
    np.testing.assert_allclose(one.means, other.means, rtol=1e-9, atol=1e-9)
    scale = 1e-9 * max(1.0, float(np.abs(one.products).max(initial=0.0)))
    np.testing.assert_allclose(one.products, other.products, rtol=1e-9, atol=scale)


@settings(deadline=None)
@given(rows, rows, rows)
def test_merging_is_associative_and_commutative(a: list, b: list, c: list) -> None:
    left = of(a).merge(of(b)).merge(of(c))
    right = of(c).merge(of(a).merge(of(b)))
    assert_close(left, right)
    assert_close(left, of([*a, *b, *c]))
    assert_close(left, Moments.merge_all([of(a), of(b), of(c)], variables=4))


@settings(deadline=None)
@given(rows)
def test_one_unit_at_a_time_gives_the_same(units: list[tuple[float, ...]]) -> None:
    streamed = Moments.empty(4)
    for unit in units:
        streamed = streamed.add(unit)
    assert_close(streamed, of(units))


@settings(deadline=None)
@given(rows.flatmap(lambda units: st.tuples(st.just(units), st.permutations(units))))
def test_the_order_of_units_changes_no_bit(both: tuple[list, list]) -> None:
    one, other = of(both[0]), of(both[1])
    assert (one.numbers()) == (other.numbers())


@settings(deadline=None)
@given(rows)
def test_what_is_stored_comes_back_to_the_last_bit(units: list[tuple[float, ...]]) -> None:
    moments = of(units)
    back = Moments.from_numbers(moments.numbers(), variables=4)
    assert back.numbers() == moments.numbers()
    assert len(back.numbers()) == 15


def test_numbers_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="moments of 2 values are 6 numbers, not 3"):
        Moments.from_numbers([1.0, 2.0, 3.0], variables=2)


@settings(deadline=None)
@given(values, values)
def test_the_scalar_form_gives_the_same(a: list[float], b: list[float]) -> None:
    scalar = Summary.of(a).merge(Summary.of(b)).with_zeros(3)
    array = Moments.of(a).merge(Moments.of(b)).with_zeros(3).summary()
    assert scalar.n == array.n
    assert (scalar.mean, scalar.m2) == pytest.approx((array.mean, array.m2), rel=1e-9, abs=1e-3)


@settings(deadline=None)
@given(values, values)
def test_nothing_changes_by_merging_no_unit(a: list[float], b: list[float]) -> None:
    found = Moments.of(a)
    assert found.merge(Moments.empty()).numbers() == found.numbers() == Moments.empty().merge(found).numbers()
    assert Moments.merge_all([Moments.empty(), found]).numbers()[:2] == found.numbers()[:2]


def test_metrics_side_by_side_are_merged_each_for_itself() -> None:
    a, b = [Moments.of([1.0, 2.0, 4.0]), Moments.empty()], [Moments.of([8.0, 16.0]), Moments.of([3.0, 5.0])]
    together = Moments.stack(a).merge(Moments.stack(b))
    many = Moments.merge_all([Moments.stack(a), Moments.stack(b)])
    for index in range(2):
        alone = a[index].merge(b[index])
        np.testing.assert_array_equal(together.means[index], alone.means)
        np.testing.assert_allclose(many.products[index], alone.products, rtol=1e-14)


@pytest.mark.parametrize("way", ["all at once", "one by one", "in merged batches", "scalar"])
def test_large_means_do_not_cancel_the_variance(way: str) -> None:
    """NIST StRD NumAcc4, certified: mean 10,000,000.2 and standard deviation 0.1."""
    found = Moments.empty()
    if way == "all at once":
        found = Moments.of(NUMACC_4)
    elif way == "one by one":
        for value in NUMACC_4:
            found = found.add(value)
    elif way == "scalar":
        found = Moments.of_summary(Summary.of(NUMACC_4))
    else:
        found = Moments.merge_all([Moments.of(NUMACC_4[start : start + 7]) for start in range(0, 1_001, 7)])
    assert found.n == 1_001
    assert float(found.means[0]) == pytest.approx(10_000_000.2, rel=1e-15)
    assert sqrt(found.products[0, 0] / 1_000) == pytest.approx(0.1, rel=1e-8)
