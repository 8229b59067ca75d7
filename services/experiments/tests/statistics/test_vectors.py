"""Every method gives the known answers, and answers bad input with words."""

import json
import os
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.experiments.statistics.vectors import METHODS, UnusableVector, analyse
from services.experiments.tests.statistics.comparing import disagreements

OWN: list[dict[str, Any]] = json.loads(Path(__file__).with_name("vectors.json").read_text())["vectors"]
NAMED = os.environ.get("WHYSTREAM_VECTORS")  # a further file in the same format, with vectors of somebody else's
OTHERS: list[dict[str, Any]] = json.loads(Path(NAMED).read_text())["vectors"] if NAMED else []

numbers = st.integers(-5, 10**9) | st.floats() | st.sampled_from([0, 1, -1, 0.5, 1e308, 5e-324])
anything = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("vector", [*OWN, *OTHERS], ids=lambda vector: vector["id"])
def test_the_known_answer_is_given(vector: dict[str, Any]) -> None:
    assert disagreements(vector, analyse(vector)) == {}


def test_every_method_has_a_case_of_its_own() -> None:
    """But for those that only join two others, such as a sequence of ratios."""
    joined = {
        "asymptotic_cs_one_sided_approx",
        "asymptotic_cs_one_sided_exact",
        "asymptotic_cs_two_sided_cuped",
        "asymptotic_cs_two_sided_ratio",
        "asymptotic_cs_two_sided_ratio_cuped",
    }
    assert set(METHODS) - {one["method"] for one in OWN} <= joined


@pytest.mark.parametrize(
    ("vector", "words"),
    [
        ({}, "no 'method'"),
        ([], "must be an object"),
        ({"method": "guess"}, "no method 'guess'; there are"),
        ({"method": "welch_t"}, "arms has no 'control'"),
        ({"method": "welch_t", "arms": {"control": 3}}, r"arms.control must be an object"),
        ({"method": "welch_t", "arms": {"control": {"n": 2, "sum": 1}}}, "arms.control has no 'sum_squares'"),
        ({"method": "welch_t", "arms": {"control": {"n": "2"}}}, "arms.control.n must be a number"),
        ({"method": "z_pooled", "arms": {"control": {"n": 100, "sum": 540}}}, "540 of 100"),
        ({"method": "welch_t", "arms": {"control": {"n": 4, "sum": 10, "sum_squares": 3}}}, "at least sum²/n"),
        ({"method": "srm_chi2", "arms": {"counts": [1, 2]}, "settings": {"weights": [1]}}, "one weight per arm"),
        ({"method": "multiple_testing", "settings": {"p_values": [0.1, 1.2]}}, "between 0 and 1"),
        ({"method": "group_sequential_bounds", "settings": {"information_fractions": [0.5, 0.2]}}, "increasing"),
    ],
)
def test_bad_input_is_named(vector: Any, words: str) -> None:
    with pytest.raises(UnusableVector, match=words):
        analyse(vector)


@settings(deadline=None)
@given(st.data())
def test_no_damage_to_a_vector_gets_past_the_typed_error(data: st.DataObject) -> None:
    """Any part of a sound vector replaced by anything: an answer that JSON can say, or UnusableVector."""
    vector = deepcopy(data.draw(st.sampled_from(OWN)))
    place = _some_place(vector, data)
    if place:
        holder, key = place
        holder[key] = data.draw(anything)
    with suppress(UnusableVector):
        json.dumps(analyse(vector), allow_nan=False)


def _some_place(vector: dict[str, Any], data: st.DataObject) -> tuple[Any, Any] | None:
    """A random place among the arms and settings."""
    if data.draw(st.integers(0, 9)) == 0:
        return vector, data.draw(st.sampled_from(["method", "arms", "settings"]))
    holder: Any = vector[data.draw(st.sampled_from(["arms", "settings"]))]
    while holder:
        key = data.draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
        if not isinstance(holder[key], dict | list) or not holder[key] or data.draw(st.integers(0, 3)) == 0:
            return holder, key
        holder = holder[key]
    return None
