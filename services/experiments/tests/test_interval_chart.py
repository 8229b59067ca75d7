"""The chart keeps its width, keeps zero in one column, and draws what the numbers say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.experiments.report.chart import ASCII, UNICODE, Bar, Marks, draw
from services.experiments.report.scale import Scale, level, p_value, percent
from services.experiments.statistics.effect import Interval

FINITE = st.floats(-1e12, 1e12)


def chart(*intervals: tuple[float, float, float], width: int = 40, marks: Marks = UNICODE) -> list[str]:
    found = [Interval(effect, lower, upper) for lower, effect, upper in intervals]
    bars = [Bar(f"bar {place}", one) for place, one in enumerate(found)]
    return [line.plain for line in draw(bars, width=width, scale=Scale.of("mean", found), marks=marks)]


def test_a_chart() -> None:
    assert chart((-1, 1, 3), (0.5, 1, 1.5), width=31) == [
        "bar 0  ├─────┼─────●──────────┤",
        "bar 1        ┊  ├──●─┤",
        "       -1.00 0            +3.00",
    ]


def test_without_unicode() -> None:
    lines = chart((-1, 1, 3), marks=ASCII)
    assert lines[0].isascii()
    assert lines[0].strip("bar 0") == "|-------+-------o---------------|"


def test_nothing_to_draw() -> None:
    assert chart() == []


@given(st.lists(st.tuples(FINITE, FINITE, FINITE).map(sorted).map(tuple), min_size=1, max_size=6), st.integers(50, 200))
def test_it_keeps_its_width_and_marks_each_effect(intervals: list[tuple[float, float, float]], width: int) -> None:
    lines = chart(*intervals, width=width)
    assert len(lines) == len(intervals) + 1
    assert all(len(line) <= width for line in lines)
    assert all(line.count("●") == 1 for line in lines[:-1])


def test_zero_stands_in_one_column_and_inside_only_if_it_is() -> None:
    above, across = chart((1, 2, 3), (-1, 1, 3))[:2]
    assert above.index("┊") == across.index("┼")
    assert "┼" not in above


def test_a_long_label_leaves_room_for_the_bar() -> None:
    bars = [Bar("x" * 100, Interval(1, 0, 2))]
    line = draw(bars, width=60, scale=Scale("mean", 1))[0].plain
    assert len(line) <= 60
    assert line.startswith("x" * 17 + "...")


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        (Interval(0.006, -0.0033, 0.0153), "[-0.33 pp, +1.53 pp]"),
        (Interval(1.5e-5, -8e-6, 3.8e-5), "[-0.00080 pp, +0.00380 pp]"),
        (Interval(0.1, 0.000034, 0.2), "[+0.003 pp, +20.000 pp]"),
    ],
)
def test_bounds_are_written_with_as_many_digits_as_they_carry(interval: Interval, said: str) -> None:
    assert Scale.of("conversion", [interval]).interval(interval) == said


def test_numbers_as_people_read_them() -> None:
    assert Scale.of("mean", [Interval(2e12, 1e12, 3e12)]).amount(2e12) == "+2e+12"
    assert (level(0.0481, "conversion"), level(52.4563, "mean"), level(1234567.5, "mean")) == (
        "4.81 %",
        "52.4563",
        "1,234,567.5",
    )
    assert (percent(0.125), percent(1e7)) == ("+12.5 %", "+1e+09 %")
    assert [p_value(one) for one in (None, 0.0, 0.00012, 0.0539, 0.5)] == ["-", "< 0.0001", "0.00012", "0.054", "0.50"]
