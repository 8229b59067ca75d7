"""A problem as a team reads it: drawn from its evidence, said once, forgotten when its words are."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import numpy as np

from contracts.feedback import FeedbackErased
from contracts.problems import ProblemBriefChanged, ProblemDescribed, ProblemPriorityChanged, ProblemSurged
from services.triage.store.portraits import Sampled
from services.triage.tests.reading import draw_now, gathered, watch_now
from services.triage.tests.words import INVOICE, LOGIN, feedback, shown
from services.triage.use_cases.draw_portraits import draw_all, hang, sit, vectors_of
from tests.support.driven import Driven

ASKING = "Please add a login without password. Since the update my password is rejected at login and I cannot work."


async def _reported(triage: Driven, **more: Any) -> UUID:
    """A problem with six customers; returns its id. The invoices beside it are another one."""
    items = [feedback(text, customer=f"c-{n}", **more) for n, text in enumerate((*LOGIN, ASKING))]
    await triage.receives(*(feedback(text, customer=f"i-{n}") for n, text in enumerate(INVOICE)))
    return await gathered(triage, *items)


async def test_a_problem_is_drawn_from_its_evidence(triage: Driven) -> None:
    problem = await _reported(triage, segment="clinic", plan="pro", revenue=50_000, language="en")
    assert (await shown(triage, problem))["quotes"] == []
    assert await draw_now(triage) >= 2
    view = await shown(triage, problem)
    assert 3 <= len(view["quotes"]) <= 5
    assert len({quote["customer_id"] for quote in view["quotes"]}) == len(view["quotes"])
    assert {"login", "password"} <= {term["term"] for term in view["terms"]}
    assert view["request"]["text"] == "Please add a login without password."
    assert (view["request"]["voices"], view["request"]["of"]) == (1, 6)
    assert "Please" not in view["statement"]
    assert (view["reach"], view["customers"], view["segments"], view["plans"]) == (6, 6, {"clinic": 6}, {"pro": 6})
    assert view["languages"] == {"en": 6}
    assert view["severity"]["signs"]["cannot go on"] >= 2
    parts = view["opportunity"]["parts"]
    assert view["severity"]["value"] == parts["severity"]
    assert 0 < parts["severity_wording"] < 1
    assert view["name"] is None
    async with triage.transactions.begin(triage.workspace) as work:
        drawn = await (await work.portraits()).find(problem)
    assert drawn.embedder not in (None, "words")  # drawn from the vectors that the engine groups by


async def test_what_was_drawn_is_said_once(triage: Driven) -> None:
    problem = await _reported(triage)
    await draw_now(triage)
    told = [one for one in await triage.said(ProblemDescribed) if one.problem_id == problem]
    assert len(told) == 1
    view = await shown(triage, problem)
    assert told[0].statement == view["statement"]
    assert [str(quote) for quote in told[0].quotes] == [quote["feedback_id"] for quote in view["quotes"]]
    assert await draw_now(triage) == 0
    await triage.receives(feedback(LOGIN[0], customer="c-0"))
    assert await draw_now(triage) == 0  # one more report is not a quarter more


async def test_erased_words_are_forgotten_in_what_was_drawn_too(triage: Driven) -> None:
    secret = feedback("Login rejects the password zanzibar since the update, zanzibar", customer="c-9")
    other = feedback("zanzibar password rejected at login after the update", customer="c-8")
    problem = await _reported(triage)
    await triage.receives(secret, other)
    for item in (secret, other):
        await triage.http.post(f"/v1/feedback/{item.feedback_id}/move", json={"to": str(problem)})
    await draw_now(triage)
    assert "zanzibar" in str(await shown(triage, problem))
    await triage.receives(*(FeedbackErased(feedback_id=one.feedback_id, reason="operator") for one in (secret, other)))
    assert "zanzibar" not in str(await shown(triage, problem))
    assert "zanzibar" not in await _held(triage)
    told = [one for one in await triage.said(ProblemDescribed) if one.problem_id == problem][-1]
    assert (told.terms, told.quotes, told.request) == ((), (), None)
    await draw_now(triage)
    view = await shown(triage, problem)
    assert "zanzibar" not in str(view)
    assert view["quotes"]


async def test_words_erased_while_a_portrait_is_drawn_are_not_kept(triage: Driven) -> None:
    problem = await _reported(triage)
    async with triage.transactions.begin(triage.workspace) as work:
        sitting = await sit(work)
    finished = await draw_all(sitting)
    gone = (await triage.http.get(f"/v1/problems/{problem}/evidence")).json()["items"][0]["feedback_id"]
    await triage.receives(FeedbackErased(feedback_id=UUID(gone), reason="operator"))
    async with triage.transactions.begin(triage.workspace) as work:
        await hang(finished, work)
    assert (await shown(triage, problem))["quotes"] == []
    assert await draw_now(triage) == 1
    assert gone not in [quote["feedback_id"] for quote in (await shown(triage, problem))["quotes"]]


async def test_two_replicas_do_not_draw_the_same_portrait(triage: Driven) -> None:
    await _reported(triage)
    async with triage.transactions.begin(triage.workspace) as one, triage.transactions.begin(triage.workspace) as other:
        first, second = await sit(one), await sit(other)
    assert first.due
    assert not {due.problem_id for due in first.due} & {due.problem_id for due in second.due}


async def test_a_better_statement_is_told(triage: Driven) -> None:
    poor = [feedback("Hello, my login is broken since the update", customer=f"c-{n}") for n in range(2)]
    problem = await gathered(triage, *poor, *(feedback(text, customer=f"d-{n}") for n, text in enumerate(LOGIN)))
    await draw_now(triage)
    told = [one for one in await triage.said(ProblemPriorityChanged) if one.problem_id == problem][-1]
    assert told.statement == (await shown(triage, problem))["statement"]
    assert "password" in (told.statement or "")


async def test_similar_problems_are_offered_and_duplicates_only_suggested(triage: Driven) -> None:
    problem = await _reported(triage)
    await gathered(triage, *(feedback("Colours of the calendar look pale", customer=f"x-{n}") for n in range(2)))
    twins = [feedback(text, customer=f"t-{n}") for n, text in enumerate(LOGIN[:3])]
    await triage.receives(*twins)
    for one in twins:
        await triage.http.post(f"/v1/feedback/{one.feedback_id}/move", json={"to": str(problem)})
    apart = {"feedback": [str(one.feedback_id) for one in twins]}
    twin = (await triage.http.post(f"/v1/problems/{problem}/split", json=apart)).json()["id"]
    await draw_now(triage)
    view = await shown(triage, problem)
    assert view["similar"][0]["id"] == twin
    assert [one["id"] for one in view["possible_duplicates"]] == [twin]
    assert view["possible_duplicates"][0]["likeness"] >= 0.65
    assert (await shown(triage, UUID(twin)))["status"] == "open"


def test_stored_vectors_are_used_when_one_embedder_made_all() -> None:
    row = np.array([0.6, 0.8], np.float16).tobytes()
    one = Sampled(uuid4(), "a word", "v", True, None, row, "light-1")
    used, vectors = vectors_of([one, one])
    assert (used, vectors.shape) == ("light-1", (2, 2))
    for other in (replace(one, vector=None, embedder=None), replace(one, embedder="quality-1")):
        used, vectors = vectors_of([one, other])
        assert used == "words"
        assert vectors.shape[1] > 2
    assert vectors_of([])[1].shape[0] == 0


async def test_an_onset_is_told_once_and_again_after_it_was_over(triage: Driven) -> None:
    past = [feedback(LOGIN[0], customer=f"p-{day}", days_ago=day) for day in range(8, 92, 4)]
    problem = await gathered(triage, *past)
    await watch_now(triage)
    assert await triage.said(ProblemSurged) == []
    await triage.receives(*(feedback(LOGIN[0], customer=f"n-{n}", days_ago=n / 8) for n in range(20)))
    assert await watch_now(triage) == 0  # once a day
    tomorrow = datetime.now(UTC) + timedelta(days=1, minutes=1)
    assert await watch_now(triage, tomorrow) == 1
    (told,) = await triage.said(ProblemSurged)
    assert (told.problem_id, told.voices, told.weeks) == (problem, 20, 11)
    assert told.expected < 3
    assert told.probability < 1e-4
    view = (await shown(triage, problem))["trend"]
    assert view["surging_since"] is not None
    assert view["expected_a_week"] == told.expected
    for day in range(2, 16):
        await watch_now(triage, tomorrow + timedelta(days=day))
    assert len(await triage.said(ProblemSurged)) == 1
    assert (await shown(triage, problem))["trend"]["surging_since"] is None


async def test_a_flood_of_one_voice_is_no_onset(triage: Driven) -> None:
    past = [feedback(LOGIN[0], customer=f"p-{day}", days_ago=day) for day in range(8, 64, 4)]
    await triage.receives(*past, *(feedback(LOGIN[0], customer="loud") for _ in range(80)))
    await triage.receives(*(feedback(LOGIN[0], source="bots") for _ in range(15)))
    await watch_now(triage, datetime.now(UTC) + timedelta(days=1, minutes=1))
    assert await triage.said(ProblemSurged) == []


async def test_the_brief_is_prefilled_with_suggestions_that_have_references(triage: Driven) -> None:
    problem = await _reported(triage, segment="clinic", revenue=50_000)
    await draw_now(triage)
    view = await shown(triage, problem)
    brief = view["brief"]
    assert {name for name, one in brief.items() if one["suggestions"]} == {"who", "impact", "success", "risks"}
    assert {one["state"] for one in brief.values()} == {"unanswered"}
    assert view["clarity"] == 0
    assert "6 customers in 6 reports, of clinic (6)" in brief["who"]["suggestions"][0]["text"]
    assert "3,000.00 EUR" in brief["impact"]["suggestions"][0]["text"]
    assert any("Please add a login" in one["text"] for one in brief["risks"]["suggestions"])
    for question in ("who", "impact", "success", "risks"):
        for offered in brief[question]["suggestions"]:
            assert offered["evidence"]
        taken = {key: brief[question]["suggestions"][0][key] for key in ("text", "evidence")}
        answer = {"answer": taken["text"], "evidence": taken["evidence"]}
        put = await triage.http.put(f"/v1/problems/{problem}/brief/{question}", json=answer)
        assert put.json()["state"] == "answered", put.text
    assert (await shown(triage, problem))["clarity"] == 0.5
    assert len(await triage.said(ProblemBriefChanged)) == 4


async def test_a_merged_problem_has_no_portrait_of_its_own(triage: Driven) -> None:
    problem = await _reported(triage)
    other = await gathered(triage, *(feedback(text, customer=f"o-{n}") for n, text in enumerate(INVOICE)))
    await draw_now(triage)
    await triage.http.post(f"/v1/problems/{problem}/merge", json={"into": str(other)})
    view = await shown(triage, problem)
    assert (view["merged_into"], view["quotes"], view["terms"], view["similar"]) == (str(other), [], [], [])
    assert await draw_now(triage) == 1
    assert (await shown(triage, other))["quotes"]


async def test_nothing_that_was_drawn_of_a_dismissed_problem_is_left_or_comes_back(triage: Driven) -> None:
    problem = await _reported(triage)
    await draw_now(triage)
    await watch_now(triage)
    async with triage.transactions.begin(triage.workspace) as work:
        await (await work.names()).ask(problem, [uuid4()], now=work.now)
    await triage.receives(*(feedback(LOGIN[0], customer=f"d-{n}") for n in range(9)))
    async with triage.transactions.begin(triage.workspace) as work:
        sitting = await sit(work)  # a portrait is being drawn meanwhile
    assert problem in {one.problem_id for one in sitting.due}
    assert (await triage.http.post(f"/v1/problems/{problem}/dismiss")).status_code == 200
    finished = await draw_all(sitting)
    async with triage.transactions.begin(triage.workspace) as work:
        await hang(finished, work)
    await draw_now(triage)
    async with triage.transactions.begin(triage.workspace) as work:
        for table in ("portrait", "trend", "naming", "voice"):
            count = f"SELECT count(*) FROM {table} WHERE workspace = $1 AND problem_id = $2"
            assert (table, await (await work.driver()).fetchval(count, triage.workspace, problem)) == (table, 0)
    view = await shown(triage, problem)
    assert (view["status"], view["reports"], view["quotes"]) == ("dismissed", 0, [])


async def test_hostile_words_are_drawn_without_harm(triage: Driven) -> None:
    hostile = [
        "login " * 4_000,
        "\u202eesrever login\u202c",
        "<script>alert('login')</script>",
        "😀" * 400,
        "' OR 1=1 --",
    ]
    problem = await _reported(triage)
    for n, text in enumerate(hostile):
        item = feedback(text, customer=f"h-{n}")
        await triage.receives(item)
        await triage.http.post(f"/v1/feedback/{item.feedback_id}/move", json={"to": str(problem)})
    await draw_now(triage)
    view = await shown(triage, problem)
    assert len(view["statement"]) <= 160
    assert "\u202e" not in view["statement"]
    assert "password" in view["statement"]


async def _held(triage: Driven) -> str:
    """All that the tables of portraits and names hold of this workspace."""
    async with triage.transactions.begin(triage.workspace) as work:
        driver = await work.driver()
        rows = []
        for table in ("portrait", "naming", "problem"):
            rows += await driver.fetch(f"SELECT t::text FROM {table} t WHERE workspace = $1", triage.workspace)
    return " ".join(row[0].lower() for row in rows)
