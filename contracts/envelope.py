"""The CloudEvents 1.0 envelope in structured JSON: the same bytes in the outbox, on NATS, in dead letters and webhooks.

Source of the attribute names and rules: CloudEvents 1.0.2 specification and its JSON event format. Extensions:
`workspace`, `correlationid` (the throughline, from the customer's words to the outcome), `causationid` (the id of the
event that caused this one) and `sequence` (grows per source and aggregate, with the order in which things happened).
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from pydantic import ValidationError
from pydantic_core import from_json, to_json
from uuid_utils.compat import uuid7

from contracts.catalog import BY_TYPE
from contracts.event import Event
from contracts.upcast import to_newest

CONTENT_TYPE = "application/cloudevents+json"
WORKSPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_FOREIGN_IDS = UUID("5c7f6f0e-54f5-4f0b-9d1d-6a3c9e0a7b11")


class EnvelopeInvalid(ValueError):
    """The bytes are not a CloudEvent that this catalogue knows; the message says which rule they break."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One event with its CloudEvents attributes. `data` is plain JSON; `read` turns it into its event class."""

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    workspace: str
    data: dict[str, Any]
    correlationid: str
    causationid: str | None = None
    sequence: int | None = None

    @property
    def key(self) -> UUID:
        """Identifies the event for deduplication: its own UUID, or one derived from (source, workspace, id).

        CloudEvents makes (source, id) unique; a product tool's ids may be any string, unique within its workspace only.
        """
        if self.source.startswith("/whystream/"):
            return UUID(self.id)
        return uuid5(_FOREIGN_IDS, f"{self.source}\n{self.workspace}\n{self.id}")

    @property
    def nats_subject(self) -> str:
        return f"{self.type}.{self.workspace}"

    def to_bytes(self) -> bytes:
        """Structured-mode JSON, UTF-8, without absent attributes."""
        document: dict[str, Any] = {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "time": self.time,
            "datacontenttype": "application/json",
            "workspace": self.workspace,
            "correlationid": self.correlationid,
        }
        if self.causationid is not None:
            document["causationid"] = self.causationid
        if self.sequence is not None:
            document["sequence"] = self.sequence
        document["data"] = self.data
        return to_json(document)


def wrap(
    event: Event,
    *,
    service: str,
    workspace: str,
    cause: Envelope | None = None,
    sequence: int | None = None,
    at: datetime | None = None,
) -> Envelope:
    """A new envelope for `event`, said by `service`; it continues the throughline of `cause` when there is one."""
    identity = str(uuid7())
    return Envelope(
        id=identity,
        source=f"/whystream/{service}",
        type=event.TYPE,
        subject=event.aggregate,
        time=at or datetime.now(UTC),
        workspace=workspace,
        data=event.model_dump(mode="json", exclude_defaults=True),
        correlationid=cause.correlationid if cause else identity,
        causationid=cause.id if cause else None,
        sequence=sequence,
    )


def parse(body: bytes) -> Envelope:
    """The envelope in `body`; raises EnvelopeInvalid naming the broken rule. `read` validates the data."""
    try:
        document = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise EnvelopeInvalid(f"not JSON: {error}") from error
    if not isinstance(document, dict):
        raise EnvelopeInvalid("not a JSON object")
    if document.get("specversion") != "1.0":
        raise EnvelopeInvalid("specversion must be '1.0'")
    identity, source, type_, workspace = (_string(document, name) for name in ("id", "source", "type", "workspace"))
    if not WORKSPACE.fullmatch(workspace):
        raise EnvelopeInvalid("attribute 'workspace' must be lower-case letters, digits and hyphens, at most 40")
    if not isinstance(document.get("data"), dict):
        raise EnvelopeInvalid("attribute 'data' must be a JSON object")
    if source.startswith("/whystream/"):
        _require_uuid(identity)
    return Envelope(
        id=identity,
        source=source,
        type=type_,
        subject=_optional_string(document, "subject") or "",
        time=_time(document.get("time")),
        workspace=workspace,
        data=document["data"],
        correlationid=_optional_string(document, "correlationid") or identity,
        causationid=_optional_string(document, "causationid"),
        sequence=_sequence(document.get("sequence")),
    )


def _string(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value:
        raise EnvelopeInvalid(f"attribute '{name}' must be a non-empty string")
    return value


def _optional_string(document: dict[str, Any], name: str) -> str | None:
    return _string(document, name) if document.get(name) not in (None, "") else None


def _sequence(value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63):
        return value
    raise EnvelopeInvalid("attribute 'sequence' must be an integer from 0 to 2^63 - 1")


def read(envelope: Envelope) -> Event:
    """The envelope's data as the newest version of its event class, fields of newer writers ignored.

    Raises EnvelopeInvalid for a type the catalogue does not know, or data that breaks the version's promise.
    """
    try:
        type_, data = to_newest(envelope.type, envelope.data)
    except (LookupError, TypeError, ValueError) as error:
        raise EnvelopeInvalid(f"data of type '{envelope.type}' cannot be raised to its newest version") from error
    entry = BY_TYPE.get(type_)
    if entry is None:
        raise EnvelopeInvalid(f"type '{envelope.type}' is not in the catalogue")
    try:
        return entry.event.model_validate(data, extra="ignore")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise EnvelopeInvalid(f"data.{where}: {first['msg']} ({error.error_count()} errors in all)") from error


def _time(value: object) -> datetime:
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise EnvelopeInvalid("attribute 'time' must be an RFC 3339 timestamp with its offset")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise EnvelopeInvalid(f"attribute 'time' is not RFC 3339: {error}") from error
    return moment


def _require_uuid(value: str) -> None:
    try:
        UUID(value)
    except ValueError as error:
        raise EnvelopeInvalid("attribute 'id' of an event of ours must be a UUID") from error
