"""Hindsight: logged, reversible, and the same whatever is killed, restarted or rolled back in between."""

import asyncio
import json
import random
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from contracts.feedback import FeedbackErased, FeedbackReceived
from contracts.problems import FeedbackTriaged, ProblemMerged, ProblemOpened, ProblemSplit, ProblemUnmerged
from libs.messaging.work import Transactions
from services.triage.jobs import look_back_everywhere, read_anew
from services.triage.main import embedder
from services.triage.store.memory import Memory
from services.triage.store.work import TriageWork
from services.triage.tests.remembered import assert_remembered, engine_of, shape
from services.triage.tests.words import feedback, listed, shown
from services.triage.use_cases import place_items
from tests.support.driven import Driven

SAMPLE = Path(__file__).parents[3] / "libs" / "command" / "demo" / "feedback.jsonl"
_KINDS = ("move", "split", "merge", "dismiss")


def sample(count: int, seed: int = 1) -> list[FeedbackReceived]:
    """The demo's words, again and again with a few others in between."""
    texts = [json.loads(line)["text"] for line in SAMPLE.read_text().splitlines()]
    words, chance = " ".join(texts).split(), random.Random(seed)
    chosen = [texts[n] if n < len(texts) else chance.choice(texts) for n in range(count)]
    return [
        feedback(f"{one} {' '.join(chance.choices(words, k=3))}", customer=f"c-{n % 61}")
        for n, one in enumerate(chosen)
    ]


@pytest.fixture
def by_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every workspace counts as large: only the job looks back."""
    monkeypatch.setattr(place_items, "AT_ONCE", 0)


async def say(triage: Driven, items: list[FeedbackReceived], *, batch: int = 90, look: bool = True) -> None:
    """Deliver in batches, looking back whenever it is due."""
    for start in range(0, len(items), batch):
        await triage.receives(*items[start : start + batch])
        if look:
            await look_back_everywhere(triage.engine, triage.transactions)


async def places(triage: Driven) -> dict[UUID, UUID | None]:
    """Where all evidence is."""
    async with triage.transactions.begin(triage.workspace) as work:
        rows = await (await work.driver()).fetch(
            "SELECT feedback_id, problem_id FROM evidence WHERE workspace = $1 ORDER BY position", triage.workspace
        )
    return {row[0]: row[1] for row in rows}


async def told(triage: Driven) -> dict[UUID, UUID | None]:
    """Where a reader of the events would say that everything is: its newest assignment, merges followed."""
    found: dict[UUID, UUID | None] = {}
    merged: dict[UUID, UUID] = {}
    for event in await triage.said():
        if isinstance(event, FeedbackTriaged):
            found[event.feedback_id] = event.problem_id
        elif isinstance(event, ProblemMerged):
            merged[event.problem_id] = event.into
        elif isinstance(event, ProblemUnmerged):
            del merged[event.problem_id]
    return {key: _survivor(problem, merged) for key, problem in found.items()}


def _survivor(problem: UUID | None, merged: dict[UUID, UUID]) -> UUID | None:
    return _survivor(merged[problem], merged) if problem is not None and problem in merged else problem


async def numbers_fit(triage: Driven) -> None:
    """Every problem counts what belongs to it, and what was told is what is."""
    at = await places(triage)
    counted = {UUID(one["id"]): one["reports"] for one in await listed(triage, limit=200)}
    assert counted == {problem: list(at.values()).count(problem) for problem in set(at.values()) if problem}
    assert await told(triage) == at
    known = {event.problem_id for event in await triage.said(ProblemOpened)}
    known |= {event.new_problem_id for event in await triage.said(ProblemSplit)}
    assert counted.keys() <= known


@pytest.mark.usefixtures("by_job")
async def test_hindsight_is_logged_told_and_can_be_undone(triage: Driven) -> None:
    items = sample(450)
    await say(triage, items, look=False)
    before = await places(triage)
    preview = (await triage.http.post("/v1/regroupings/preview")).json()
    assert await places(triage) == before
    assert await look_back_everywhere(triage.engine, triage.transactions) >= 1
    await numbers_fit(triage)
    await assert_remembered(triage)
    after = await places(triage)
    (logged,) = (await triage.http.get("/v1/regroupings")).json()["items"]
    assert logged["items"] == sum(before[key] != after[key] for key in before) > 0
    assert (logged["made_by"], logged["undone_at"]) == ("hindsight", None)
    merges = [one for one in logged["problems"] if one["became"] == "merged"]
    assert len(merges) == preview["totals"]["merge"] == len(await triage.said(ProblemMerged))
    for _ in range(2):
        answer = await triage.http.post(f"/v1/regroupings/{logged['id']}/undo")
        assert answer.status_code == 200, answer.text
    assert await places(triage) == before
    await assert_remembered(triage)
    assert (await triage.http.get("/v1/regroupings")).json()["items"][0]["undone_by"] == "test"
    assert (await triage.http.post(f"/v1/regroupings/{uuid4()}/undo")).status_code == 404
    moved = {key for key in before if before[key] != after[key]}
    await say(triage, sample(120, seed=2))
    again = await places(triage)
    assert {key: again[key] for key in moved} == {key: before[key] for key in moved}


async def test_corrections_hold_through_more_words_and_looks_back(triage: Driven) -> None:
    await say(triage, sample(500))
    chance, said = random.Random(3), dict[UUID, UUID | None]()
    for _ in range(60):
        await _correct(triage, chance, said)
    for seed in (4, 5, 6):
        await say(triage, sample(400, seed=seed), batch=200, look=False)
        assert (await triage.http.post("/v1/regroupings")).status_code == 202
        assert await look_back_everywhere(triage.engine, triage.transactions) >= 1
        at = await places(triage)
        assert {key: at[key] for key in said} == said
        async with triage.transactions.begin(triage.workspace) as work:
            assert isinstance(work, TriageWork)
            assert await (await work.corrections()).broken() == 0
    assert (await triage.http.get("/v1/regroupings")).json()["items"][0]["made_by"] == "test"
    await assert_remembered(triage)


async def _correct(triage: Driven, chance: random.Random, said: dict[UUID, UUID | None]) -> None:
    """One correction of a random kind; `said` has where persons put what."""
    at = await places(triage)
    alive = [UUID(one["id"]) for one in await listed(triage, limit=200)]
    members = {one: [key for key, problem in at.items() if problem == one] for one in alive}
    one, other = chance.sample([problem for problem in alive if len(members[problem]) >= 4], 2)
    kind = chance.choices(_KINDS, [12, 6, 1, 1])[0]
    body: dict[str, Any] = {}
    if kind == "move":
        path, body = f"/v1/feedback/{members[one][0]}/move", {"to": str(other) if chance.random() < 0.8 else None}
        said[members[one][0]] = other if body["to"] else None
    elif kind == "split":
        path, body = f"/v1/problems/{one}/split", {"feedback": [str(key) for key in members[one][:2]]}
    elif kind == "merge":
        path, body = f"/v1/problems/{one}/merge", {"into": str(other)}
        said |= dict.fromkeys([*members[one], *members[other]], other)
    else:
        path = f"/v1/problems/{one}/dismiss"
        said |= dict.fromkeys(members[one])
    answer = await triage.http.post(path, json=body or None)
    assert answer.status_code in (200, 201), answer.text
    if kind == "split":
        said |= dict.fromkeys(members[one][:2], UUID(answer.json()["id"]))


async def test_a_restart_at_any_moment_changes_nothing(triage: Driven) -> None:
    items, found = sample(300), []
    for restarts in (False, True):
        triage.workspace = f"t-{uuid4().hex[:12]}"
        for start in range(0, len(items), 60):
            await triage.receives(*items[start : start + 60])
            if restarts:
                triage.service.work.memory.forget()
            await look_back_everywhere(triage.engine, triage.transactions)
            if restarts:
                triage.service.work.memory.forget()
        found.append(await places(triage))
    assert found[0] == found[1]


async def test_two_replicas_work_as_one(triage: Driven) -> None:
    items = sample(400)
    second = Transactions(triage.engine, "triage", TriageWork.remembering(Memory(embedder)))
    both, chance = [triage.transactions, second], random.Random(8)
    for start in range(0, len(items), 40):
        triage.transactions = chance.choice(both)
        await triage.receives(*items[start : start + 40])
        if chance.random() < 0.3:
            await look_back_everywhere(triage.engine, triage.transactions)
        if start == 200:
            gone = items[7].feedback_id
            await triage.receives(FeedbackErased(feedback_id=gone, reason="customer_request"))
    shapes = []
    for triage.transactions in both:
        shapes.append(shape(await engine_of(triage)))
    assert shapes[0] == shapes[1]
    triage.transactions = both[0]
    await assert_remembered(triage)
    assert items[7].feedback_id not in {row.key for row in (await engine_of(triage)).rows()}


async def test_two_replicas_at_once_place_everything_once(triage: Driven) -> None:
    items = sample(240)
    second = Transactions(triage.engine, "triage", TriageWork.remembering(Memory(embedder)))
    first = triage.transactions

    async def one(start: int) -> None:
        triage.transactions = second if start % 80 else first
        await triage.receives(*items[start : start + 40])

    await asyncio.gather(*(one(start) for start in range(0, len(items), 40)))
    triage.transactions = first
    assert len(await places(triage)) == len(items)
    await numbers_fit(triage)
    await assert_remembered(triage)


class _Broken(Exception):
    """What a transaction fails with in these tests."""


async def test_what_was_rolled_back_is_not_remembered(triage: Driven) -> None:
    items = sample(400)
    await triage.receives(*items[:300])
    before = shape(await engine_of(triage))

    async def fails() -> None:
        async with triage.transactions.begin(triage.workspace) as work:
            assert isinstance(work, TriageWork)
            await work.alone()
            async with (await work.groups()).changing() as held:
                held.engine.dismiss(held.engine.window.problems[0])
            raise _Broken

    for _ in range(2):
        with pytest.raises(_Broken):
            await fails()
    assert shape(await engine_of(triage)) == before
    await triage.receives(*items[300:])
    await numbers_fit(triage)
    await assert_remembered(triage)


async def test_another_embedder_keeps_all_assignments_and_regroups_only_on_request(triage: Driven) -> None:
    items = sample(300)
    await say(triage, items)
    before = await places(triage)
    async with triage.engine.begin() as connection:
        await connection.execute(
            text("UPDATE evidence SET embedder = 'old-1', vector = '\\x00' WHERE workspace = :w"),
            {"w": triage.workspace},
        )
        await connection.execute(
            text("UPDATE grouping_state SET embedder = 'old-1', taken = '' WHERE workspace = :w"),
            {"w": triage.workspace},
        )
    triage.service.work.memory.forget()
    new = sample(60, seed=9)
    await triage.receives(*new[:30])
    await read_anew(triage.engine, triage.transactions)
    await say(triage, new[30:])
    after = await places(triage)
    assert {key: after[key] for key in before if before[key]} == {key: at for key, at in before.items() if at}
    assert len(await engine_of_rows(triage)) == len(before) + len(new)
    await assert_remembered(triage)
    assert (await triage.http.post("/v1/regroupings")).status_code == 202
    await look_back_everywhere(triage.engine, triage.transactions)
    await numbers_fit(triage)
    known = {problem for problem in before.values() if problem}
    joined = [after[one.feedback_id] in known for one in new[30:]]
    assert sum(joined) >= len(joined) // 2  # what arrives after it was read finds its like


async def engine_of_rows(triage: Driven) -> list[Any]:
    return (await engine_of(triage)).rows()


@pytest.mark.usefixtures("by_job")
async def test_a_merged_problem_by_hindsight_can_be_unmerged(triage: Driven) -> None:
    await say(triage, sample(450), look=False)
    before = await places(triage)
    await look_back_everywhere(triage.engine, triage.transactions)
    merged = (await triage.said(ProblemMerged))[0]
    answer = await triage.http.post(f"/v1/problems/{merged.problem_id}/unmerge")
    assert answer.status_code == 200, answer.text
    had = {key for key, problem in before.items() if problem == merged.problem_id}
    at = await places(triage)
    assert {key for key, problem in at.items() if problem == merged.problem_id} == had
    assert (await shown(triage, merged.problem_id))["reports"] == len(had)
    await assert_remembered(triage)
