"""Field types and cursors: what they let through fits Postgres and JSON, and comes back as it was."""

from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from libs.runtime.fields import Day, Flag, Instant, Number, Short, Whole, Words
from libs.runtime.paging import decode_cursor, encode_cursor
from libs.runtime.problems import Invalid

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.text())
def test_words_that_pass_can_be_stored(text: str) -> None:
    try:
        found = TypeAdapter(Words).validate_python(text)
    except ValidationError:
        assert "\x00" in text or not text.strip() or not text.isprintable()
        return
    assert found in text
    assert "\x00" not in found
    assert found.encode()


@pytest.mark.parametrize("bad", ["", "  ", "\x00", "a\x00b", "\ud800", "x" * 501, 5, None])
def test_short_words(bad: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Short).validate_python(bad)


@given(JSON)
def test_json_is_taken_at_its_word(value: Any) -> None:
    kinds: tuple[tuple[Any, Any], ...] = (
        *((Flag, bool), (Whole, int), (Number, int | float)),
        *((Instant, str), (Day, str), (Short, str)),
    )
    for kind, classes in kinds:
        right = isinstance(value, classes) and (kind is Flag or not isinstance(value, bool))
        if not right:
            with pytest.raises(ValidationError):
                TypeAdapter(kind).validate_python(value)


@pytest.mark.parametrize(
    "bad",
    [
        *("0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00", "2026-01-01"),
        *("2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "1700000000", "1700000000.5", "now", "", 0, 1.5, True, None),
    ],
)
def test_moments_are_written_out_with_their_offset_and_lie_in_years_that_can_be_stored(bad: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Instant).validate_python(bad)


def test_moments_and_days_that_pass() -> None:
    assert TypeAdapter(Instant).validate_python("2026-11-22T10:30:00+01:00") == datetime(
        2026, 11, 22, 9, 30, tzinfo=UTC
    )
    assert TypeAdapter(Instant).validate_json('"2026-11-22T09:30:00Z"') == datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
    assert TypeAdapter(Day).validate_python("2026-11-22") == date(2026, 11, 22)
    for bad in ("20261122", 5, "5", "2026-11-22T09:30:00Z"):
        with pytest.raises(ValidationError):
            TypeAdapter(Day).validate_python(bad)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 10**400, "5", True])
def test_numbers_are_finite(bad: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Number).validate_python(bad)


@given(st.lists(JSON))
def test_a_cursor_brings_back_its_values_and_fits_a_query(values: list[Any]) -> None:
    cursor = encode_cursor(values)
    assert decode_cursor(cursor) == values
    assert cursor.replace("-", "").replace("_", "").isalnum() or not cursor


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]*", fullmatch=True))
def test_any_other_text_is_no_cursor_or_a_list(text: str) -> None:
    with suppress(Invalid):
        assert isinstance(decode_cursor(text), list)


@pytest.mark.parametrize("bad", ["", "e30", "bnVsbA", "%%%", "ä", "W" * 100_001, "W1tb" * 50_000, "A"])
def test_cursors_that_are_none(bad: str) -> None:
    with pytest.raises(Invalid, match="begin without a cursor"):
        decode_cursor(bad)
