"""Every effect once, and one bad message blocks nobody: without NATS, so that each path is walked on purpose."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import sqlalchemy.exc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.envelope import Envelope, wrap
from contracts.problems import FeedbackTriaged, ProblemGrew
from libs.messaging.handlers import HandlerMissing, Handlers, on
from libs.messaging.processor import Again, StoreUnavailable
from libs.messaging.work import Message, Work
from tests.support.driven import Driven, delivered


def report(workspace: str, words: str = "fine") -> Envelope:
    event = ProblemGrew(problem_id=uuid4(), feedback_id=uuid4(), reports=1, customers=1, statement=words)
    return wrap(event, service="triage", workspace=workspace)


async def say(event: ProblemGrew, work: Work) -> None:
    if event.statement == "poison":
        raise ValueError("cannot bear this")
    triaged = FeedbackTriaged(
        feedback_id=event.feedback_id,
        problem_id=None,
        score=0,
        reason="test",
        algorithm="test",
        assigned_by="engine",
    )
    work.record(triaged)


HANDLERS = Handlers(on(ProblemGrew, say))


async def process(
    driven: Driven, *envelopes: Envelope, deliveries: int = 1, handlers: Handlers = HANDLERS
) -> list[Again | None]:
    processor = driven.processor(handlers, retry_delay=float)
    return await processor.process([delivered(envelope, deliveries=deliveries) for envelope in envelopes], "TEST")


async def letters(driven: Driven) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(driven.settings.database_url)
    try:
        return await connection.fetch("SELECT * FROM dead_letter WHERE workspace = $1", driven.workspace)
    finally:
        await connection.close()


async def test_effects_happen_once_within_a_batch_and_across_batches(triage: Driven) -> None:
    one, two = report(triage.workspace), report(triage.workspace)
    await process(triage, one, two, one)
    await process(triage, two, one, deliveries=3)
    assert len(await triage.said()) == 2


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(poisoned=st.lists(st.booleans(), min_size=1, max_size=24), data=st.data())
async def test_neighbours_of_poison_are_handled_whatever_the_pattern(
    triage: Driven, poisoned: list[bool], data: st.DataObject
) -> None:
    before = len(await triage.said())
    batch = [report(triage.workspace, "poison" if bad else "fine") for bad in poisoned]
    outcomes = await process(triage, *batch)
    assert outcomes == [Again(1.0) if bad else None for bad in poisoned]
    again = data.draw(st.permutations(batch))
    assert await process(triage, *again, deliveries=2) == [
        Again(2.0) if poisoned[batch.index(envelope)] else None for envelope in again
    ]
    assert len(await triage.said()) - before == poisoned.count(False)


async def test_poison_is_retried_with_growing_delay_and_then_set_aside(triage: Driven) -> None:
    poison = report(triage.workspace, "poison")
    delays = []
    for deliveries in range(1, 6):
        (outcome,) = await process(triage, poison, deliveries=deliveries)
        delays.append(outcome and outcome.delay)
    assert delays == [1.0, 2.0, 3.0, 4.0, None]
    assert await process(triage, poison, deliveries=6) == [None]
    (letter,) = await letters(triage)
    assert (letter["reason"], letter["attempts"]) == ("failed", 5)
    assert "ValueError: cannot bear this" in letter["error"]


async def test_a_dead_letter_is_replayed_once_its_cause_is_gone(triage: Driven) -> None:
    poison = report(triage.workspace, "poison")
    for deliveries in range(1, 6):
        await process(triage, poison, deliveries=deliveries)
    (letter,) = await letters(triage)
    path = f"/v1/services/triage/dead-letters/{letter['id']}/replay"
    triage.app.state.processors["TEST"] = triage.processor(HANDLERS)
    failed = await triage.http.post(path)
    assert (failed.status_code, "failed again" in failed.json()["detail"]) == (409, True)

    async def mended(event: ProblemGrew, work: Work) -> None:
        await say(event.model_copy(update={"statement": "fine"}), work)

    triage.app.state.processors["TEST"] = triage.processor(Handlers(on(ProblemGrew, mended)))
    assert (await triage.http.post(path)).status_code == 200
    assert (await triage.http.post(path)).status_code == 200  # a second replay finds the effect done
    assert len(await triage.said()) == 1
    assert (await triage.http.get("/v1/services/triage/dead-letters")).json()["items"] == []


async def test_another_workspaces_dead_letters_do_not_exist(triage: Driven) -> None:
    poison = report(triage.workspace, "poison")
    for deliveries in range(1, 6):
        await process(triage, poison, deliveries=deliveries)
    (letter,) = await letters(triage)
    stranger = triage.allow("ws_stranger", "admin", workspace="stranger")
    for path in (f"/{letter['id']}", f"/{letter['id']}/replay"):
        call = triage.http.post if path.endswith("replay") else triage.http.get
        assert (await call(f"/v1/services/triage/dead-letters{path}", headers=stranger)).status_code == 404


async def test_a_message_on_the_wrong_subject_is_refused(triage: Driven) -> None:
    """A user who may publish for one workspace must not speak for another."""
    raw = delivered(report("somebody-else"))
    from dataclasses import replace

    forged = replace(raw, subject=f"{ProblemGrew.TYPE}.{triage.workspace}")
    assert await triage.processor(HANDLERS).process([forged], "TEST") == [None]
    (letter,) = await letters(triage)
    assert letter["reason"] == "unreadable"
    assert await triage.said() == []


async def test_an_event_without_a_handler_names_where_to_add_it(triage: Driven) -> None:
    event = ProblemGrew(problem_id=uuid4(), feedback_id=uuid4(), reports=1, customers=0, statement="x")
    async with triage.transactions.begin(triage.workspace) as work:
        with pytest.raises(HandlerMissing, match=r"no use case for ProblemGrew; add it to events\.py"):
            await Handlers().apply([Message(event, report(triage.workspace))], work)


async def test_a_lost_database_blames_no_message(triage: Driven) -> None:
    async def fails(event: ProblemGrew, work: Work) -> None:
        raise sqlalchemy.exc.DBAPIError("SELECT 1", {}, ConnectionResetError("gone"), connection_invalidated=True)

    envelope = report(triage.workspace)
    with pytest.raises(StoreUnavailable):
        await process(triage, envelope, handlers=Handlers(on(ProblemGrew, fails)))
    assert await process(triage, envelope) == [None]
    assert len(await triage.said()) == 1


async def test_together_handlers_get_one_workspace_at_a_time_in_order(triage: Driven) -> None:
    seen: list[tuple[str, list[UUID]]] = []

    async def note(messages: Sequence[Message[ProblemGrew]], work: Work) -> None:
        seen.append((work.workspace, [message.event.problem_id for message in messages]))

    mine, other = triage.workspace, f"{triage.workspace}-b"
    batch = [report(workspace) for workspace in (other, mine, other, mine)]
    await process(triage, *batch, handlers=Handlers(on(ProblemGrew, note, together=True)))
    ids: list[Any] = [UUID(envelope.data["problem_id"]) for envelope in batch]
    assert seen == [(mine, [ids[1], ids[3]]), (other, [ids[0], ids[2]])]


async def test_one_event_redelivered_twice_in_a_batch_is_tried_and_done_once(triage: Driven) -> None:
    envelope = report(triage.workspace)
    assert await process(triage, envelope, envelope, deliveries=2) == [None, None]
    assert len(await triage.said()) == 1


async def test_two_transactions_of_one_cause_are_two_groups(triage: Driven) -> None:
    """As when two subscribers are told of the same event: both must reach the stream."""
    cause = Message(
        ProblemGrew(problem_id=uuid4(), feedback_id=uuid4(), reports=1, customers=0, statement="x"),
        report(triage.workspace),
    )
    for _ in range(2):
        async with triage.transactions.begin(triage.workspace) as work:
            work.record(cause.event, cause=cause)
    connection = await asyncpg.connect(triage.settings.database_url)
    try:
        groups = await connection.fetch(
            "SELECT group_id, group_size FROM outbox WHERE subject LIKE '%.' || $1", triage.workspace
        )
    finally:
        await connection.close()
    assert len({row["group_id"] for row in groups}) == 2
    assert {row["group_size"] for row in groups} == {1}
