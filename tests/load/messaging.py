"""First figures of the messaging core, as ratios to raw loops measured in the same run.

    make bench          # python -m tests.load.messaging [--events 20000] [--rounds 3]

NATS syncs every write (`sync_interval: always`) and Postgres runs with fsync on. The floors are the shortest loops that
do the same kind of work without our promises; the plain way is one message, one transaction, one publish at a time.
A run whose events are not all there exactly once prints no figure.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import nats
from nats.aio.client import Client
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from uuid_utils.compat import uuid7

from contracts.feedback import Customer, FeedbackReceived
from contracts.problems import FeedbackTriaged
from deploy.embedded.home import temporary_home
from deploy.embedded.infrastructure import Infrastructure, infrastructure
from libs.messaging.consumer import Consumer
from libs.messaging.handlers import Handlers, on
from libs.messaging.outbox import keep_partitions
from libs.messaging.processor import Processor
from libs.messaging.publisher import Outgoing, publish_batch
from libs.messaging.relay import Relay
from libs.messaging.schema import REVISION_1
from libs.messaging.topology import apply
from libs.messaging.work import Message, Transactions, Work

_BATCH = 500
_WORDS = "The reminder reached my client an hour after the appointment had begun, again. " * 4


class EventsMissing(Exception):
    """A run lost or doubled events; its figure would be worthless."""


@dataclass(frozen=True)
class Bench:
    """The parts that every measurement uses; `size` events per measurement."""

    parts: Infrastructure
    client: Client
    intake: asyncpg.Connection
    triage: asyncpg.Connection
    engine: AsyncEngine
    size: int

    async def messages(self, subject: str) -> int:
        info = await self.client.jetstream().stream_info("INTAKE", subjects_filter=subject)
        return (info.state.subjects or {}).get(subject, 0)


def feedback(workspace: str, number: int) -> FeedbackReceived:
    now = datetime.now(UTC)
    return FeedbackReceived(
        feedback_id=uuid7(),
        text=f"{number} {workspace} {_WORDS}",
        source="support-desk",
        external_id=f"T-{number}",
        received_at=now,
        occurred_at=now,
        customer=Customer(id=f"c-{number % 997}", segment="practice", plan="pro"),
    )


async def fill_outbox(bench: Bench, workspace: str) -> list[Outgoing]:
    """Write `size` events to intake's outbox; returns the same messages, for the raw loop."""
    transactions = Transactions(create_async_engine(_sqlalchemy(bench.parts.database_url("intake"))), "intake", Work)
    for start in range(0, bench.size, 1_000):
        async with transactions.begin(workspace) as work:
            for number in range(start, min(start + 1_000, bench.size)):
                work.record(feedback(workspace, number), first=True)
    await transactions.engine.dispose()
    rows = await bench.intake.fetch(
        "SELECT event_id, subject, envelope FROM outbox WHERE subject LIKE '%.' || $1 ORDER BY position", workspace
    )
    return [Outgoing(row["subject"], row["envelope"], {"Nats-Msg-Id": str(row["event_id"])}) for row in rows]


async def relay_ours(bench: Bench, workspace: str) -> float:
    await fill_outbox(bench, workspace)
    relay = Relay(bench.parts.database_url("intake"), bench.client, "intake")
    connection = await asyncpg.connect(bench.parts.database_url("intake"))
    await connection.execute("SET synchronous_commit = off")
    started = time.perf_counter()
    while await relay.drain_once(connection):
        pass
    took = time.perf_counter() - started
    await connection.close()
    await _expect(bench, workspace)
    return bench.size / took


async def relay_raw(bench: Bench, workspace: str) -> float:
    messages = [_outgoing(workspace, number) for number in range(bench.size)]
    started = time.perf_counter()
    for start in range(0, bench.size, 1_000):
        await publish_batch(bench.client, messages[start : start + 1_000])
    took = time.perf_counter() - started
    await _expect(bench, workspace)
    return bench.size / took


async def relay_plain(bench: Bench, workspace: str) -> float:
    small = Bench(bench.parts, bench.client, bench.intake, bench.triage, bench.engine, max(bench.size // 20, 100))
    await fill_outbox(small, workspace)
    js = bench.client.jetstream()
    started = time.perf_counter()
    for _ in range(small.size):
        async with bench.intake.transaction():
            row = await bench.intake.fetchrow(
                "SELECT position, event_id, subject, envelope FROM outbox WHERE published_at IS NULL"
                " ORDER BY position LIMIT 1 FOR UPDATE SKIP LOCKED"
            )
            assert row is not None
            await js.publish(row["subject"], row["envelope"], headers={"Nats-Msg-Id": str(row["event_id"])})
            await bench.intake.execute("UPDATE outbox SET published_at = now() WHERE position = $1", row["position"])
    took = time.perf_counter() - started
    await _expect(small, workspace)
    return small.size / took


def _outgoing(workspace: str, number: int) -> Outgoing:
    from libs.messaging.outbox import serialize

    event_id, body = serialize(
        feedback(workspace, number),
        service="intake",
        workspace=workspace,
        cause=None,
        sequence=0,
        now=datetime.now(UTC),
    )
    return Outgoing(f"{FeedbackReceived.TYPE}.{workspace}", body, {"Nats-Msg-Id": str(event_id)})


async def _expect(bench: Bench, workspace: str) -> None:
    found = await bench.messages(f"{FeedbackReceived.TYPE}.{workspace}")
    if found != bench.size:
        raise EventsMissing(f"{found} of {bench.size} events are in the stream")


async def _fill_stream(bench: Bench, workspace: str) -> None:
    await relay_raw(bench, workspace)


async def note_effects(messages: Sequence[Message[FeedbackReceived]], work: Work) -> None:
    """The measured use case: one effect row and one outgoing event per message."""
    driver = await work.driver()
    await driver.execute(
        "INSERT INTO effect SELECT $1, unnest($2::uuid[])", work.workspace, [m.event.feedback_id for m in messages]
    )
    for message in messages:
        triaged = FeedbackTriaged(
            feedback_id=message.event.feedback_id,
            problem_id=None,
            score=0.5,
            reason="shares the words reminder and hour",
            algorithm="bench",
            assigned_by="engine",
        )
        work.record(triaged, cause=message, first=True)


async def consumer_ours(bench: Bench, workspace: str) -> float:
    await _fill_stream(bench, workspace)
    await _skip_to(bench, workspace)
    processor = Processor(
        Transactions(bench.engine, "triage", Work), Handlers(on(FeedbackReceived, note_effects, together=True))
    )
    consumer = Consumer(bench.client, processor, "INTAKE", "triage", batch=_BATCH)
    started = time.perf_counter()
    running = asyncio.create_task(consumer.run())
    await _until_consumed(bench, started)
    took = time.perf_counter() - started
    consumer.stop()
    await running
    await _expect_effects(bench, workspace, outgoing=True)
    return bench.size / took


async def consumer_raw(bench: Bench, workspace: str) -> float:
    await _fill_stream(bench, workspace)
    await _skip_to(bench, workspace)
    subscription = await bench.client.jetstream().pull_subscribe_bind("triage", "INTAKE")
    started = time.perf_counter()
    done = 0
    while done < bench.size:
        msgs = await subscription.fetch(min(_BATCH, bench.size - done), timeout=5)
        ids = [UUID(msg.headers["Nats-Msg-Id"]) for msg in msgs if msg.headers]
        await bench.triage.execute("INSERT INTO effect SELECT $1, unnest($2::uuid[])", workspace, ids)
        for msg in msgs:
            await msg.ack()
        done += len(msgs)
    await _until_consumed(bench, started)
    took = time.perf_counter() - started
    await subscription.unsubscribe()
    await _expect_effects(bench, workspace, outgoing=False)
    return bench.size / took


async def consumer_plain(bench: Bench, workspace: str) -> float:
    small = Bench(bench.parts, bench.client, bench.intake, bench.triage, bench.engine, max(bench.size // 20, 100))
    await _fill_stream(small, workspace)
    await _skip_to(small, workspace)
    subscription = await bench.client.jetstream().pull_subscribe_bind("triage", "INTAKE")
    transactions = Transactions(bench.engine, "triage", Work)
    handlers = Handlers(on(FeedbackReceived, note_effects, together=True))
    processor = Processor(transactions, handlers)
    from libs.messaging.delivered import from_nats

    started = time.perf_counter()
    for _ in range(small.size):
        msg = (await subscription.fetch(1, timeout=5))[0]
        await processor.process([from_nats(msg)], "INTAKE")
        await msg.ack_sync(timeout=5)
        row = await bench.triage.fetchrow("SELECT * FROM outbox WHERE published_at IS NULL ORDER BY position LIMIT 1")
        assert row is not None
        await bench.triage.execute("UPDATE outbox SET published_at = now() WHERE position = $1", row["position"])
    took = time.perf_counter() - started
    await subscription.unsubscribe()
    await _expect_effects(small, workspace, outgoing=True)
    return small.size / took


async def _skip_to(bench: Bench, workspace: str) -> None:
    """A fresh durable that sees exactly this measurement's messages."""
    from nats.js.api import ConsumerConfig

    js = bench.client.jetstream()
    await js.delete_consumer("INTAKE", "triage")
    config = ConsumerConfig(
        durable_name="triage",
        filter_subject=f"{FeedbackReceived.TYPE}.{workspace}",
        ack_wait=30,
        max_ack_pending=2_000,
    )
    await js.add_consumer("INTAKE", config)


async def _until_consumed(bench: Bench, started: float) -> None:
    while time.perf_counter() - started < 120:
        info = await bench.client.jetstream().consumer_info("INTAKE", "triage")
        if info.num_pending == 0 and info.num_ack_pending == 0:
            return
        await asyncio.sleep(0.005)
    raise EventsMissing("not all messages were acknowledged within 120 s")


async def _expect_effects(bench: Bench, workspace: str, *, outgoing: bool) -> None:
    total = await bench.triage.fetchval("SELECT count(*) FROM effect WHERE workspace = $1", workspace)
    distinct = await bench.triage.fetchval("SELECT count(DISTINCT id) FROM effect WHERE workspace = $1", workspace)
    said = await bench.triage.fetchval("SELECT count(*) FROM outbox WHERE subject LIKE '%.' || $1", workspace)
    if (total, distinct, said) != (bench.size, bench.size, bench.size if outgoing else 0):
        raise EventsMissing(f"{total} effects ({distinct} distinct) and {said} events for {bench.size} messages")


Measure = Callable[[Bench, str], Awaitable[float]]


async def _measure(bench: Bench, rounds: int, ways: dict[str, Measure]) -> dict[str, list[float]]:
    """Events per second of each way, measured in turn so that a drifting machine touches all alike."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds):
        for name, way in ways.items():
            found[name].append(await way(bench, f"{name}-{turn}-{uuid7().hex[-6:]}"))
            await bench.triage.execute("TRUNCATE outbox, inbox, effect")
            await bench.intake.execute("TRUNCATE outbox")
            await bench.client.jetstream().purge_stream("INTAKE")
    return found


def _report(title: str, found: dict[str, list[float]], bar: float) -> bool:
    ours, floor, plain = found
    ratios = [a / b for a, b in zip(found[ours], found[floor], strict=True)]
    gain = [a / b for a, b in zip(found[ours], found[plain], strict=True)]
    middle = statistics.median(ratios)
    print(f"{title}")
    for name, values in found.items():
        print(f"  {name:16} {statistics.median(values):>10,.0f} events/s   {[round(v) for v in values]}")
    print(f"  ratio to the raw loop   {middle:.2f}  (bar {bar})   {[round(r, 2) for r in ratios]}")
    print(f"  times the plain way     {statistics.median(gain):.1f}")
    return middle >= bar


async def run(size: int, rounds: int) -> bool:
    with temporary_home() as home:
        async with infrastructure(home) as parts:
            client = await nats.connect(parts.nats_url("admin"), pending_size=64 * 1024 * 1024)
            await apply(client.jetstream())
            intake, triage = [await asyncpg.connect(parts.database_url(s)) for s in ("intake", "triage")]
            for connection in (intake, triage):
                await connection.execute(REVISION_1)
                await keep_partitions(connection)
            await triage.execute("CREATE TABLE effect (workspace text NOT NULL, id uuid NOT NULL)")
            engine = create_async_engine(_sqlalchemy(parts.database_url("triage")))
            bench = Bench(parts, client, intake, triage, engine, size)
            relay = await _measure(
                bench, rounds, {"relay": relay_ours, "raw-batches": relay_raw, "plain-relay": relay_plain}
            )
            consumer = await _measure(
                bench,
                rounds,
                {"consumer": consumer_ours, "raw-consumer": consumer_raw, "plain-consumer": consumer_plain},
            )
            await engine.dispose()
            await client.close()
            for connection in (intake, triage):
                await connection.close()
    good = _report("Relay: outbox to stream", relay, 0.6)
    good &= _report("Consumer: stream to effect", consumer, 0.5)
    return good


def _sqlalchemy(url: str) -> str:
    return url.replace("postgresql://", "postgresql+asyncpg://", 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if not asyncio.run(run(options.events, options.rounds)):
        raise SystemExit("a ratio is below its bar")


if __name__ == "__main__":
    main()
