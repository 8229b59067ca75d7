"""The outbox: events waiting, in their service's own schema, for the relay to put them into the stream.

Rows stay after publication, at least as long as the stream keeps its messages, so that a lost stream can be rebuilt
(`republish`). The table is partitioned by day: dropping a day is instant and leaves no bloat.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg
from pydantic_core import to_json
from uuid_utils.compat import uuid7

from contracts.envelope import Envelope
from contracts.event import Event
from libs.messaging.retention import OUTBOX_DAYS

MAX_GROUP = 1_000  # the most messages that NATS takes in one atomic batch
MAX_EVENT_BYTES = 1_000_000  # NATS takes 1 MiB, headers included


class GroupTooLarge(Exception):
    """One use case said more events than one atomic batch takes; it must do its work in smaller steps."""

    def __init__(self, size: int) -> None:
        super().__init__(f"one use case recorded {size} events, {MAX_GROUP} at most fit; split the work into steps")


class EventTooLarge(Exception):
    """One event is larger than NATS takes. In the outbox it would hold up every event behind it, so it stays out."""

    def __init__(self, type_: str, size: int) -> None:
        super().__init__(f"a {type_} has {size:,} bytes, {MAX_EVENT_BYTES:,} at most fit; say less in one event")


class OutboxRow(NamedTuple):
    """One event on its way: the envelope's bytes are final, and nobody re-encodes them until they are handled."""

    event_id: UUID
    group_id: UUID
    group_size: int
    subject: str
    envelope: bytes
    traceparent: str | None
    tracestate: str | None
    recorded_at: datetime


def serialize(
    event: Event, *, service: str, workspace: str, cause: Envelope | None, sequence: int, now: datetime
) -> tuple[UUID, bytes]:
    """The id and the structured CloudEvent of `event`: what `Envelope.to_bytes` gives, in one pass for the hot path."""
    event_id = uuid7()
    identity = str(event_id)
    head = {
        "specversion": "1.0",
        "id": identity,
        "source": f"/whystream/{service}",
        "type": event.TYPE,
        "subject": event.aggregate,
        "time": now,
        "datacontenttype": "application/json",
        "workspace": workspace,
        "correlationid": cause.correlationid if cause else identity,
    }
    if cause is not None:
        head["causationid"] = cause.id
    head["sequence"] = sequence
    data = event.__pydantic_serializer__.to_json(event, exclude_defaults=True)
    return event_id, to_json(head)[:-1] + b',"data":' + data + b"}"


async def write(connection: asyncpg.Connection, rows: Sequence[OutboxRow]) -> None:
    """Append rows in their order, inside the caller's transaction; the relay is notified when that commits."""
    await connection.copy_records_to_table("outbox", records=rows, columns=OutboxRow._fields)


async def keep_partitions(connection: asyncpg.Connection, now: datetime | None = None) -> list[str]:
    """Make the partitions of today and the next two days, drop those past retention; returns the dropped names.

    A day that still holds an unpublished event is never dropped, however old. Idempotent; run by the relay's leader.
    """
    today = (now or datetime.now(UTC)).date()
    for offset in range(3):
        day = today + timedelta(days=offset)
        name = f"outbox_{day:%Y%m%d}"
        if await connection.fetchval("SELECT to_regclass($1)", name) is not None:
            continue
        bounds = f"FROM ('{day} 00:00:00+00') TO ('{day + timedelta(days=1)} 00:00:00+00')"
        try:
            await connection.execute(f"CREATE TABLE {name} PARTITION OF outbox FOR VALUES {bounds}")
        except asyncpg.CheckViolationError:
            continue  # the default partition already holds rows of that day: they stay there, nothing is lost
    kept = today - timedelta(days=OUTBOX_DAYS)
    # What was recorded before its day had a partition lies in the default one, which is never dropped.
    await connection.execute(
        "DELETE FROM outbox_default WHERE published_at IS NOT NULL AND recorded_at < $1",
        datetime(kept.year, kept.month, kept.day, tzinfo=UTC),
    )
    oldest = f"outbox_{kept:%Y%m%d}"
    partitions = await connection.fetch(
        "SELECT relname FROM pg_inherits JOIN pg_class ON inhrelid = oid WHERE inhparent = 'outbox'::regclass"
    )
    dropped = []
    for (name,) in partitions:
        if name == "outbox_default" or name >= oldest:
            continue
        if not await connection.fetchval(f"SELECT EXISTS (SELECT FROM {name} WHERE published_at IS NULL)"):
            await connection.execute(f"DROP TABLE {name}")
            dropped.append(name)
    return dropped


async def republish(connection: asyncpg.Connection, since: datetime) -> int:
    """Hand every event recorded since `since` to the relay again, in order; returns how many.

    Safe at any time: what the stream still has is refused as a duplicate or dropped by the consumers' inbox.
    """
    async with connection.transaction():
        status = await connection.execute("UPDATE outbox SET published_at = NULL WHERE recorded_at >= $1", since)
        await connection.execute("SELECT pg_notify('outbox_' || current_schema(), '')")
    return int(status.split()[-1])
