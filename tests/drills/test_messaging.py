"""Drills: inject a fault, count what was accepted, and prove that nothing was lost or doubled.

`make drill` prints the tally of each.
"""

import asyncio
import random
from uuid import UUID

import nats
import pytest

from tests.drills.arena import Arena, Tally, arena, count, identities, make_topology, until
from tests.drills.worker import CRASH, POISON

pytestmark = pytest.mark.drill


async def test_kill_nine_of_relay_and_consumer_in_a_loop(tally: Tally) -> None:
    """At least 20 kills while 3,000 events go through."""
    chance = random.Random(7)
    async with arena() as found:
        wanted = identities(3_000)
        sent: set[UUID] = set()
        while tally.faults < 24 or len(sent) < len(wanted):
            unsent = [identity for identity in wanted if identity not in sent][:300]
            found.intake.send(*map(str, unsent))
            sent.update(unsent)
            await asyncio.sleep(chance.uniform(0.05, 0.8))
            both = [found.intake, found.triage]
            victims = both if chance.random() < 0.3 else [chance.choice(both)]
            for victim in victims:
                await victim.kill()
                tally.faults += 1
            await asyncio.gather(*(victim.start() for victim in victims))
            if found.intake in victims:
                # What the killed writer had not committed must be sent again; what it had, with or without having said
                # so, must not: looked up here, as a client would use its idempotency key.
                sent &= await recorded(found)
        count(tally, wanted, await found.settle(wanted))
        said = await found.query("triage", "SELECT count(*), count(DISTINCT group_id) FROM outbox")
        assert tuple(said[0]) == (3_000, 3_000)
        assert await found.messages_in("TRIAGE") == 3_000
    assert (tally.lost, tally.doubled) == (0, 0)


async def recorded(found: Arena) -> set[UUID]:
    rows = await found.query(
        "intake", "SELECT (convert_from(envelope, 'UTF8')::json -> 'data' ->> 'feedback_id')::uuid FROM outbox"
    )
    return {row[0] for row in rows}


async def test_nats_is_down_for_longer_than_sixty_reconnect_attempts(tally: Tally) -> None:
    """Sixty failed attempts are where the client library gives up by default; the wait is shortened, not the count."""
    async with arena() as found:
        before, during, after = identities(200), identities(400), identities(200)
        found.intake.send(*map(str, before))
        await found.settle(before)
        await found.parts.stop_nats()
        tally.faults = 1
        found.intake.send(*map(str, during))

        async def outlasted() -> bool:
            return min(found.intake.reconnects, found.triage.reconnects) > 70 and len(found.intake.accepted) == 600

        await until(outlasted, "more than 70 failed reconnects and 600 accepted events")
        await found.parts.start_nats()
        found.intake.send(*map(str, after))
        wanted = [*before, *during, *after]
        count(tally, wanted, await found.settle(wanted))
        tally.notes.append(f"{min(found.intake.reconnects, found.triage.reconnects)} failed reconnects each")
        assert not await found.intake.died()
        assert not await found.triage.died()
    assert (tally.lost, tally.doubled) == (0, 0)


async def test_the_stream_is_deleted_and_published_again_from_the_outbox(tally: Tally) -> None:
    async with arena() as found:
        handled, unseen = identities(500), identities(500)
        found.intake.send(*map(str, handled))
        await found.settle(handled)
        await found.triage.kill()
        found.intake.send(*map(str, unseen))

        async def all_in_stream() -> bool:
            return await found.messages_in("INTAKE") == 1_000

        await until(all_in_stream, "1,000 events in the stream")
        client = await nats.connect(found.parts.nats_url("admin"))
        await client.jetstream().delete_stream("INTAKE")
        await client.close()
        tally.faults = 1
        await make_topology(found.parts)
        await found.query("intake", "UPDATE outbox SET published_at = NULL")
        await found.triage.start()
        wanted = [*handled, *unseen]
        count(tally, wanted, await found.settle(wanted))
        assert await found.messages_in("INTAKE") == 1_000
    assert (tally.lost, tally.doubled) == (0, 0)


async def test_poison_among_a_thousand_good_ones(tally: Tally) -> None:
    """One body that no reader understands and one that the handler cannot bear: both set aside, all others handled."""
    async with arena() as found:
        wanted, poison = identities(1_000), identities(1)[0]
        found.intake.send(*map(str, wanted[:500]), f"{poison} {POISON}", *map(str, wanted[500:]))
        client = await nats.connect(found.parts.nats_url("admin"))
        await client.jetstream().publish("whystream.feedback.received.v1.drill", b"\xff not json")
        await client.close()
        tally.faults = 2
        effects = await found.settle(wanted)
        await until(lambda: found.has_dead_letters(2), "two dead letters")
        count(tally, wanted, await found.effects())
        letters = {letter["reason"]: letter for letter in await found.dead_letters()}
        tally.dead = len(letters)
        assert set(letters) == {"unreadable", "failed"}
        assert letters["unreadable"]["body"] == b"\xff not json"
        assert "this text is poison" in letters["failed"]["error"]
        assert letters["failed"]["attempts"] == 5
        assert poison not in effects
    assert (tally.lost, tally.doubled) == (0, 0)


async def test_a_handler_that_kills_its_process(tally: Tally) -> None:
    """The message that does it ends as a dead letter; its neighbours in the same fetch are handled."""
    async with arena() as found:
        wanted, killer = identities(300), identities(1)[0]
        found.intake.send(*map(str, wanted[:150]), f"{killer} {CRASH}", *map(str, wanted[150:]))

        async def given_up() -> bool:
            if await found.triage.died():
                tally.faults += 1
                await found.triage.start()
            return await found.has_dead_letters(1)

        await until(given_up, "the dead letter", seconds=120)
        count(tally, wanted, await found.settle(wanted))
        (letter,) = await found.dead_letters()
        tally.dead = 1
        assert letter["reason"] == "crashed"
        assert str(killer) in letter["body"].decode()
        assert set(found.triage.exits) == {70}
    assert (tally.lost, tally.doubled) == (0, 0)


async def test_postgres_restarts_under_load(tally: Tally) -> None:
    """Its absence is nobody's fault: no message is counted as tried, none becomes a dead letter."""
    async with arena() as found:
        wanted = identities(600)
        for start in range(0, 600, 200):
            accepted = set(found.intake.accepted)
            found.intake.send(*map(str, wanted[start : start + 200]))
            await asyncio.sleep(0.3)
            await found.parts.stop_postgres()
            await asyncio.sleep(0.5)
            await found.parts.start_postgres()
            tally.faults += 1
            if await found.intake.died():  # its writer does not retry, as a service's client would
                await found.intake.start()
            known = accepted | await recorded(found)
            found.intake.send(*(str(i) for i in wanted[: start + 200] if i not in known))

        async def all_recorded() -> bool:
            if await found.intake.died():
                await found.intake.start()
                known = await recorded(found)
                found.intake.send(*(str(i) for i in wanted if i not in known))
            return set(wanted) <= await recorded(found)

        await until(all_recorded, "600 accepted events")
        count(tally, wanted, await found.settle(wanted))
        assert await found.dead_letters() == []
        assert await found.query("triage", "SELECT * FROM inbox_attempt") == []
    assert (tally.lost, tally.doubled) == (0, 0)
