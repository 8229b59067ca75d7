"""The open transaction that a use case works in: its repositories, its clock, and what it says.

    async with transactions.begin(workspace="acme") as work:
        await open_problem(command, work)          # records events; nobody calls commit

What was recorded is written to the outbox in the same transaction, so effect and event happen together or not at all.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Self, TypeVar
from uuid import UUID

import asyncpg
from opentelemetry.trace import Span
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from uuid_utils.compat import uuid7

from contracts.envelope import Envelope
from contracts.event import Event
from libs.messaging.outbox import MAX_EVENT_BYTES, MAX_GROUP, EventTooLarge, GroupTooLarge, OutboxRow, serialize, write
from libs.messaging.tracing import TraceCarrier, current_carrier

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Message(Generic[E]):
    """An event as it reached a consumer: its data, its envelope, and the trace that what it causes belongs to."""

    event: E
    envelope: Envelope
    trace: TraceCarrier = field(default_factory=TraceCarrier)
    span: Span | None = None


@dataclass(slots=True)
class _Recorded:
    event: Event
    aggregate: str
    workspace: str
    cause: Message[Any] | None
    group_id: UUID
    trace: TraceCarrier
    first: bool


@dataclass(slots=True)
class _Transaction:
    """What every Work of one database transaction shares."""

    service: str
    connection: AsyncConnection
    now: datetime
    recorded: list[_Recorded] = field(default_factory=list)
    groups: dict[tuple[str, str, str], UUID] = field(default_factory=dict)

    def group_of(self, cause: Message[Any]) -> UUID:
        """The group of one cause in this transaction; another transaction of the same cause is another group."""
        envelope = cause.envelope
        identity = (envelope.source, envelope.workspace, envelope.id)
        found = self.groups.get(identity)
        if found is None:
            found = self.groups[identity] = uuid7()
        return found


class Work:
    """One use case's view of the open transaction. A service adds its repositories in a subclass."""

    def __init__(self, transaction: _Transaction, workspace: str, cause: Message[Any] | None = None) -> None:
        self._transaction = transaction
        self._group_id = uuid7()
        self.workspace = workspace
        self.cause = cause

    @property
    def connection(self) -> AsyncConnection:
        return self._transaction.connection

    @property
    def now(self) -> datetime:
        """The transaction's time (UTC), from the database: one clock for all replicas."""
        return self._transaction.now

    async def driver(self) -> asyncpg.Connection:
        """The asyncpg connection inside this transaction, for COPY and other bulk work."""
        return await driver_connection(self.connection)

    def record(self, event: Event, *, cause: Message[Any] | None = None, first: bool = False) -> None:
        """Say `event` when the transaction commits.

        `cause` defaults to the message this work is for. The events that one cause (or one command) records appear in
        the stream together, and there may be 1,000 of them at most: more raise GroupTooLarge at commit, as an event
        over MAX_EVENT_BYTES raises EventTooLarge. `first=True` promises that the aggregate is new, which saves taking
        its sequence number from the database.
        """
        cause = cause or self.cause
        group_id = self._transaction.group_of(cause) if cause else self._group_id
        trace = cause.trace if cause else current_carrier()
        self._transaction.recorded.append(
            _Recorded(event, event.aggregate, self.workspace, cause, group_id, trace, first)
        )

    def for_message(self, message: Message[Any]) -> Self:
        """The same transaction, on behalf of one message."""
        return type(self)(self._transaction, message.envelope.workspace, message)

    def in_workspace(self, workspace: str) -> Self:
        """The same transaction, for another workspace."""
        return type(self)(self._transaction, workspace)


W = TypeVar("W", bound=Work)


class Transactions(Generic[W]):
    """Opens transactions for one service; every exit either commits effects and events together, or nothing."""

    def __init__(self, engine: AsyncEngine, service: str, work: type[W]) -> None:
        self.engine = engine
        self.service = service
        self._work = work

    @asynccontextmanager
    async def begin(self, workspace: str, *, now: datetime | None = None) -> AsyncIterator[W]:
        async with self.engine.begin() as connection:
            # Executed through SQLAlchemy first, because that is what opens the transaction on the driver's connection.
            started = (await connection.execute(text("SELECT now()"))).scalar_one()
            work = self._work(_Transaction(self.service, connection, now or started), workspace)
            yield work
            await flush(work)


async def flush(work: Work) -> None:
    """Write what was recorded to the outbox; called once, by whoever owns the transaction, before commit."""
    transaction = work._transaction
    recorded, transaction.recorded = transaction.recorded, []
    if not recorded:
        return
    groups = _groups(recorded)
    recorded = [item for group in groups.values() for item in group]
    sequences = await _sequences(transaction.connection, recorded)
    rows = [
        _row(transaction, item, len(groups[item.group_id]), sequence)
        for item, sequence in zip(recorded, sequences, strict=True)
    ]
    await write(await work.driver(), rows)


async def driver_connection(connection: AsyncConnection) -> asyncpg.Connection:
    return (await connection.get_raw_connection()).driver_connection  # type: ignore[return-value]  # untyped upstream


def _row(transaction: _Transaction, item: _Recorded, group_size: int, sequence: int) -> OutboxRow:
    event_id, body = serialize(
        item.event,
        service=transaction.service,
        workspace=item.workspace,
        cause=item.cause.envelope if item.cause else None,
        sequence=sequence,
        now=transaction.now,
    )
    if len(body) > MAX_EVENT_BYTES:
        raise EventTooLarge(item.event.TYPE, len(body))
    return OutboxRow(
        event_id=event_id,
        group_id=item.group_id,
        group_size=group_size,
        subject=f"{item.event.TYPE}.{item.workspace}",
        envelope=body,
        traceparent=item.trace.traceparent,
        tracestate=item.trace.tracestate,
        recorded_at=transaction.now,
    )


def _groups(recorded: Sequence[_Recorded]) -> dict[UUID, list[_Recorded]]:
    """The events by group, which is how the relay publishes them, and so how sequences must be given out."""
    groups: dict[UUID, list[_Recorded]] = {}
    for item in recorded:
        groups.setdefault(item.group_id, []).append(item)
    largest = max(len(group) for group in groups.values())
    if largest > MAX_GROUP:
        raise GroupTooLarge(largest)
    return groups


async def _sequences(connection: AsyncConnection, recorded: Sequence[_Recorded]) -> list[int]:
    """The sequence number of each recorded event: it grows per (workspace, aggregate), in order of recording.

    An aggregate's only event so far, promised by `first`, is 0 without asking the database; all others count from 1.
    """
    keys = [(item.workspace, item.aggregate) for item in recorded]
    counts: dict[tuple[str, str], int] = {}
    for key in keys:
        counts[key] = counts.get(key, 0) + 1
    fresh = {key for key, item in zip(keys, recorded, strict=True) if item.first}
    known = {key: count for key, count in counts.items() if key not in fresh or count > 1}
    last = {key: 0 for key in counts if key not in known}
    if known:
        ordered = sorted(known)  # one lock order for everybody: no deadlocks between transactions
        statement = text(
            "INSERT INTO aggregate_sequence AS s (workspace, aggregate, last)"
            " SELECT * FROM unnest(CAST(:workspaces AS text[]), CAST(:aggregates AS text[]), CAST(:counts AS int[]))"
            " ON CONFLICT (workspace, aggregate) DO UPDATE SET last = s.last + excluded.last"
            " RETURNING workspace, aggregate, last"
        )
        found = await connection.execute(
            statement,
            {
                "workspaces": [workspace for workspace, _ in ordered],
                "aggregates": [aggregate for _, aggregate in ordered],
                "counts": [known[key] for key in ordered],
            },
        )
        last |= {(row.workspace, row.aggregate): row.last for row in found}
    taken = {key: last[key] - counts[key] for key in counts}  # the number before the first one handed out here
    sequences = []
    for key in keys:
        taken[key] += 1
        sequences.append(taken[key])
    return sequences
