"""Corrections while evidence is being read anew for another embedder: what is not in memory holds as well."""

from uuid import UUID

from sqlalchemy import text

from contracts.feedback import FeedbackReceived
from services.triage.jobs import look_back_everywhere, read_anew
from services.triage.store.work import TriageWork
from services.triage.tests.remembered import assert_remembered, engine_of
from services.triage.tests.test_look_back import places, sample
from services.triage.tests.words import INVOICE, LOGIN, feedback, problem_of
from tests.support.driven import Driven


async def _two_problems(triage: Driven) -> tuple[list[FeedbackReceived], UUID, UUID]:
    words = [feedback(said, customer=f"c-{n}") for n, said in enumerate((*LOGIN, *INVOICE))]
    await triage.receives(*words)
    login, invoice = await problem_of(triage, words[0]), await problem_of(triage, words[-1])
    assert login is not None
    assert invoice is not None
    assert login != invoice
    return words, login, invoice


async def _another_embedder(triage: Driven) -> None:
    """All evidence so far has vectors that the present embedder did not make."""
    async with triage.engine.begin() as connection:
        for change in ("evidence SET embedder = 'old-1', vector = '\\x00'", "grouping_state SET embedder = 'old-1'"):
            await connection.execute(text(f"UPDATE {change} WHERE workspace = :w"), {"w": triage.workspace})
    triage.service.work.memory.forget()
    await triage.receives(*sample(12))


async def _read_and_looked_at_all_of_it(triage: Driven) -> None:
    await read_anew(triage.engine, triage.transactions)
    await triage.receives(*sample(40, seed=3))
    for _ in range(2):
        assert (await triage.http.post("/v1/regroupings")).status_code == 202
        assert await look_back_everywhere(triage.engine, triage.transactions) >= 1


async def _holds(triage: Driven, words: list[FeedbackReceived], expected: dict[UUID, UUID | None]) -> None:
    at = await places(triage)
    assert {word.feedback_id: at[word.feedback_id] for word in words} == expected
    pinned = {row.key for row in (await engine_of(triage)).rows() if row.pinned}
    assert pinned >= expected.keys()
    async with triage.transactions.begin(triage.workspace) as work:
        assert isinstance(work, TriageWork)
        assert await (await work.corrections()).broken() == 0
    await assert_remembered(triage)


async def test_merged_problems_stay_one(triage: Driven) -> None:
    words, login, invoice = await _two_problems(triage)
    await _another_embedder(triage)
    answer = await triage.http.post(f"/v1/problems/{invoice}/merge", json={"into": str(login)})
    assert answer.status_code == 200, answer.text
    await _read_and_looked_at_all_of_it(triage)
    await _holds(triage, words, {word.feedback_id: login for word in words})


async def test_what_was_moved_stays_and_where_it_was_stays_another_problem(triage: Driven) -> None:
    words, login, invoice = await _two_problems(triage)
    await _another_embedder(triage)
    answer = await triage.http.post(f"/v1/feedback/{words[0].feedback_id}/move", json={"to": str(invoice)})
    assert answer.status_code == 200, answer.text
    await _read_and_looked_at_all_of_it(triage)
    expected = {word.feedback_id: login if word.text in LOGIN[1:] else invoice for word in words}
    moved = {words[0].feedback_id} | {word.feedback_id for word in words[1:5]}
    await _holds(triage, words[:5], {key: expected[key] for key in moved})


async def test_a_dismissed_problem_stays_none(triage: Driven) -> None:
    words, login, _ = await _two_problems(triage)
    await _another_embedder(triage)
    assert (await triage.http.post(f"/v1/problems/{login}/dismiss")).status_code == 200
    await _read_and_looked_at_all_of_it(triage)
    await _holds(triage, words[:5], {word.feedback_id: None for word in words[:5]})
