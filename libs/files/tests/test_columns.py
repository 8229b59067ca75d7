"""Columns become the fields that they mean, typed; and a row without an id gets one that stays the same."""

from typing import Any

import pytest

from libs.files.columns import CellWrong, Columns, pairs
from libs.files.errors import MappingWrong


def feedback(values: dict[str, Any], **constants: str) -> dict[str, Any]:
    return Columns(None, {"source": "app-store", **constants}).feedback(values)


def test_own_names_and_names_with_underscores_are_recognised() -> None:
    values = {
        "text": "hi",
        "external_id": "7",
        "customer_id": "c",
        "customer.plan": "pro",
        "customer_revenue_amount_minor": "1200",
        "customer_revenue_currency": "EUR",
        "customer_wants_reply": "Yes",
        "rating_value": "4.5",
        "rating_scale": "5",
        "tags": "a, b",
        "metadata.app.version": "4.2",
        "occurred_at": "2026-03-01T09:30:00+01:00",
    }
    assert feedback(values) == {
        "text": "hi",
        "source": "app-store",
        "external_id": "7",
        "customer": {
            "id": "c",
            "plan": "pro",
            "revenue": {"amount_minor": 1200, "currency": "EUR"},
            "wants_reply": True,
        },
        "rating": {"value": 4.5, "scale": 5.0},
        "tags": ["a", "b"],
        "metadata": {"app.version": "4.2"},
        "occurred_at": "2026-03-01T09:30:00+01:00",
    }


def test_usual_other_names_are_recognised_but_never_before_a_fields_own() -> None:
    found = feedback({"Comment": "hi", "ID": "7", "date": "2026-03-01", "stars": 4}, **{"rating.scale": "5"})
    assert (found["text"], found["external_id"], found["occurred_at"]) == ("hi", "7", "2026-03-01T00:00:00+00:00")
    assert found["rating"] == {"value": 4.0, "scale": 5.0}
    assert feedback({"text": "own", "comment": "other"})["text"] == "own"


def test_mapping_by_hand_goes_first_and_takes_its_column() -> None:
    columns = Columns({"text": "comment", "metadata.shop": "Shop"}, {"source": "survey"})
    found = columns.feedback({"comment": "mine", "text": "not this", "Shop": "Kiel", "colour": "red"})
    assert (found["text"], found["metadata"]) == ("mine", {"shop": "Kiel"})
    assert columns.ignored == {"text", "colour"}


def test_a_column_of_the_file_goes_before_a_constant() -> None:
    assert feedback({"text": "hi", "source": "survey"})["source"] == "survey"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01", "2026-03-01T00:00:00+00:00"),
        ("2026-03-01 09:30", "2026-03-01T09:30:00+00:00"),
        ("2026-03-01T09:30:00Z", "2026-03-01T09:30:00+00:00"),
        ("1772355600", "2026-03-01T09:00:00+00:00"),
        (1772355600000, "2026-03-01T09:00:00+00:00"),
    ],
)
def test_times(text: object, moment: str) -> None:
    assert feedback({"text": "hi", "occurred_at": text})["occurred_at"] == moment


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"source": "x"}, "has no text; name its column"),
        ({"text": "hi", "occurred_at": "01/03/26"}, "is no ISO 8601 time"),
        ({"text": "hi", "occurred_at": "9" * 30}, "is no time"),
        ({"text": "hi", "rating": "good", "rating_scale": "5"}, "rating.value: 'good' is no number"),
        ({"text": "hi", "rating": "nan", "rating_scale": "5"}, "is no number"),
        ({"text": "hi", "rating": "4"}, "add --set rating.scale=5"),
        ({"text": "hi", "customer_id": "c", "customer_wants_reply": "perhaps"}, "neither yes nor no"),
    ],
)
def test_a_cell_that_does_not_fit_says_which_and_why(values: dict[str, Any], why: str) -> None:
    with pytest.raises(CellWrong, match=why):
        feedback(values)


def test_rows_without_an_id_get_the_same_one_at_every_import_and_equal_rows_are_told_apart() -> None:
    def run() -> list[str]:
        columns = Columns(constants={"source": "survey"})
        return [columns.feedback({"text": text})["external_id"] for text in ("good", "good", "bad", "good")]

    first = run()
    assert run() == first
    assert len(set(first)) == 4
    assert [key.rpartition("-")[2] for key in first] == ["1", "2", "1", "3"]


def test_fields_that_do_not_exist_are_refused_before_anything_is_read() -> None:
    with pytest.raises(MappingWrong, match="there is no field 'texts'"):
        Columns({"texts": "a"})
    with pytest.raises(MappingWrong, match=r"there is no field 'metadata\.'"):
        Columns(constants={"metadata.": "a"})


def test_options_are_pairs() -> None:
    assert pairs(["text=The = sign", "source=x"], "--map") == {"text": "The = sign", "source": "x"}
    for wrong in ("text", "=x", "text="):
        with pytest.raises(MappingWrong, match="should be --map FIELD=VALUE"):
            pairs([wrong], "--map")
