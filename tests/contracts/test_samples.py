"""One whole event per type, byte for byte as it travels: parsed, read, validated and written again."""

from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator
from pydantic_core import from_json

from contracts.catalog import BY_TYPE, CATALOG, EventType
from contracts.envelope import Envelope, parse, read
from contracts.generate import ROOT, released_revisions
from contracts.golden import FOLDER, as_sent, sample, sample_path
from contracts.upcast import UPCASTS, to_newest
from libs.messaging.outbox import serialize

every_event = pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: entry.type)
SAMPLES = sorted((FOLDER / "samples").iterdir())


def test_there_is_a_sample_of_every_event_and_of_nothing_else() -> None:
    assert sorted(sample_path(FOLDER, type_) for type_ in {*BY_TYPE, *UPCASTS}) == SAMPLES


@every_event
def test_a_sample_is_exactly_the_bytes_that_travel(entry: EventType) -> None:
    body = sample_path(FOLDER, entry.type).read_bytes()
    assert parse(body).to_bytes() == body
    assert as_sent(body).encode() == body


@every_event
def test_a_sample_is_read_as_its_newest_class(entry: EventType) -> None:
    envelope = sample(entry.type)
    newest, _ = to_newest(envelope.type, envelope.data)
    event = read(envelope)
    assert type(event) is BY_TYPE[newest].event
    assert (envelope.type, envelope.nats_subject) == (entry.type, entry.subject(envelope.workspace))
    assert envelope.subject == entry.event.model_validate(envelope.data).aggregate


@every_event
def test_a_sample_fits_every_released_revision(entry: EventType) -> None:
    revisions = released_revisions(ROOT / "contracts" / "schemas" / entry.type)
    assert revisions
    for schema in revisions.values():
        validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
        assert list(validator.iter_errors(sample(entry.type).data)) == []


@every_event
def test_a_sample_shows_every_field(entry: EventType) -> None:
    assert sample(entry.type).data.keys() == entry.event.model_fields.keys()


@every_event
def test_the_outbox_writes_the_same_document(entry: EventType) -> None:
    """The hot path builds the bytes in one pass; it must not drift from the envelope's own writing."""
    if entry.streamed:
        return
    golden = sample(entry.type)
    cause = _cause_of(golden)
    identity, body = serialize(
        entry.event.model_validate(golden.data),
        service=entry.owner,
        workspace=golden.workspace,
        cause=cause,
        sequence=golden.sequence or 0,
        now=golden.time,
    )
    expected = {**from_json(golden.to_bytes()), "id": str(identity)}
    if cause is None:
        expected["correlationid"] = str(identity)
    document = from_json(body)
    assert document == expected
    assert list(document) == list(expected)
    assert list(document["data"]) == list(expected["data"])
    assert parse(body).to_bytes() == body


def _cause_of(envelope: Envelope) -> Envelope | None:
    if envelope.causationid is None:
        return None
    return Envelope(**{**_attributes(envelope), "id": envelope.causationid, "causationid": None})


def _attributes(envelope: Envelope) -> dict[str, Any]:
    return {name: getattr(envelope, name) for name in Envelope.__slots__}


def test_the_samples_tell_one_story() -> None:
    envelopes = [parse(path.read_bytes()) for path in SAMPLES]
    by_id = {envelope.id: envelope for envelope in envelopes}
    assert len(by_id) == len(envelopes)
    assert {envelope.workspace for envelope in envelopes} == {"tidewell"}
    caused = [(envelope, by_id[envelope.causationid]) for envelope in envelopes if envelope.causationid in by_id]
    assert caused
    for envelope, cause in caused:
        assert envelope.correlationid == cause.correlationid
        assert envelope.time >= cause.time
    for envelope in envelopes:
        if envelope.source.startswith("/whystream/"):
            assert envelope.source == f"/whystream/{BY_TYPE[envelope.type].owner}"
            assert UUID(envelope.id).version == 7
        if envelope.causationid is None:
            assert envelope.correlationid == envelope.id
