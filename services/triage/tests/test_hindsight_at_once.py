"""A small workspace looks back while a batch is placed; a larger one is left to the job."""

from collections import Counter
from uuid import UUID, uuid4

import pytest

from contracts.problems import FeedbackTriaged, ProblemMerged, ProblemOpened, ProblemSplit
from services.triage.grouping.regroup import regroup
from services.triage.jobs import look_back_everywhere
from services.triage.tests.remembered import assert_remembered
from services.triage.tests.test_look_back import numbers_fit, places, sample, say
from services.triage.tests.words import INVOICE, LOGIN, feedback, listed, problem_of, shown
from services.triage.use_cases import place_items
from services.triage.use_cases.look_back import look, look_back, take_over
from tests.support.driven import Driven


async def test_one_batch_gives_what_small_ones_give_and_each_item_is_told_once(triage: Driven) -> None:
    items, found = sample(320), []
    for batch in (320, 45):
        triage.workspace = f"t-{uuid4().hex[:12]}"
        triage.http.headers.update(triage.allow(f"ws_{triage.workspace}", "admin"))
        for start in range(0, len(items), batch):
            await triage.receives(*items[start : start + batch])
        found.append(await places(triage))
        arrivals = Counter(
            one.subject
            for one in await triage.said_envelopes()
            if one.type.startswith("whystream.feedback.triaged") and not one.sequence
        )
        assert len(arrivals) == len(items) == arrivals.total()
        await numbers_fit(triage)
        await assert_remembered(triage)
    assert found[0] == found[1]
    assert await look_back_everywhere(triage.engine, triage.transactions) == 0
    sizes = Counter(found[0].values())
    assert max(size for problem, size in sizes.items() if problem) < len(items) / 5  # nothing is lumped together


async def test_a_first_batch_says_nothing_of_problems_that_came_and_went_in_it(triage: Driven) -> None:
    await triage.receives(*sample(200))
    assert await triage.said(ProblemMerged) == await triage.said(ProblemSplit) == []
    opened = {one.problem_id for one in await triage.said(ProblemOpened)}
    assert opened == {problem for problem in (await places(triage)).values() if problem}
    assert (await triage.http.get("/v1/regroupings")).json()["items"] == []
    first = {one.problem_id: one.first_feedback_id for one in await triage.said(ProblemOpened)}
    order = [one.aggregate for one in await triage.said() if isinstance(one, ProblemOpened | FeedbackTriaged)]
    for problem, feedback_id in first.items():
        assert order.index(f"problem/{problem}") < order.index(f"feedback/{feedback_id}")


async def test_what_it_changes_of_older_evidence_is_logged_told_and_can_be_undone(triage: Driven) -> None:
    items = sample(200)
    await triage.receives(*items[:90])
    before = await places(triage)
    await triage.receives(*items[90:])
    after = await places(triage)
    moved = {key for key, problem in before.items() if problem and after[key] != problem}
    (logged,) = (await triage.http.get("/v1/regroupings")).json()["items"]
    assert logged["made_by"] == "hindsight"
    assert logged["items"] >= len(moved) > 0
    merges = {one["problem_id"] for one in logged["problems"] if one["became"] == "merged"}
    assert merges == {str(one.problem_id) for one in await triage.said(ProblemMerged)}
    answer = await triage.http.post(f"/v1/regroupings/{logged['id']}/undo")
    assert answer.status_code == 200, answer.text
    again = await places(triage)
    assert {key: again[key] for key in moved} == {key: before[key] for key in moved}
    await numbers_fit(triage)
    await assert_remembered(triage)


async def test_above_a_number_of_rows_the_job_looks_back(triage: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place_items, "AT_ONCE", 60)
    await triage.receives(*sample(50))
    assert await look_back_everywhere(triage.engine, triage.transactions) == 0
    await triage.receives(*sample(80, seed=2))
    assert await look_back_everywhere(triage.engine, triage.transactions) >= 1
    await numbers_fit(triage)


async def test_words_are_placed_when_looking_back_fails(triage: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(place_items, "regroup", fails)
    items = [feedback(text, customer=f"c-{n}") for n, text in enumerate((*LOGIN, *INVOICE, *LOGIN))]
    await triage.receives(*items)
    assert None not in [await problem_of(triage, item) for item in items]
    assert await look_back_everywhere(triage.engine, triage.transactions) >= 1


async def test_a_look_that_a_newer_one_overtook_changes_nothing_and_one_asked_for_is_done_again(triage: Driven) -> None:
    await triage.receives(*sample(120))
    assert (await triage.http.post("/v1/regroupings")).status_code == 202
    async with triage.transactions.begin(triage.workspace) as work:
        asked = await look_back(work)
    assert asked is not None
    plan = regroup(asked.snapshot)
    await triage.receives(*sample(120, seed=2))  # looks back by itself
    before = await places(triage)
    async with triage.transactions.begin(triage.workspace) as work:
        assert await take_over(asked, plan, work) is None
    assert await places(triage) == before
    await assert_remembered(triage)
    assert await look_back_everywhere(triage.engine, triage.transactions) >= 1
    assert await look_back_everywhere(triage.engine, triage.transactions) == 0


@pytest.mark.parametrize("correction", ["merge", "dismiss"])
async def test_a_look_takes_nothing_to_a_problem_that_is_gone_meanwhile(triage: Driven, correction: str) -> None:
    words = [feedback(text, customer=f"c-{n}") for n, text in enumerate((*LOGIN, *INVOICE))]
    await triage.receives(*words)
    login, invoice = await problem_of(triage, words[0]), await problem_of(triage, words[-1])
    late = feedback("The calendar is too small to read on the tablet")
    await triage.receives(late)
    async with triage.transactions.begin(triage.workspace) as work:
        seen = await look(work)
    plan = regroup(seen.snapshot)
    plan = type(plan)(plan.seen, {**plan.belongs, late.feedback_id: invoice}, plan.centring, {})
    body = {"into": str(login)} if correction == "merge" else None
    answer = await triage.http.post(f"/v1/problems/{invoice}/{correction}", json=body)
    assert answer.status_code == 200, answer.text
    async with triage.transactions.begin(triage.workspace) as work:
        await take_over(seen, plan, work)
    assert (await places(triage))[late.feedback_id] == (login if correction == "merge" else None)
    await numbers_fit(triage)
    await assert_remembered(triage)


async def test_undo_neither_fills_a_dismissed_problem_nor_takes_back_a_persons_merge(
    triage: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place_items, "AT_ONCE", 0)
    await say(triage, sample(450), look=False)
    before = await places(triage)
    await look_back_everywhere(triage.engine, triage.transactions)
    (logged,) = (await triage.http.get("/v1/regroupings")).json()["items"]
    after = await places(triage)
    lost = Counter(before[key] for key in before if before[key] and after[key] and before[key] != after[key])
    merged = [UUID(one["problem_id"]) for one in logged["problems"] if one["became"] == "merged"]
    alive = {UUID(one["id"]) for one in await listed(triage, limit=200)}
    dismissed = next(problem for problem, _ in lost.most_common() if problem in alive)
    into = next(problem for problem in sorted(alive) if problem != dismissed)
    for path, body in (
        (f"problems/{merged[0]}/unmerge", None),
        (f"problems/{merged[0]}/merge", {"into": str(into)}),
        (f"problems/{dismissed}/dismiss", None),
        (f"regroupings/{logged['id']}/undo", None),
    ):
        answer = await triage.http.post(f"/v1/{path}", json=body)
        assert answer.status_code == 200, answer.text
    assert (await shown(triage, merged[0]))["merged_into"] == str(into)
    assert dismissed not in (await places(triage)).values()
    await numbers_fit(triage)
