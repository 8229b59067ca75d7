"""From a committed transaction into the stream: in order, whole groups together, again after a loss."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import nats
import nats.errors
import pytest
import pytest_asyncio
from nats.aio.client import Client

from contracts.envelope import Envelope, parse, wrap
from contracts.problems import ProblemGrew, ProblemOpened
from libs.messaging.outbox import MAX_GROUP, GroupTooLarge, keep_partitions, republish
from libs.messaging.publisher import BatchHasDuplicate, Outgoing, publish_batch
from libs.messaging.relay import Relay
from libs.messaging.work import Message
from tests.support.driven import Driven

SUBJECT = f"{ProblemGrew.TYPE}."


def grew(reports: int = 1, problem=None) -> ProblemGrew:
    return ProblemGrew(
        problem_id=problem or uuid4(), feedback_id=uuid4(), reports=reports, customers=1, statement="Reminders are late"
    )


@pytest_asyncio.fixture(loop_scope="session")
async def connection(triage: Driven) -> AsyncIterator[asyncpg.Connection]:
    found = await asyncpg.connect(triage.settings.database_url)
    yield found
    await found.close()


@pytest_asyncio.fixture(loop_scope="session")
async def relay(triage: Driven) -> AsyncIterator[Relay]:
    client = await nats.connect(triage.settings.nats_url, inbox_prefix="_INBOX_triage")
    yield Relay(triage.settings.database_url, client, "triage")
    await client.close()


async def in_stream(admin: Client, workspace: str) -> list[Envelope]:
    """This workspace's problem.grew events, in stream order."""
    js = admin.jetstream()
    subscription = await js.subscribe(SUBJECT + workspace, ordered_consumer=True)
    found = []
    try:
        while True:
            found.append(parse((await subscription.next_msg(timeout=0.5)).data))
    except nats.errors.TimeoutError:
        await subscription.unsubscribe()
        return found


async def test_nothing_is_said_unless_the_transaction_commits(triage: Driven) -> None:
    async def change_its_mind() -> None:
        async with triage.transactions.begin(triage.workspace) as work:
            work.record(grew())
            raise RuntimeError("changed its mind")

    with pytest.raises(RuntimeError, match="changed its mind"):
        await change_its_mind()
    assert await triage.said() == []


async def test_the_relay_keeps_the_order_and_says_each_event_once(
    triage: Driven, relay: Relay, connection: asyncpg.Connection, admin: Client
) -> None:
    problem = uuid4()
    for turn in range(5):
        async with triage.transactions.begin(triage.workspace) as work:
            for step in range(50):
                work.record(grew(turn * 50 + step + 1, problem))
    while await relay.drain_once(connection):
        pass
    assert await relay.drain_once(connection) == 0
    found = await in_stream(admin, triage.workspace)
    assert [envelope.data["reports"] for envelope in found] == list(range(1, 251))
    assert [envelope.sequence for envelope in found] == list(range(1, 251))


async def test_rows_published_before_a_crash_are_not_doubled(
    triage: Driven, relay: Relay, connection: asyncpg.Connection, admin: Client
) -> None:
    """The mark in the outbox is lost after the stream took the batch, and new events arrive meanwhile."""
    for _ in range(2):
        async with triage.transactions.begin(triage.workspace) as work:
            for _ in range(3):
                work.record(grew())
        await relay.drain_once(connection)
        await connection.execute(
            "UPDATE outbox SET published_at = NULL WHERE subject LIKE '%.' || $1", triage.workspace
        )
    async with triage.transactions.begin(triage.workspace) as work:
        work.record(grew())
    await relay.drain_once(connection)
    found = await in_stream(admin, triage.workspace)
    assert len(found) == len({envelope.id for envelope in found}) == 7


async def test_two_relays_one_leader(triage: Driven, admin: Client) -> None:
    clients = [await nats.connect(triage.settings.nats_url, inbox_prefix="_INBOX_triage") for _ in range(2)]
    relays = [Relay(triage.settings.database_url, client, "triage") for client in clients]
    tasks = [asyncio.create_task(relay.run()) for relay in relays]
    try:
        await _until(lambda: any(relay.leading for relay in relays))
        first = next(index for index, relay in enumerate(relays) if relay.leading)
        assert not relays[1 - first].leading
        tasks[first].cancel()
        await asyncio.gather(tasks[first], return_exceptions=True)
        await _until(lambda: relays[1 - first].leading)
        async with triage.transactions.begin(triage.workspace) as work:
            work.record(grew())
        await _until_async(lambda: in_stream(admin, triage.workspace))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for client in clients:
            await client.close()


async def test_one_cause_may_say_a_thousand_events_and_no_more(triage: Driven) -> None:
    async def say(events: int) -> None:
        async with triage.transactions.begin(triage.workspace) as work:
            for _ in range(events):
                work.record(grew())

    await say(MAX_GROUP)
    with pytest.raises(GroupTooLarge, match="1001 events"):
        await say(MAX_GROUP + 1)
    assert len(await triage.said()) == MAX_GROUP


async def test_interleaved_causes_are_said_group_by_group(triage: Driven) -> None:
    causes = [Message(grew(), wrap(grew(), service="intake", workspace=triage.workspace)) for _ in range(2)]
    problem = uuid4()
    async with triage.transactions.begin(triage.workspace) as work:
        for turn in range(6):
            work.record(grew(turn + 1, problem), cause=causes[turn % 2])
    said = await triage.said_envelopes()
    assert [envelope.causationid for envelope in said] == [causes[0].envelope.id] * 3 + [causes[1].envelope.id] * 3
    assert [envelope.sequence for envelope in said] == [1, 2, 3, 4, 5, 6]
    assert {envelope.correlationid for envelope in said} == {cause.envelope.correlationid for cause in causes}


async def test_sequences_of_one_aggregate_follow_commit_order(triage: Driven) -> None:
    problem = uuid4()

    async def one(number: int) -> None:
        async with triage.transactions.begin(triage.workspace) as work:
            work.record(grew(number, problem))

    await asyncio.gather(*(one(number + 1) for number in range(20)))
    assert [envelope.sequence for envelope in await triage.said_envelopes()] == list(range(1, 21))


async def test_a_first_event_costs_no_sequence_and_the_next_one_is_later(triage: Driven) -> None:
    problem = uuid4()
    opened = ProblemOpened(problem_id=problem, statement="Reminders are late", first_feedback_id=uuid4())
    async with triage.transactions.begin(triage.workspace) as work:
        work.record(opened, first=True)
    async with triage.transactions.begin(triage.workspace) as work:
        work.record(grew(2, problem))
    assert [envelope.sequence for envelope in await triage.said_envelopes()] == [0, 1]


async def test_an_atomic_batch_is_stored_whole_or_not_at_all(admin: Client, workspace: str) -> None:
    def message(number: int) -> Outgoing:
        envelope = wrap(grew(), service="triage", workspace=workspace)
        return Outgoing(SUBJECT + workspace, envelope.to_bytes(), {"Nats-Msg-Id": f"{workspace}-{number}"})

    await publish_batch(admin, [message(1), message(2)])
    with pytest.raises(BatchHasDuplicate):
        await publish_batch(admin, [message(3), message(2), message(4)])
    assert len(await in_stream(admin, workspace)) == 2
    with pytest.raises(ValueError, match="1 to 1000 messages, not 1001"):
        await publish_batch(admin, [message(number) for number in range(1_001)])


async def test_partitions_come_and_go_but_never_with_unpublished_events(
    triage: Driven, connection: asyncpg.Connection
) -> None:
    now = datetime.now(UTC)
    old = now - timedelta(days=100)
    await keep_partitions(connection, old)
    async with triage.transactions.begin(triage.workspace, now=old) as work:
        work.record(grew())
    name = f"outbox_{old:%Y%m%d}"
    dropped = await keep_partitions(connection, now)
    assert name not in dropped
    assert f"outbox_{old + timedelta(days=1):%Y%m%d}" in dropped
    await connection.execute("UPDATE outbox SET published_at = now() WHERE subject LIKE '%.' || $1", triage.workspace)
    assert name in await keep_partitions(connection, now)
    assert await connection.fetchval("SELECT to_regclass($1)", f"outbox_{now + timedelta(days=2):%Y%m%d}") is not None


async def test_republish_hands_out_what_was_recorded_since(
    triage: Driven, relay: Relay, connection: asyncpg.Connection
) -> None:
    before = datetime.now(UTC)
    async with triage.transactions.begin(triage.workspace) as work:
        work.record(grew())
    await relay.drain_once(connection)
    # Other tests set their own clock, some into the next years.
    assert await republish(connection, datetime.now(UTC) + timedelta(days=36_500)) == 0
    assert await republish(connection, before - timedelta(seconds=1)) >= 1


async def _until(condition) -> None:
    for _ in range(200):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not become true within 10 s")


async def _until_async(condition) -> None:
    for _ in range(20):
        if await condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not become true in time")
