"""Every consumer of the catalogue keeps the messaging promises, with its own handlers, real NATS and real Postgres.

For each service: the golden sample of every event it consumes is published by its owner's user, and comes twice, in
the wrong order, again after a crash before the acknowledgement, next to poison, and across a reconnect.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import nats
import pytest
from nats.aio.client import Client
from nats.js.api import ConsumerConfig
from uuid_utils.compat import uuid4

from contracts.catalog import BY_TYPE, SERVICES, consumed_by
from contracts.envelope import Envelope, parse
from deploy.embedded.infrastructure import Infrastructure
from libs.messaging.consumer import Consumer
from libs.messaging.delivered import Delivered
from libs.messaging.processor import Again, Processor
from libs.messaging.publisher import Outgoing, publish_batch
from tests.support.driven import Driven, driven_service

SAMPLES = Path(__file__).parents[2] / "contracts" / "samples"
_TABLES = """
SELECT table_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
 WHERE table_schema = current_schema() AND column_name = 'workspace' AND table_type = 'BASE TABLE'
   AND table_name NOT IN ('dead_letter', 'idempotency')
"""
CONSUMERS = [service for service in SERVICES if consumed_by(service)]


def story(service: str, workspace: str) -> list[Envelope]:
    """One event of each type that `service` consumes, in the order of the golden story, in a workspace of its own."""
    found = [parse((SAMPLES / f"{entry.type}.json").read_bytes()) for entry in consumed_by(service)]
    ordered = sorted(found, key=lambda envelope: envelope.time)
    return [_moved(envelope, workspace) for envelope in ordered]


def _moved(envelope: Envelope, workspace: str) -> Envelope:
    return replace(envelope, id=str(uuid4()), workspace=workspace)


class Wired:
    """A service's real consumers on durables of the test's own workspace, started and stopped like a process."""

    def __init__(self, driven: Driven, platform: Infrastructure, admin: Client) -> None:
        self.driven, self.platform, self.admin = driven, platform, admin
        self.streams = sorted({BY_TYPE[entry.type].stream for entry in consumed_by(driven.service.name)})
        self.durable = f"conf-{driven.workspace}"

    async def declare(self) -> None:
        for stream in self.streams:
            consumed = [entry for entry in consumed_by(self.driven.service.name) if entry.stream == stream]
            filters = [entry.subject(self.driven.workspace) for entry in consumed]
            await self.admin.jetstream().add_consumer(
                stream, ConsumerConfig(durable_name=self.durable, filter_subjects=filters, ack_wait=2.0, max_deliver=50)
            )

    async def remove(self) -> None:
        for stream in self.streams:
            await self.admin.jetstream().delete_consumer(stream, self.durable)

    async def publish(self, envelopes: Sequence[Envelope], *, copy: str = "") -> None:
        """Into the owners' streams; `copy` makes it another message with the same event, as a re-publication does."""
        for stream in self.streams:
            mine = [envelope for envelope in envelopes if BY_TYPE[envelope.type].stream == stream]
            messages = [
                Outgoing(envelope.nats_subject, envelope.to_bytes(), {"Nats-Msg-Id": envelope.id + copy})
                for envelope in mine
            ]
            if messages:
                await publish_batch(self.admin, messages)

    @asynccontextmanager
    async def consuming(self, processor: Processor[Any] | None = None) -> AsyncIterator[None]:
        client = await nats.connect(self.platform.nats_url("admin"), max_reconnect_attempts=-1, reconnect_time_wait=0.1)
        chosen = processor or self.driven.processor(retry_delay=lambda _: 0.1)
        consumers = [Consumer(client, chosen, stream, self.durable) for stream in self.streams]
        tasks = [asyncio.create_task(consumer.run()) for consumer in consumers]
        try:
            yield
        finally:
            for consumer in consumers:
                consumer.stop()
            await asyncio.gather(*tasks)
            await client.close()

    async def drained(self) -> None:
        async def done() -> bool:
            infos = [await self.admin.jetstream().consumer_info(stream, self.durable) for stream in self.streams]
            return all(info.num_pending == 0 and info.num_ack_pending == 0 for info in infos)

        await until(done, "every message acknowledged")

    async def handled(self, envelopes: Sequence[Envelope]) -> int:
        rows = await self.query(
            "SELECT event_id FROM inbox WHERE event_id = ANY($1::uuid[])", [e.key for e in envelopes]
        )
        return len(rows)

    async def dead(self) -> list[asyncpg.Record]:
        return await self.query("SELECT reason, error FROM dead_letter WHERE workspace = $1", self.driven.workspace)

    async def query(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.driven.settings.database_url)
        try:
            return await connection.fetch(statement, *arguments)
        finally:
            await connection.close()

    async def state(self) -> dict[str, int]:
        """Rows of this workspace per table of the service, and what it said: what a doubled effect would change."""
        tables = await self.query(_TABLES)
        found = {
            name: (await self.query(f"SELECT count(*) FROM {name} WHERE workspace = $1", self.driven.workspace))[0][0]
            for (name,) in tables
        }
        found["said"] = len(await self.driven.said_envelopes())
        return found


async def until(condition: Callable[[], Awaitable[bool]], what: str, *, seconds: float = 30) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not await condition():
        assert loop.time() < deadline, f"waited {seconds:.0f} s for {what}"
        await asyncio.sleep(0.05)


@pytest.fixture(params=CONSUMERS)
async def wired(
    request: pytest.FixtureRequest, platform: Infrastructure, admin: Client, workspace: str
) -> AsyncIterator[Wired]:
    async with driven_service(request.param, platform, workspace) as driven:
        found = Wired(driven, platform, admin)
        await found.declare()
        yield found
        await found.remove()


async def test_a_duplicate_has_no_second_effect(wired: Wired) -> None:
    events = story(wired.driven.service.name, wired.driven.workspace)
    async with wired.consuming():
        await wired.publish(events)
        await wired.drained()
        once = await wired.state()
        await wired.publish(events, copy="-again")
        await wired.drained()
    assert await wired.state() == once
    assert await wired.dead() == []


async def test_any_order_is_handled(wired: Wired) -> None:
    events = story(wired.driven.service.name, wired.driven.workspace)
    shuffled = list(events)
    random.Random(11).shuffle(shuffled)
    async with wired.consuming():
        for event in (*reversed(events), *shuffled):
            await wired.publish([event], copy=str(uuid4()))
        await wired.drained()
    assert await wired.handled(events) == len(events)
    assert await wired.dead() == []


async def test_a_crash_before_the_acknowledgement_has_no_second_effect(wired: Wired) -> None:
    events = story(wired.driven.service.name, wired.driven.workspace)
    crashed = asyncio.Event()

    class Crashing(Processor[Any]):
        """Commits, and then the process is gone before it can say so."""

        async def process(self, batch: Sequence[Delivered], stream: str) -> list[Again | None]:
            await super().process(batch, stream)
            crashed.set()
            await asyncio.Event().wait()
            raise AssertionError("never gets here")

    await wired.publish(events)
    dying = Crashing(wired.driven.transactions, wired.driven.service.handlers)
    client = await nats.connect(wired.platform.nats_url("admin"))
    doomed = [asyncio.create_task(Consumer(client, dying, s, wired.durable).run()) for s in wired.streams]
    await asyncio.wait_for(crashed.wait(), 30)
    await until(lambda: _all_handled(wired, events), "every event committed")
    for task in doomed:
        task.cancel()
    await asyncio.gather(*doomed, return_exceptions=True)
    await client.close()
    before = await wired.state()
    async with wired.consuming():
        await wired.drained()
    assert await wired.state() == before
    tried = "SELECT * FROM inbox_attempt WHERE event_id = ANY($1::uuid[])"
    assert await wired.query(tried, [event.key for event in events]) == []


async def _all_handled(wired: Wired, events: Sequence[Envelope]) -> bool:
    return await wired.handled(events) == len(events)


async def test_poison_is_set_aside_and_its_neighbours_are_handled(wired: Wired) -> None:
    events = story(wired.driven.service.name, wired.driven.workspace)
    sick = replace(events[0], id=str(uuid4()), data={"nothing": "that the version promises"})
    async with wired.consuming():
        await wired.publish([sick, *events])
        await wired.drained()
    assert await wired.handled(events) == len(events)
    (letter,) = await wired.dead()
    assert letter["reason"] == "unreadable"
    assert "Field required" in letter["error"]
    letters = (await wired.driven.http.get(f"/v1/services/{wired.driven.service.name}/dead-letters")).json()["items"]
    shown = await wired.driven.http.get(f"/v1/services/{wired.driven.service.name}/dead-letters/{letters[0]['id']}")
    assert json.loads(shown.json()["body"])["id"] == sick.id


async def test_a_reconnect_in_the_middle_loses_nothing(wired: Wired) -> None:
    events = story(wired.driven.service.name, wired.driven.workspace)
    half = len(events) // 2
    async with wired.consuming():
        await wired.publish(events[:half] or events)
        await wired.platform.restart_nats()
        await until(_connected(wired.admin), "the publisher's reconnect")
        await wired.publish(events[half:])
        await wired.drained()
    assert await wired.handled(events) == len(events)
    assert await wired.dead() == []


def _connected(client: Client) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return client.is_connected

    return check
