"""One message as it was delivered: what the processor works on, wherever it came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nats.aio.msg import Msg

from libs.messaging.dead_letters import letter_headers


@dataclass(frozen=True, slots=True, eq=False)
class Delivered:
    """Bytes with their place in a stream. `deliveries` counts from 1; more than one means that it came before."""

    subject: str
    body: bytes
    stream: str
    stream_sequence: int
    stored_at: datetime
    deliveries: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)


def from_nats(msg: Msg) -> Delivered:
    place = msg.metadata
    return Delivered(
        subject=msg.subject,
        body=msg.data,
        stream=place.stream,
        stream_sequence=place.sequence.stream,
        stored_at=place.timestamp,
        deliveries=place.num_delivered,
        headers=msg.headers or {},
    )


def from_dead_letter(letter: Mapping[str, Any]) -> Delivered:
    """A dead letter's row as a first delivery, for its replay."""
    return Delivered(
        subject=letter["subject"],
        body=letter["body"],
        stream=letter["stream"],
        stream_sequence=letter["stream_sequence"],
        stored_at=letter["opened_at"],
        headers=letter_headers(letter),
    )
