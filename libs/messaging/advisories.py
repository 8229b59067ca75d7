"""Messages that the server gave up on, seen through its advisories and opened as dead letters.

Our own count of tries comes first; this is the net under it: a message that was delivered MAX_DELIVER times without an
answer, or that somebody terminated, would otherwise be lost without a word.
"""

import json
from typing import Any
from uuid import UUID, uuid5

import structlog
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
from nats.js.api import ConsumerConfig
from nats.js.errors import NotFoundError
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.messaging.dead_letters import GIVEN_UP, DeadLetter, open_dead_letter, without_nats
from libs.messaging.topology import ADVISORY_STREAM, Durable, durables
from libs.messaging.work import driver_connection

log = structlog.get_logger("advisories")
_LETTERS = UUID("7f0c3a0d-58d2-4b55-9f0e-1f3a3f6f1c55")


def watch_advisories(broker: NatsBroker, engine: AsyncEngine, service: str) -> None:
    """Register the subscriber of this service's advisories on `broker`; it runs while the broker does."""
    durable = next(found for found in durables(service) if found.stream == ADVISORY_STREAM)

    @broker.subscriber(
        config=ConsumerConfig(filter_subjects=list(durable.filters)),
        durable=durable.name,
        stream=JStream(ADVISORY_STREAM, declare=False),
        pull_sub=PullSub(batch_size=10, timeout=5.0),
        ack_policy=AckPolicy.MANUAL,
        inbox_prefix=f"_INBOX_{service}.".encode(),
    )
    async def open_letter(msg: NatsMessage) -> None:
        try:
            await _open(broker, engine, service, json.loads(msg.body), durable)
        except Exception:
            log.exception("advisory not handled, trying again", service=service)
            await msg.nack(delay=5.0)
        else:
            await msg.ack()


async def _open(
    broker: NatsBroker, engine: AsyncEngine, service: str, advisory: dict[str, Any], durable: Durable
) -> None:
    stream, sequence = advisory["stream"], advisory["stream_seq"]
    if stream == durable.stream:
        return  # an advisory about the advisories' own consumer has no message of ours behind it
    connection = await broker.connect()
    try:
        raw = await connection.jetstream().get_msg(stream, sequence)
        subject, body, headers = raw.subject or "", raw.data or b"", without_nats(raw.headers)
    except NotFoundError:
        subject, body, headers = f"{stream}.{sequence}", b"", {}
    letter = DeadLetter(
        stream=stream,
        stream_sequence=sequence,
        subject=subject,
        reason=GIVEN_UP,
        error=f"the server stopped delivering it after {advisory.get('deliveries')} deliveries ({advisory['type']})",
        body=body,
        headers=headers,
        attempts=advisory.get("deliveries", 0),
        workspace=subject.rpartition(".")[2],
    )
    async with engine.begin() as transaction:
        key = uuid5(_LETTERS, advisory["id"])
        await open_dead_letter(await driver_connection(transaction), letter, service, key)
    log.error("dead letter", service=service, stream=stream, sequence=sequence, reason=GIVEN_UP)
