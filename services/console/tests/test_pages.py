"""What people see: whole, escaped, of their workspace only, and only when they are signed in."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest

from contracts.feedback import FeedbackReceived
from contracts.problems import Opportunity, ProblemOpened, ProblemPriorityChanged
from libs.runtime.keys import digest_of
from services.console.domain.signing_in import from_this_site, local_path
from services.console.tests.telling import BEGAN, STATEMENT, Story, triaged, whole_story
from tests.support.driven import Driven

HERE = {"Origin": "http://test"}


@asynccontextmanager
async def browser(console: Driven) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key, which keeps cookies and follows no redirect by itself."""
    transport = httpx.ASGITransport(console.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@asynccontextmanager
async def signed_in(console: Driven, key: str = "", workspace: str = "") -> AsyncIterator[httpx.AsyncClient]:
    key = key or f"ws_{console.workspace}_admin"
    if workspace:
        console.allow(key, "decisions:read", workspace=workspace)
    async with browser(console) as client:
        answer = await client.post("/sign-in", data={"key": key}, headers=HERE)
        assert answer.status_code == 303, answer.text
        yield client


@pytest.fixture
def story(workspace: str) -> Story:
    return whole_story(workspace)


async def test_the_overview_and_the_lists_show_each_kind(console: Driven, story: Story) -> None:
    await console.deliver(*story.envelopes)
    async with signed_in(console) as client:
        overview = (await client.get("/")).text
        assert "Patients cannot move their own appointment and have to call" in overview
        assert "9 reports" in overview
        assert "Cancel and book again loses the place" not in overview  # merged: part of the other
        assert "Text messages cost too much" in overview  # split off
        assert "<strong>+3.4 points</strong> (+2.1 points to +4.7 points) · 9,120 units · ship" in overview
        assert "1 agree · 1 concern" in overview
        for kind in ("problems", "experiments", "decisions"):
            assert (await client.get(f"/{kind}")).status_code == 200


async def test_without_anything_the_overview_says_what_to_do_next(console: Driven) -> None:
    async with signed_in(console) as client:
        page = (await client.get("/")).text
    assert "curl http://127.0.0.1:8080/v1/feedback" in page
    assert "POST /v1/experiments" in page
    assert "POST /v1/decisions" in page


async def test_a_decisions_page_tells_the_whole_why_in_order(console: Driven, story: Story) -> None:
    await console.deliver(*story.envelopes)
    async with signed_in(console) as client:
        page = (await client.get(f"/decisions/{story.decision}")).text
    telling = (
        "Is there a way for a patient",
        "A third of all calls",
        "Nobody has answered this yet.",
        "With a link in the confirmation",
        "Learned",
        "A booking phone bot",
        "What if they move at the last minute?",
        "Moves are possible until 12 hours before",
        "Because",
        "Fewer calls per practice",
        "support team",
        "Calls about moving fell by 41 percent",
    )
    places = [page.index(words) for words in telling]
    assert places == sorted(places)
    assert "No time before spring." not in page  # replaced by a later position
    assert 'aria-label="Effect +3.4 points, 95 % interval from +2.1 points to +4.7 points' in page
    assert page.count("<time ") > 10


async def test_customers_words_stay_words(console: Driven, story: Story) -> None:
    await console.deliver(*story.envelopes)
    async with signed_in(console) as client:
        answer = await client.get(f"/problems/{story.problem}")
    assert "<script" not in answer.text
    assert "&lt;script&gt;document.title" in answer.text
    assert "<img" not in answer.text
    assert 'href="javascript:' not in answer.text
    assert "javascript:alert(1)" in answer.text
    assert re.search(r'<blockquote dir="auto"[^>]*>لا أستطيع', answer.text)
    assert "These words were erased." in answer.text
    assert "0170" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


async def test_a_problems_page_shows_what_was_drawn_of_it(console: Driven, story: Story) -> None:
    await console.deliver(*story.envelopes)
    async with signed_in(console) as client:
        page = (await client.get(f"/problems/{story.problem}")).text
    assert "reach 9.00 · severity 1.75" in page
    assert "&lt;b&gt;appointment&lt;/b&gt;" in page
    assert 'A model (a-small-model) calls it: <span dir="auto">Patients cannot reschedule &lt;script&gt;</span>' in page
    assert "cannot go on (4 voices)" in page
    assert "en (7), de (2)" in page
    assert "3 voices ask for something, which may not be what solves it" in page
    assert "9 in 7 days, where 2.5 a week were expected from the 6 weeks before" in page
    shown = re.findall(r'<li class="quote" id="feedback-([^"]+)"', page)
    said = [str(identity) for identity in story.feedback]
    assert set(shown[:2]) == {said[0], said[1]}  # cited as evidence
    assert shown[2:4] == [said[4], said[2]]


async def test_a_new_statement_replaces_the_old_one(console: Driven, story: Story) -> None:
    told = ProblemPriorityChanged(
        problem_id=story.problem, opportunity=Opportunity(customer_value=1, business_value=1), statement="Chosen anew"
    )
    story.say(told)
    await console.deliver(*story.envelopes)
    async with signed_in(console) as client:
        page = (await client.get(f"/problems/{story.problem}")).text
    assert '<h1 dir="auto">Chosen anew</h1>' in page
    assert STATEMENT not in page


async def test_pages_of_half_heard_stories_still_read(console: Driven, story: Story) -> None:
    """Whatever has arrived so far, no page breaks."""
    found: dict[str, int] = {}
    async with signed_in(console) as client:
        for envelope in reversed(story.envelopes):
            await console.deliver(envelope)
            paths = ("/", f"/decisions/{story.decision}", f"/problems/{story.problem}", f"/problems/{story.twin}")
            found = {path: (await client.get(path)).status_code for path in paths}
            assert set(found.values()) <= {200, 404}, (envelope.type, found)
    assert set(found.values()) == {200}


async def test_another_workspaces_pages_do_not_exist(console: Driven, story: Story) -> None:
    await console.deliver(*story.envelopes)
    async with signed_in(console, "ws_stranger_k", f"s-{uuid4().hex[:8]}") as client:
        overview = await client.get("/")
        for path in (f"/decisions/{story.decision}", f"/problems/{story.problem}", f"/experiments/{story.experiment}"):
            answer = await client.get(path)
            assert answer.status_code == 404
            assert "Patients" not in answer.text + overview.text


async def test_long_lists_are_paged_without_gap_or_repetition(console: Driven, workspace: str) -> None:
    story, statements = Story(workspace), {f"problem number {number}" for number in range(60)}
    for number, statement in enumerate(sorted(statements)):
        problem, words = uuid4(), uuid4()
        story.say(ProblemOpened(problem_id=problem, statement=statement, first_feedback_id=words))
        for identity in [uuid4() for _ in range(number % 3)]:
            story.say(triaged(identity, problem))
    await console.deliver(*story.envelopes)
    async with signed_in(console) as client:
        first = (await client.get("/problems")).text
        more = re.search(r'href="(/problems\?after=[^"]+)"', first)
        assert more
        second = (await client.get(more[1])).text
        assert (await client.get("/problems?after=nonsense")).status_code == 422
        assert (await client.get("/decisions" + more[1].removeprefix("/problems"))).status_code == 422
    found = re.findall(r"problem number \d+(?=</a>)", first + second)
    assert (len(found), set(found)) == (60, statements)


async def test_who_is_not_signed_in_is_sent_to_the_door_and_comes_back(console: Driven) -> None:
    async with browser(console) as client:
        answer = await client.get("/problems?after=x")
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fproblems%3Fafter%3Dx")
        wrong = await client.post("/sign-in", data={"key": "ws_x_wrong"}, headers=HERE)
        assert (wrong.status_code, "set-cookie" in wrong.headers) == (401, False)
        console.allow("ws_tool_k", "feedback:write")
        tool = await client.post("/sign-in", data={"key": "ws_tool_k"}, headers=HERE)
        assert tool.status_code == 403
        right = {"key": f" ws_{console.workspace}_admin ", "next": "/problems"}
        answer = await client.post("/sign-in", data=right, headers=HERE)
        assert (answer.status_code, answer.headers["location"]) == (303, "/problems")
        cookie = answer.headers["set-cookie"]
        assert all(part in cookie for part in ("HttpOnly", "SameSite=lax", "Max-Age=43200"))
        assert (await client.get("/problems")).status_code == 200
        await client.post("/sign-out", headers=HERE)
        assert (await client.get("/problems")).status_code == 303


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://[broken", "http://test.evil.example"])
async def test_forms_of_other_sites_are_refused(console: Driven, origin: str | None) -> None:
    headers = {"Origin": origin} if origin else {}
    async with browser(console) as client:
        answer = await client.post("/sign-in", data={"key": f"ws_{console.workspace}_admin"}, headers=headers)
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


async def test_a_revoked_key_ends_its_sessions_and_no_other(console: Driven) -> None:
    async with signed_in(console, "ws_leaving_k", console.workspace) as leaving, signed_in(console) as staying:
        assert (await leaving.get("/")).status_code == 200
        del console._keys._known[digest_of("ws_leaving_k")]
        assert (await leaving.get("/")).status_code == 303
        assert (await staying.get("/")).status_code == 200


async def test_a_session_ends_after_twelve_hours(console: Driven) -> None:
    async with signed_in(console) as client:
        async with console.transactions.begin("") as work:
            left = await (await work.driver()).fetchval("SELECT max(expires_at) FROM session") - work.now
            assert timedelta(hours=11) < left <= timedelta(hours=12)
            aged = "UPDATE session SET expires_at = now() WHERE workspace = $1"
            await (await work.driver()).execute(aged, console.workspace)
        assert (await client.get("/")).status_code == 303


async def test_a_sign_in_link_works_once_and_leads_where_it_says(console: Driven, story: Story) -> None:
    await console.deliver(*story.envelopes)
    path = f"/decisions/{story.decision}"
    made = await console.http.post("/v1/sign-in-links", json={"next": path})
    assert made.status_code == 201
    assert made.json()["url"].startswith("http://127.0.0.1:8080/enter/")
    link = made.json()["url"].removeprefix("http://127.0.0.1:8080")
    async with browser(console) as client:
        answer = await client.get(link)
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        assert (await client.get(path)).status_code == 200
        assert (await client.get(link)).status_code == 303  # clicked again by the same person: goes on
    async with browser(console) as other:
        assert (await other.get(link)).status_code == 410
        assert (await other.get(path)).status_code == 303


async def test_sign_in_links_expire_and_need_a_key_that_may_read(console: Driven) -> None:
    link = (await console.http.post("/v1/sign-in-links")).json()["url"].removeprefix("http://127.0.0.1:8080")
    async with console.transactions.begin("") as work:
        left = await (await work.driver()).fetchval("SELECT max(expires_at) FROM sign_in_link") - work.now
        assert left <= timedelta(minutes=10)
        await (await work.driver()).execute("UPDATE sign_in_link SET expires_at = now()")
    async with browser(console) as client:
        assert (await client.get(link)).status_code == 410
    tool = console.allow("ws_tool_k", "feedback:write")
    assert (await console.http.post("/v1/sign-in-links", headers=tool)).status_code == 403
    assert (await console.http.post("/v1/sign-in-links", json={"where": "/"})).status_code == 422


@pytest.mark.parametrize(
    "wanted", ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "evil", "", None, "/\n"]
)
def test_redirects_stay_here(wanted: str | None) -> None:
    assert local_path(wanted) == "/"
    assert local_path("/decisions/1?a=b#c") == "/decisions/1?a=b#c"
    assert from_this_site("https://why.example", "10.0.0.1:80", "https://why.example")


async def test_what_is_not_there_answers_people_and_programs_in_their_own_way(console: Driven) -> None:
    async with browser(console) as client:
        page = await client.get("/no/such/page")
        call = await client.get("/v1/no/such/call")
        style = await client.get("/assets/console.css")
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is nothing here" in page.text
    assert (call.status_code, call.headers["content-type"]) == (404, "application/problem+json")
    assert style.headers["content-type"].startswith("text/css")


async def test_long_threads_show_some_quotes_and_say_how_many_more_there_are(console: Driven, workspace: str) -> None:
    story = whole_story(workspace)
    for number in range(300):
        identity = uuid4()
        words = FeedbackReceived(
            feedback_id=identity, text=f"again {number}", source="in-app", received_at=BEGAN, occurred_at=BEGAN
        )
        story.say(words, triaged(identity, story.problem))
    await console.deliver(*story.envelopes)
    async with signed_in(console) as client:
        page = (await client.get(f"/decisions/{story.decision}")).text
    assert "Read 200 more of 309 reports" in page
    assert "104 further reports not shown here" in page
