"""The relay: takes events from one service's outbox to the stream, in order, each transaction's events together.

One relay per service is the leader, by a Postgres advisory lock that dies with its connection; the others stand by. It
is woken by NOTIFY, with a slow poll behind it. A crash between the stream's acknowledgement and the mark in the outbox
makes the same rows come again: the stream refuses the batch as a duplicate, and the relay then goes group by group.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import nats.errors
import structlog
from nats.aio.client import Client

from libs.messaging import metrics
from libs.messaging.outbox import keep_partitions
from libs.messaging.publisher import BatchHasDuplicate, Outgoing, PublishRefused, publish_batch
from libs.messaging.tracing import TraceCarrier, record_send_span

log = structlog.get_logger("relay")

_BATCH = 1_000
_BATCH_BYTES = 8 * 1024 * 1024
_PASS = 50_000
_POLL_SECONDS = 2.0
_HOUSEKEEPING_SECONDS = 3_600.0
_CONNECTION_ERRORS = (
    nats.errors.Error,
    PublishRefused,
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
)


@dataclass(frozen=True, slots=True)
class _Pending:
    position: int
    group_id: Any
    group_size: int
    bytes: int
    message: Outgoing
    recorded_at: datetime


class Relay:
    """Runs until cancelled; survives the loss of Postgres and of NATS for any time, retrying with growing pauses."""

    def __init__(self, database_url: str, client: Client, service: str) -> None:
        self._database_url = database_url
        self._client = client
        self._service = service
        self._about = {"service": service}
        self._wake = asyncio.Event()
        self.leading = False

    async def run(self) -> None:
        pause = 0.1
        while True:
            try:
                await self._serve_one_connection()
                pause = 0.1
            except _CONNECTION_ERRORS as error:
                log.warning("relay interrupted, retrying", service=self._service, error=repr(error), pause=pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 10.0)
            finally:
                self.leading = False

    async def _serve_one_connection(self) -> None:
        connection = await asyncpg.connect(self._database_url, server_settings={"application_name": "relay"})
        try:
            # A lost mark only means that a row is published again and refused as a duplicate.
            await connection.execute("SET synchronous_commit = off")
            # Making and dropping partitions must not queue up behind a long transaction, with everybody behind them.
            await connection.execute("SET lock_timeout = '3s'")
            await connection.add_listener(f"outbox_{self._service}", lambda *_: self._wake.set())
            connection.add_termination_listener(lambda _: self._wake.set())
            while not await self._take_lead(connection):  # noqa: ASYNC110 - nothing in Postgres would wake us
                await asyncio.sleep(1.0)
            self.leading = True
            await self._lead(connection)
        finally:
            with suppress(*_CONNECTION_ERRORS):
                await connection.close(timeout=2)

    async def _take_lead(self, connection: asyncpg.Connection) -> bool:
        taken = await connection.fetchval("SELECT pg_try_advisory_lock(hashtext('relay'), hashtext($1))", self._service)
        return bool(taken)

    async def _lead(self, connection: asyncpg.Connection) -> None:
        housekeeping = 0.0
        while True:
            if time.monotonic() >= housekeeping:
                await keep_partitions(connection)
                housekeeping = time.monotonic() + _HOUSEKEEPING_SECONDS
            self._wake.clear()
            if await self.drain_once(connection) == 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _POLL_SECONDS)

    async def drain_once(self, connection: asyncpg.Connection) -> int:
        """Publish what is waiting now; returns how many events are published and marked.

        While the stream takes one batch, the batch before it is marked and the next one is read. Rows whose transaction
        commits late, behind the reading position, are found by the next call.
        """
        published: list[_Pending] = []
        unmarked: list[_Pending] = []
        waiting, carried, position = await self._read(connection, [], 0)
        while waiting:
            publishing = asyncio.create_task(self._publish_all(waiting))
            try:
                await _mark(connection, unmarked)
                following, carried, position = await self._read(connection, carried, position)
            finally:
                await publishing
            published += waiting
            unmarked, waiting = waiting, following
            if len(published) >= _PASS:
                break
        await _mark(connection, unmarked)
        metrics.outbox_waiting.set(len(waiting) + len(carried), self._about)
        return len(published)

    async def _read(
        self, connection: asyncpg.Connection, carried: list[_Pending], position: int
    ) -> tuple[list[_Pending], list[_Pending], int]:
        """The next rows whose groups are complete, those cut off by the end of the window, and the position reached."""
        rows = await _fetch(connection, position)
        pending = carried + rows
        sizes = Counter(item.group_id for item in pending)
        whole = [item for item in pending if sizes[item.group_id] == item.group_size]
        rest = [item for item in pending if sizes[item.group_id] != item.group_size]
        metrics.outbox_waiting.set(len(pending), self._about)
        if rows and not whole:
            return await self._read(connection, rest, rows[-1].position)
        return whole, rest, rows[-1].position if rows else position

    async def _publish_all(self, pending: Sequence[_Pending]) -> None:
        for batch in _batches(pending):
            await self._publish(batch)
            self._tell(batch, datetime.now(UTC))

    async def _publish(self, batch: Sequence[_Pending]) -> None:
        try:
            await publish_batch(self._client, [item.message for item in batch])
            return
        except BatchHasDuplicate:
            log.info("batch was published before, going group by group", service=self._service, events=len(batch))
        for group in _groups(batch):
            # A group went into the stream as a whole or not at all, so a refused one is there already.
            with suppress(BatchHasDuplicate):
                await publish_batch(self._client, [item.message for item in group])

    def _tell(self, batch: Sequence[_Pending], now: datetime) -> None:
        metrics.published.add(len(batch), self._about)
        metrics.outbox_lag.record((now - batch[0].recorded_at).total_seconds(), self._about)
        for item in batch:
            carrier = TraceCarrier(item.message.headers.get("traceparent"), item.message.headers.get("tracestate"))
            if carrier.sampled:
                type_ = item.message.subject.rpartition(".")[0]
                event_id = item.message.headers["Nats-Msg-Id"]
                record_send_span(carrier, type_=type_, event_id=event_id, recorded_at=item.recorded_at, now=now)


async def _fetch(connection: asyncpg.Connection, after: int) -> list[_Pending]:
    rows = await connection.fetch(
        "SELECT position, group_id, group_size, event_id, subject, envelope, traceparent, tracestate, recorded_at"
        " FROM outbox WHERE published_at IS NULL AND position > $1 ORDER BY position LIMIT $2",
        after,
        _BATCH,
    )
    return [_pending(row) for row in rows]


async def _mark(connection: asyncpg.Connection, batch: Sequence[_Pending]) -> None:
    if not batch:
        return
    await connection.execute(
        "UPDATE outbox SET published_at = now() WHERE position = ANY($1::bigint[]) AND recorded_at BETWEEN $2 AND $3",
        [item.position for item in batch],
        min(item.recorded_at for item in batch),
        max(item.recorded_at for item in batch),
    )


def _pending(row: asyncpg.Record) -> _Pending:
    headers = {"Nats-Msg-Id": str(row["event_id"])}
    if row["traceparent"]:
        headers["traceparent"] = row["traceparent"]
    if row["tracestate"]:
        headers["tracestate"] = row["tracestate"]
    message = Outgoing(row["subject"], row["envelope"], headers)
    return _Pending(
        row["position"], row["group_id"], row["group_size"], len(row["envelope"]), message, row["recorded_at"]
    )


def _groups(pending: Sequence[_Pending]) -> list[list[_Pending]]:
    """Rows by group, groups in the order of their first row, rows of a group in order."""
    groups: dict[Any, list[_Pending]] = {}
    for item in pending:
        groups.setdefault(item.group_id, []).append(item)
    return list(groups.values())


def _batches(pending: Sequence[_Pending]) -> list[list[_Pending]]:
    """Rows in batches that hold whole groups, within the server's limit of messages and a sensible size in bytes."""
    batches: list[list[_Pending]] = []
    room, size = 0, 0
    for group in _groups(pending):
        weight = sum(item.bytes for item in group)
        if not batches or room < len(group) or size + weight > _BATCH_BYTES:
            batches.append([])
            room, size = _BATCH, 0
        batches[-1].extend(group)
        room -= len(group)
        size += weight
    return batches
