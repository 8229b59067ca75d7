"""Whatever bytes arrive, they are an envelope or refused with a reason; and what is written is read back the same."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import to_json
from uuid_utils.compat import uuid7

from contracts.catalog import BY_TYPE, CATALOG
from contracts.envelope import WORKSPACE, Envelope, EnvelopeInvalid, parse, read, wrap
from contracts.golden import sample

GOLDEN = {entry.type: sample(entry.type) for entry in CATALOG}
DOCUMENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "01a10b56-3717-7dbd-bcbd-f562b407e33e",
    "source": "/whystream/triage",
    "type": "whystream.problem.opened.v1",
    "subject": "problem/1",
    "time": "2026-10-05T09:12:42Z",
    "workspace": "tidewell",
    "data": {},
}

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | _TEXT,
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(_TEXT, parts, max_size=3),
    max_leaves=8,
)
_ODD = st.sampled_from(
    ["", "1.0", "0.3", "A", "-", "a" * 41, "2026-13-01T00:00:00Z", "2026-10-05", "10:00", "0001-01-01T00:00:00+23:59"]
)


def _refused_or_read(body: bytes) -> None:
    """Parse and read; nothing but EnvelopeInvalid, with a reason, may come out."""
    refused = False
    try:
        envelope = parse(body)
        assert WORKSPACE.fullmatch(envelope.workspace)
        assert envelope.time.tzinfo is not None
        assert envelope.key
        read(envelope)
    except EnvelopeInvalid as error:
        refused = bool(str(error))
    assert refused or parse(body)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused_with_a_reason(body: bytes) -> None:
    _refused_or_read(body)


@given(JSON)
def test_arbitrary_json_is_refused_with_a_reason(document: Any) -> None:
    _refused_or_read(to_json(document, inf_nan_mode="constants"))


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from([*DOCUMENT, "sequence", "causationid", "correlationid"]), JSON | _ODD))
def test_an_envelope_with_any_attributes_changed_is_read_or_refused(changes: dict[str, Any]) -> None:
    _refused_or_read(to_json({**DOCUMENT, **changes}, inf_nan_mode="constants"))


@settings(max_examples=300)
@given(st.sampled_from(sorted(GOLDEN)), st.data())
def test_an_event_with_any_field_changed_is_read_or_refused(type_: str, data: Any) -> None:
    golden = GOLDEN[type_]
    field = data.draw(st.sampled_from(sorted(golden.data)))
    changed = replace(golden, data={**golden.data, field: data.draw(JSON)})
    _refused_or_read(to_json({**DOCUMENT, "type": type_, "data": changed.data}, inf_nan_mode="constants"))


@given(st.sampled_from(sorted(GOLDEN)), st.data())
def test_a_cut_off_or_damaged_event_is_never_half_read(type_: str, data: Any) -> None:
    body = GOLDEN[type_].to_bytes()
    cut = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(EnvelopeInvalid, match="JSON"):
        parse(body[:cut])
    _refused_or_read(body[:cut] + data.draw(st.binary(min_size=1, max_size=4)) + body[cut + 1 :])


def sample_path_bytes(type_: str) -> bytes:
    return GOLDEN[type_].to_bytes()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"specversion": "0.3"}, "specversion must be '1.0'"),
        ({"specversion": None}, "specversion must be '1.0'"),
        ({"id": ""}, "'id' must be a non-empty string"),
        ({"id": 7}, "'id' must be a non-empty string"),
        ({"id": "7"}, "'id' of an event of ours must be a UUID"),
        ({"source": None}, "'source' must be a non-empty string"),
        ({"type": []}, "'type' must be a non-empty string"),
        ({"workspace": "Tidewell"}, "'workspace' must be lower-case"),
        ({"workspace": "tide.well"}, "'workspace' must be lower-case"),
        ({"workspace": "tidewell\n"}, "'workspace' must be lower-case"),
        ({"workspace": "a" * 41}, "'workspace' must be lower-case"),
        ({"data": None}, "'data' must be a JSON object"),
        ({"data": []}, "'data' must be a JSON object"),
        ({"time": None}, "'time' must be an RFC 3339 timestamp"),
        ({"time": "yesterday"}, "'time' must be an RFC 3339 timestamp"),
        ({"time": "2026-10-05T09:12:42"}, "'time' must be an RFC 3339 timestamp with its offset"),
        ({"sequence": "1"}, "'sequence' must be an integer"),
        ({"sequence": 1.5}, "'sequence' must be an integer"),
    ],
)
def test_each_broken_rule_is_named(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(EnvelopeInvalid, match=reason):
        parse(to_json({**DOCUMENT, **changes}))


def test_a_type_that_the_catalogue_does_not_know_is_named() -> None:
    with pytest.raises(EnvelopeInvalid, match=r"'whystream\.kettle\.boiled\.v1' is not in the catalogue"):
        read(parse(to_json({**DOCUMENT, "type": "whystream.kettle.boiled.v1"})))


_ENVELOPES = st.builds(
    Envelope,
    id=st.builds(lambda: str(uuid7())),
    source=st.sampled_from(["/whystream/triage", "/tidewell/booking", "crm"]),
    type=st.sampled_from(sorted(BY_TYPE)),
    subject=_TEXT,
    time=st.datetimes(
        min_value=datetime(2000, 1, 1),
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone(-timedelta(hours=3))]),
    ),
    workspace=st.from_regex(WORKSPACE, fullmatch=True),
    data=st.dictionaries(_TEXT, st.none() | st.booleans() | st.integers() | _TEXT, max_size=4),
    correlationid=_TEXT.filter(bool),
    causationid=st.none() | _TEXT.filter(bool),
    sequence=st.none() | st.integers(0, 2**53),
)


@given(_ENVELOPES)
def test_what_is_written_is_read_back_and_written_again_byte_for_byte(envelope: Envelope) -> None:
    body = envelope.to_bytes()
    again = parse(body)
    assert again == envelope
    assert again.to_bytes() == body


@given(_ENVELOPES, _ENVELOPES)
def test_the_key_is_one_per_event_and_stays_through_the_wire(one: Envelope, other: Envelope) -> None:
    assert parse(one.to_bytes()).key == one.key
    assert one.key != other.key, "ids differ"


@given(st.text(min_size=1, max_size=8), st.sampled_from(["crm", "desk"]), st.sampled_from(["a", "b"]))
def test_foreign_ids_are_unique_within_their_source_and_workspace_only(
    identity: str, source: str, workspace: str
) -> None:
    base = replace(GOLDEN["whystream.observation.exposed.v1"], id=identity, source=source, workspace=workspace)
    assert base.key == replace(base, time=datetime.now(UTC), data={}).key
    others = [replace(base, id=identity + "2"), replace(base, source="other"), replace(base, workspace="other")]
    assert len({base.key, *(other.key for other in others)}) == 4


def test_an_event_carries_on_the_throughline_of_its_cause() -> None:
    words = GOLDEN["whystream.feedback.received.v1"]
    event = read(GOLDEN["whystream.problem.opened.v1"])
    caused = wrap(event, service="triage", workspace="tidewell", cause=words, sequence=3)
    assert (caused.correlationid, caused.causationid) == (words.correlationid, words.id)
    began = wrap(event, service="triage", workspace="tidewell")
    assert (began.correlationid, began.causationid) == (began.id, None)
    assert began.key != caused.key
