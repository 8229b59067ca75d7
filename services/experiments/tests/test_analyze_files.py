"""`whystream analyze` with a file: units out of CSV, and vectors; what cannot be read is named."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.experiments.report.document import to_json
from services.experiments.report.errors import InputUnusable
from services.experiments.report.vectors_file import analyse_vectors
from services.experiments.tests.asking import ask, refused

WELCH = {
    "id": "w",
    "method": "welch_t",
    "arms": {
        "control": {"n": 10000, "sum": 480, "sum_squares": 480},
        "treatment": {"n": 10000, "sum": 540, "sum_squares": 540},
    },
    "settings": {
        "metric_type": "proportion",
        "difference": "absolute",
        "alternative": "two-sided",
        "alpha": 0.05,
        "variance": "p(1-p)",
        "relative_variance": None,
    },
}


def units(text: str | bytes, *options: str) -> dict[str, Any]:
    result = ask("analyze", "-", *options, "--json", given=text)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def unreadable(text: str | bytes, *options: str) -> str:
    result = ask("analyze", "-", *options, given=text)
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_rows_are_units() -> None:
    found = units("variant,value\n" + "control,1\ncontrol,0\n" * 60 + "new,1\nnew,1\nnew,0\n" * 40)
    assert found["kind"] == "conversion"
    assert found["arms"] == [
        {"arm": "control", "units": 120, "mean": 0.5},
        {"arm": "new", "units": 120, "mean": pytest.approx(2 / 3)},
    ]


def test_rows_of_one_unit_add_up_and_a_unit_in_two_arms_counts_in_none() -> None:
    rows = ["u1,control,2.5", "u2,control,1", "u1,control,0.5", "u3,new,4", "u4,new,1", "u2,new,9", "u4,new,0"]
    for seed in range(5):
        random.Random(seed).shuffle(rows)
        found = units("\n".join(["unit,variant,value", *rows]))
        assert [(arm["units"], arm["mean"]) for arm in found["arms"]] == [(1, 3.0), (2, 2.5)]
        assert found["units_in_two_arms"] == 1
        assert "Units seen in two arms count in none: 1 here." in found["notes"]
        assert found["claimed"] == []
        assert "more than 1 % of the units were seen in two arms" in found["not_claimed"][0]


def test_a_unit_that_converts_twice_is_one_conversion() -> None:
    found = units("unit,variant,value\nu1,control,1\nu1,control,1\nu2,new,0\n")
    assert found["kind"] == "conversion"
    assert [(arm["units"], arm["mean"]) for arm in found["arms"]] == [(1, 1.0), (1, 0.0)]


def test_columns_controls_and_variants_are_chosen_by_name(tmp_path: Path) -> None:
    file = tmp_path / "game.csv"
    rows = "1,gate_40,TRUE\n2,gate_30,FALSE\n3,gate_30,true\n4,gate_50,FALSE\n"
    file.write_bytes(b"\xef\xbb\xbfuserid;version;kept\n" + rows.replace(",", ";").encode())
    chosen = ("--map", "value=kept", "--control", "gate_30", "--treatment", "gate_40", "--json")
    found = json.loads(ask("analyze", file, *chosen).stdout)
    assert [arm["arm"] for arm in found["arms"]] == ["gate_30", "gate_40"]
    every = json.loads(ask("analyze", file, *chosen[:4], "--json").stdout)
    assert [arm["arm"] for arm in every["arms"]] == ["gate_30", "gate_40", "gate_50"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "no column holds the variant: name it in the first line, or say --map variant=COLUMN; the columns are"),
        (b"a,1\nb,2\n", "no column holds the variant"),
        (b"variant,x\na,1\n", "no column holds the value"),
        (b"variant,value\n", "the file has no rows below its first line"),
        (b"variant,value\na,1\nb\n", "nothing was computed: line 3 has no value; write 0 for a unit without"),
        (b"variant,value\n,1\nb,2\n", "line 2 has no variant"),
        (b"variant,value\na,1\nb,\xff\n", "line 3 is not UTF-8"),
        (b"variant,value\na,1\nb,yes\n", "line 3 has the value 'yes', which is no number"),
        (b"variant,value\na,nan\nb,1e400\n", "line 2 has the value 'nan', which is too large or no number; line 3 has"),
        (b"variant,value\na,1\n" + b"b,x\n" * 9, "; and 4 more"),
        (b"variant,value\n" + b"".join(b"%d,1\n" % n for n in range(200)), "more than 100 variants; say which column"),
        (b"variant,value\ncontrol,1\ncontrol,0\n", "there is only one variant, 'control'"),
    ],
)
def test_a_file_that_cannot_be_used_says_why_and_nothing_is_computed(text: bytes, said: str) -> None:
    assert said in unreadable(text)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "--control: say which variant is the control; the file has 'a', 'b'"),
        (("--control", "c"), "--control: there is no variant 'c'; the file has 'a', 'b'"),
        (("--control", "a", "--treatment", "x"), "--treatment: there is no variant 'x'"),
        (("--control", "a", "--treatment", "a"), "--treatment: a variant is named twice"),
        (("--map", "value=nope"), "--map: there is no column 'nope'; the columns are 'variant', 'value'"),
        (("--map", "worth=value"), "--map: 'worth=value' is no FIELD=COLUMN; the fields are unit, variant, value"),
    ],
)
def test_options_that_do_not_fit_the_file(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    file = tmp_path / "units.csv"
    file.write_text("variant,value\na,1\nb,0\n")
    assert said in refused("analyze", file, *options)


@pytest.mark.parametrize("place", ["no/such/file.csv", "."])
def test_a_file_that_is_none(tmp_path: Path, place: str) -> None:
    result = ask("analyze", tmp_path / place)
    assert result.exit_code == 1
    assert "cannot be read" in result.stderr


def test_vectors_are_answered_by_id_and_one_bad_one_stops_no_other(tmp_path: Path) -> None:
    file, out = tmp_path / "vectors.json", tmp_path / "out.json"
    bad = [{"id": "none", "method": "tea_leaves"}, {"method": "welch_t"}, WELCH, 7, {"id": "half", "method": "welch_t"}]
    file.write_text(json.dumps({"vectors": [WELCH, *bad]}))
    result = ask("analyze", file, "--out", out)
    assert (result.exit_code, result.stdout) == (1, "")
    answers = json.loads(out.read_text())
    assert answers["w"]["effect"] == pytest.approx(0.006)
    assert set(answers) == {"w", "none", "half"}
    assert list(answers["none"]) == ["error"]
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == [
        "none",
        "vector 3",
        "vector 4",
        "vector 5",
        "half",
    ]


def test_vectors_from_standard_input() -> None:
    for document in (WELCH, [WELCH], {"vectors": [WELCH]}):
        result = ask("analyze", "-", given="\n " + json.dumps(document))
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["w"]["p_value"] == pytest.approx(0.053786, abs=1e-6)


def test_vectors_take_no_arms_of_the_options(tmp_path: Path) -> None:
    file = tmp_path / "vectors.json"
    file.write_text("[]")
    assert "--control: vectors bring their own arms" in refused("analyze", file, "--control", "1/2")
    assert ask("analyze", file).stdout.strip() == "{}"


@pytest.mark.parametrize("text", ["{", "[1,", '{"vectors": 7}', '{"vectors": null}', "[" * 100_000])
def test_no_vectors_at_all(text: str) -> None:
    assert unreadable(text).startswith("whystream: the file ")


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), lambda x: st.lists(x, max_size=4)))
def test_any_list_of_vectors_is_answered_without_a_crash(vectors: Any) -> None:
    content = json.dumps({"vectors": vectors}).encode()
    try:
        answers, errors = analyse_vectors(content, lambda vector: {"seen": vector})
    except InputUnusable:
        assert not isinstance(vectors, list)
    else:
        assert answers == {}
        assert len(errors) == len(vectors)


def test_infinities_are_words_and_what_is_no_number_is_null() -> None:
    found = json.loads(to_json({"a": float("inf"), "b": [-float("inf"), float("nan"), (1.5, True, None)]}))
    assert found == {"a": "inf", "b": ["-inf", None, [1.5, True, None]]}
