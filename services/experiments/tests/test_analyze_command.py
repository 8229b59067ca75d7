"""`whystream analyze` with counts: what it claims, what it does not, and what it says of a bad call."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.experiments.tests.asking import ask, refused

COUNTS = ("analyze", "--control", "480/10000", "--treatment", "540/10000", "--planned", "20000")
CLEAR = ("analyze", "--control", "old=8502/44700", "--treatment", "new=8279/45489", "--planned", "90000")
MEANS = ("analyze", "--control", "52.456,256.7,44700", "--treatment", "51.299,103.3,45489", "--planned", "90000")


def document(*arguments: object, **more: Any) -> dict[str, Any]:
    result = ask(*arguments, "--json", **more)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def between(text: str, start: str, end: str) -> str:
    return " ".join(text.split(start)[1].split(end, maxsplit=1)[0].split())


def test_a_tempting_difference_is_not_claimed_while_anybody_may_look() -> None:
    result = ask("analyze", "--control", "480/10000", "--treatment", "560/10000", "--planned", "20000")
    assert result.exit_code == 0
    assert between(result.stdout, "May be claimed", "May not be claimed") == "- Nothing."
    said = between(result.stdout, "May not be claimed", "To know")
    assert "Whether treatment raises or lowers the rate is open: +0.80 pp" in said
    assert "one fixed look would have called this a difference" in said
    assert "That there is no effect is not claimed either" in said
    assert "Why they differ: each look is another chance to be fooled by luck." in result.stdout
    assert "plan-experiment --baseline 4.8% --units 20000" in result.stdout


def test_the_same_numbers_claimed_as_the_one_look_that_was_planned() -> None:
    result = ask("analyze", "--control", "480/10000", "--treatment", "560/10000", "--planned", "20000", "--once")
    claimed = between(result.stdout, "May be claimed", "May not be claimed")
    assert claimed.startswith("- treatment raises the rate: +0.80 pp [+0.18 pp, +1.42 pp], at 95 % confidence if this")
    assert "fooled" in result.stdout


def test_the_numbers_of_a_real_experiment_are_the_published_ones() -> None:
    """Cookie Cats' retention after 7 days: the always-valid interval and p of gbstats 0.8.0, Welch's of scipy."""
    comparison = document(*CLEAR)["comparisons"][0]
    whenever, once = comparison["whenever"], comparison["once"]
    assert whenever["absolute"] == pytest.approx(
        {"effect": -0.008201298, "lower": -0.016068576, "upper": -0.000334021}, abs=1e-9
    )
    assert whenever["p_value"] == pytest.approx(0.035064965, rel=1e-6)
    assert once["p_value"] == pytest.approx(0.00155, rel=0.01)
    assert (whenever["verdict"], once["verdict"]) == ("lower", "lower")
    said = ask(*CLEAR).stdout
    assert "new lowers the rate: -0.82 pp [-1.61 pp, -0.03 pp], at 95 % confidence whenever you look." in said


def test_means_in_their_own_unit() -> None:
    found = document(*MEANS)
    assert found["kind"] == "mean"
    assert found["comparisons"][0]["once"]["p_value"] == pytest.approx(0.376, abs=0.001)
    said = ask(*MEANS).stdout
    assert "pp" not in said
    assert "--mean 52.456 --sd 256.7 --units 90189" in " ".join(said.split())


def test_several_treatments_share_alpha() -> None:
    two = document(*COUNTS, "--treatment", "red=610/10000")
    assert [one["arm"] for one in two["arms"]] == ["control", "treatment 1", "red"]
    assert two["alpha_per_comparison"] == 0.025
    assert any("Bonferroni" in note for note in two["notes"])
    width = [one["comparisons"][0]["once"]["absolute"] for one in (two, document(*COUNTS))]
    assert width[0]["upper"] - width[0]["lower"] > width[1]["upper"] - width[1]["lower"]


def test_a_broken_sample_ratio_silences_every_claim() -> None:
    result = ask("analyze", "--control", "480/10000", "--treatment", "800/12000")
    assert result.exit_code == 0
    assert "Sample ratio: BROKEN" in result.stdout
    assert between(result.stdout, "May be claimed", "May not be claimed") == "- Nothing."
    assert "no number of any arm can be trusted" in " ".join(result.stdout.split())


def test_the_registered_shares_decide_what_is_broken() -> None:
    arms = ("analyze", "--control", "480/10000", "--treatment", "b=540/5000")
    assert document(*arms)["sample_ratio"]["status"] == "broken"
    assert document(*arms, "--weights", "2,1")["sample_ratio"]["status"] == "ok"
    assert document(*arms, "--weights", "b=1,control=2")["sample_ratio"]["status"] == "ok"


@pytest.mark.parametrize(
    ("control", "treatment", "why"),
    [
        ("2/40", "9/40", "an arm has fewer than 100 units"),
        ("3/4000", "4/4000", "fewer than 10 units converted"),
        ("0/4000", "0/4000", "fewer than 10 units converted"),
        ("4000/4000", "4000/4000", "fewer than 10 did not"),
    ],
)
def test_small_counts_are_shown_and_not_claimed_for_every_look(control: str, treatment: str, why: str) -> None:
    arms = ("analyze", "--control", control, "--treatment", treatment)
    said = " ".join(ask(*arms).stdout.split())
    assert "is shown and not claimed, because" in said
    assert why in said
    answers = document(*arms)["comparisons"][0]
    assert answers["whenever"]["verdict"] == "hidden"
    assert answers["once"]["method"] == "Newcombe, for small counts"
    assert answers["once"]["p_value"] is None
    assert answers["once"]["absolute"]["lower"] < answers["once"]["absolute"]["upper"]


@pytest.mark.parametrize(
    ("control", "treatment"), [("1,0,500", "2,0,500"), ("1,2,1", "2,2,1"), ("1e99,1e99,9", "0,1,9")]
)
def test_no_interval_is_made_up(control: str, treatment: str) -> None:
    arms = ("analyze", "--control", control, "--treatment", treatment)
    result = ask(*arms)
    assert result.exit_code == 0, result.output
    assert "there is no interval, because" in " ".join(result.stdout.split())
    assert document(*arms)["comparisons"][0]["whenever"]["absolute"] is None


def test_without_a_planned_size_it_says_on_what_the_interval_rests() -> None:
    arms = COUNTS[:-2]
    assert any("No --planned size" in note for note in document(*arms)["notes"])
    assert not any("--planned" in note for note in document(*COUNTS)["notes"])


@pytest.mark.parametrize("columns", [60, 80, 119, 200])
def test_it_fits_the_terminal(columns: int) -> None:
    more = ("--treatment", "a name that is much longer than all the others=610/10000")
    result = ask(*COUNTS, *more, columns=columns)
    assert result.exit_code == 0
    assert max(len(line) for line in result.stdout.splitlines()) <= columns
    assert "\x1b" not in result.stdout
    assert "●" in result.stdout


def test_names_cannot_steer_the_terminal() -> None:
    result = ask("analyze", "--control", "a=48/1000", "--treatment", "\x1b[31m[bold]red[/bold]=60/1000")
    assert "\x1b" not in result.stdout
    assert "[bold]red[/bold]" in result.stdout


def test_json_into_a_file_and_words_to_the_terminal(tmp_path: Any) -> None:
    file = tmp_path / "answer.json"
    result = ask(*COUNTS, "--out", file)
    assert "May be claimed" in result.stdout
    assert json.loads(file.read_text())["look"] == "whenever"
    unwritable = ask(*COUNTS, "--json", "--out", tmp_path / "no" / "such.json")
    assert unwritable.exit_code == 1
    assert "cannot be written" in unwritable.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--control: nothing to analyse: give counts"),
        (("--control", "1/2"), "--treatment: nothing to analyse: give counts"),
        (("--control", "48/100", "--treatment", "540/100"), "--treatment: 540 conversions of 100 units: more conv"),
        (("--control", "48", "--treatment", "1/2"), "--control: '48' is no arm; write conversions/units"),
        (("--control", "", "--treatment", "1/2"), "--control: '' is no arm"),
        (("--control", "=1/2", "--treatment", "1/2"), "--control: the name before '=' is empty"),
        (("--control", "1/2/3", "--treatment", "1/2"), "--control: '1/2/3' has more than one '/'"),
        (("--control", "1/0", "--treatment", "1/2"), "--control: '1/0' has no units"),
        (("--control", "1.5/9", "--treatment", "1/2"), "--control: '1.5' is no count"),
        (("--control", "-1/9", "--treatment", "1/2"), "--control: '-1' is no count"),
        (("--control", "1/10,000", "--treatment", "1/2"), "--control: '10,000' is no count"),
        (("--control", "1/9999999999999", "--treatment", "1/2"), "more than 1,000,000,000,000 units"),
        (("--control", "1,2,3", "--treatment", "1/2"), "--treatment: one arm has conversions and another a mean"),
        (("--control", "1,-2,3", "--treatment", "1,2,3"), "--control: a standard deviation is not negative"),
        (("--control", "1,nan,3", "--treatment", "1,2,3"), "--control: 'nan' is no standard deviation"),
        (("--control", "x,2,3", "--treatment", "1,2,3"), "--control: 'x' is no mean"),
        (("--control", "1,2,0", "--treatment", "1,2,3"), "--control: '1,2,0' has no units"),
        (("--control", "a=1/2", "--treatment", "a=1/2"), "two arms have the same name"),
        (("--control", "1/2", *["--treatment", "1/2"] * 10), "at most 9 treatments"),
        (("--control", "1/2", "--treatment", "1/2", "--weights", "1"), "one weight for each of the 2 arms"),
        (("--control", "1/2", "--treatment", "1/2", "--weights", "1,0"), "weights above 0"),
        (("--control", "1/2", "--treatment", "1/2", "--weights", "1,x"), "'x' is no weight"),
        (("--control", "1/2", "--treatment", "1/2", "--weights", "a=1,b=1"), "name each arm once: control, treatment"),
        (("--control", "1/2", "--treatment", "1/2", "--planned", "1"), "--planned: give a number between 2 and"),
        (("--control", "1/2", "--treatment", "1/2", "--planned", "nan"), "--planned: give a number between 2 and"),
        (("--control", "1/2", "--treatment", "1/2", "--map", "unit=u"), "--map: columns are of a FILE"),
        (("--control", "1/2", "--treatment", "1/2", "--alpha", "0.9"), "--alpha"),
    ],
)
def test_called_wrongly_it_says_what_to_do(arguments: tuple[str, ...], said: str) -> None:
    assert said in refused("analyze", *arguments)


TYPED = st.text("0123456789/,.=-e%", max_size=14)
COUNT = st.integers(0, 10**12)


@settings(max_examples=150, deadline=None)
@given(TYPED, TYPED)
def test_whatever_is_typed_is_answered_or_refused_with_a_reason(control: str, treatment: str) -> None:
    result = ask("analyze", f"--control={control}", f"--treatment={treatment}")
    assert result.exit_code in (0, 2), result.output
    assert result.stdout if result.exit_code == 0 else "Invalid value" in result.stderr


@settings(max_examples=100, deadline=None)
@given(st.lists(COUNT, min_size=4, max_size=4), st.integers(60, 200))
@example([0, 1, 0, 1], 60)
@example([10**12, 10**12, 0, 1], 60)
def test_any_counts_are_answered_within_the_width(counts: list[int], columns: int) -> None:
    (a, b), (c, d) = sorted(counts[:2]), sorted(counts[2:])
    result = ask("analyze", "--control", f"{a}/{b or 1}", "--treatment", f"{c}/{d or 1}", columns=columns)
    assert result.exit_code == 0, result.output
    assert max(len(line) for line in result.stdout.splitlines()) <= columns
