"""`whystream plan-experiment`: size, days and the smallest effect, there and back again."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.experiments.tests.asking import ask, refused

RATE = ("plan-experiment", "--baseline", "4.8%")
MEAN = ("plan-experiment", "--mean", "52", "--sd", "256")


def document(*arguments: object) -> dict[str, Any]:
    result = ask(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def answers(*arguments: object) -> dict[str, dict[str, Any]]:
    return {one["rule"]: one for one in document(*arguments)["answers"]}


def test_one_look_is_the_textbook_s_size() -> None:
    """R's power.prop.test(p1 = .05, p2 = .06, power = .8): 8157.9 in each group. Means: (z_a + z_b)²·2·s²/d²."""
    assert answers("plan-experiment", "--baseline", "5%", "--effect", "1pp")["fixed"]["units"] == 16_316
    assert answers("plan-experiment", "--mean", "0", "--sd", "1", "--effect", "0.1")["fixed"]["units"] == 3_140


def test_to_look_on_the_way_costs_a_little_and_to_stop_at_any_look_more() -> None:
    found = answers(*RATE, "--lift", "10%")
    fixed, hybrid, live = (found[rule]["units"] for rule in ("fixed", "hybrid", "live"))
    assert 1.02 < hybrid / fixed < 1.15
    assert 1.7 < live / fixed < 2.2


@pytest.mark.parametrize(
    "design",
    [
        (*RATE,),
        (*RATE, "--direction", "decrease"),
        (*RATE, "--weights", "2,1,1", "--alpha", "0.1", "--power", "0.9"),
        (*MEAN,),
        (*MEAN, "--weights", "9,1"),
    ],
)
def test_the_effect_of_a_size_and_the_size_of_that_effect_agree(design: tuple[str, ...]) -> None:
    for rule, one in answers(*design, "--units", "40000").items():
        back = answers(*design, "--effect", repr(one["effect"]))[rule]["units"]
        assert back == pytest.approx(40_000, rel=1e-3)


@pytest.mark.parametrize("design", [RATE, MEAN])
def test_days_are_units_by_the_traffic_and_never_less_than_the_minimum(design: tuple[str, ...]) -> None:
    days = answers(*design, "--days", "20", "--per-day", "2000")
    assert days == {rule: {**one, "days": 20} for rule, one in answers(*design, "--units", "40000").items()}
    wanted = answers(*design, "--lift", "20%", "--per-day", "2000")["fixed"]
    assert wanted["days"] == max(7, -(-wanted["units"] // 2000))
    hurried = answers(*design, "--lift", "20%", "--per-day", "1e9", "--min-days", "14")
    assert {one["days"] for one in hurried.values()} == {14}


def test_week_by_week_ever_smaller_effects_can_be_seen() -> None:
    weeks = document(*RATE, "--lift", "10%", "--per-day", "2000")["by_week"]
    assert [row["week"] for row in weeks] == [1, 2, 3, 4, 5, 6, 8, 10]
    for place in range(3):
        effects = [row["answers"][place]["effect"] for row in weeks]
        assert effects == sorted(effects, reverse=True)
    assert document(*RATE, "--lift", "10%")["by_week"] == []


def test_a_decrease_is_said_by_its_sign_or_by_its_direction() -> None:
    signed = answers(*RATE, "--effect", "-0.6pp")
    assert signed == answers(*RATE, "--effect", "0.006", "--direction", "decrease")
    assert signed == answers(*RATE, "--lift", "-12.5%")
    assert signed["fixed"]["effect"] == pytest.approx(-0.006)
    assert signed["fixed"]["units"] != answers(*RATE, "--effect", "0.6pp")["fixed"]["units"]


def test_more_treatments_need_more_units() -> None:
    two, three = (answers(*RATE, "--lift", "10%", "--weights", weights) for weights in ("1,1", "1,1,1"))
    assert three["fixed"]["units"] > two["fixed"]["units"] * 1.5


def test_what_no_change_could_show_is_said() -> None:
    result = ask(*RATE, "--units", "300", "--direction", "decrease")
    assert answers(*RATE, "--units", "300", "--direction", "decrease")["live"]["effect"] is None
    assert "None: even the largest change that a rate has room for" in " ".join(result.stdout.split())


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
def test_it_fits_the_terminal(columns: int) -> None:
    result = ask(*MEAN, "--lift", "1%", "--per-day", "2000", columns=columns)
    assert result.exit_code == 0
    assert max(len(line) for line in result.stdout.splitlines()) <= columns
    said = " ".join(result.stdout.split())
    assert "stop at any look" in said
    assert "More than a year" in said
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--baseline: give the control's rate (--baseline 4.8%), or its --mean and --sd"),
        (("--baseline", "5%", "--mean", "1"), "--baseline: give the control's rate"),
        (("--baseline", "4.8", "--lift", "10%"), "--baseline: a rate lies between 0 and 1: write 4.8% or 0.048"),
        (("--baseline", "0", "--effect", "0.1"), "--baseline: a rate lies between 0 and 1"),
        (("--baseline", "five", "--lift", "10%"), "--baseline: 'five' is no number"),
        (("--baseline", "5%", "--sd", "1", "--lift", "10%"), "--sd: a rate needs no standard deviation"),
        (("--mean", "1", "--lift", "10%"), "--sd: a mean needs its standard deviation per unit"),
        (("--mean", "1", "--sd", "0", "--lift", "10%"), "--sd: the standard deviation must be above 0"),
        (("--mean", "0", "--sd", "1", "--lift", "10%"), "--lift: there is no lift over 0"),
        (("--mean", "1", "--sd", "1", "--effect", "10%"), "--effect: '10%' is no number"),
        (("--baseline", "5%"), "give one of them: an effect (--effect or --lift), --units, or --days"),
        (("--baseline", "5%", "--lift", "10%", "--units", "9"), "give one of them"),
        (("--baseline", "5%", "--lift", "10%", "--effect", "1pp"), "--lift: give the effect once"),
        (("--baseline", "5%", "--effect", "0"), "--effect: an effect of 0 cannot be seen"),
        (("--baseline", "5%", "--effect", "2"), "--effect: this leads to a rate of 205 %, which is none"),
        (("--baseline", "5%", "--lift", "-100%"), "--lift: this leads to a rate of 0 %"),
        (("--baseline", "5%", "--effect", "-1pp", "--direction", "increase"), "--direction: the effect is below 0"),
        (("--baseline", "5%", "--effect", "1e-9"), "--effect: this takes more than 1,000,000,000,000 units"),
        (("--mean", "1", "--sd", "1e99", "--effect", "1e-99"), "--effect: this takes more than"),
        (("--baseline", "5%", "--days", "9"), "--days: days alone are no size: say with --per-day"),
        (("--baseline", "5%", "--days", "1", "--per-day", "1"), "--days: 1 units come in these days"),
        (("--baseline", "5%", "--units", "1"), "--units"),
        (("--baseline", "5%", "--units", "9" * 20), "--units: give a number between 2 and 1,000,000,000,000"),
        (("--baseline", "5%", "--days", "inf", "--per-day", "9"), "--days: give a number between 1 and 10,000"),
        (("--baseline", "5%", "--lift", "9%", "--per-day", "nan"), "--per-day: give a number between 0.001"),
        (("--baseline", "5%", "--lift", "9%", "--weights", "1"), "--weights: give two or more weights above 0"),
        (("--baseline", "5%", "--lift", "9%", "--weights", "1,0"), "--weights: give two or more weights above 0"),
        (("--baseline", "5%", "--lift", "9%", "--weights", ",".join("1" * 11)), "--weights: at most 10 arms"),
        (("--baseline", "5%", "--lift", "9%", "--power", "1"), "--power"),
    ],
)
def test_called_wrongly_it_says_what_to_do(arguments: tuple[str, ...], said: str) -> None:
    assert said in refused("plan-experiment", *arguments)


TYPED = st.text("0123456789.-e%p", max_size=8)


@settings(max_examples=150, deadline=None)
@given(TYPED, TYPED, TYPED, st.booleans())
def test_whatever_is_typed_is_answered_or_refused_with_a_reason(base: str, size: str, traffic: str, mean: bool) -> None:
    metric = (f"--mean={base}", "--sd=3") if mean else (f"--baseline={base}",)
    result = ask("plan-experiment", *metric, f"--effect={size}", f"--per-day={traffic}")
    assert result.exit_code in (0, 2), result.output
    assert result.stdout if result.exit_code == 0 else "Invalid value" in result.stderr


@settings(max_examples=60, deadline=None)
@given(st.floats(1e-12, 1 - 1e-12), st.integers(2, 10**12), st.sampled_from(["increase", "decrease"]))
def test_any_rate_and_size_is_answered(rate: float, units: int, direction: str) -> None:
    result = ask("plan-experiment", "--baseline", repr(rate), "--units", units, "--direction", direction, columns=60)
    assert result.exit_code == 0, result.output
    assert max(len(line) for line in result.stdout.splitlines()) <= 60
