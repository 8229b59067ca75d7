"""The feed: everything in one order, which a reader can follow without missing or repeating anything."""

import asyncio
import json
from typing import Any
from uuid import uuid4

from contracts.alignment import DecisionReviewed, LoopClosed
from contracts.catalog import consumed_by
from contracts.envelope import wrap
from contracts.experiments import ReadoutChanged
from contracts.problems import ProblemMerged, ProblemSplit
from libs.messaging.processor import decode_event
from services.alignment.domain.feed import _LINES
from services.alignment.events import HANDLERS
from services.alignment.tests.stories import grew, made, opened, subscribed
from tests.support.driven import Driven, delivered


async def feed(alignment: Driven, **params: Any) -> dict[str, Any]:
    answer = await alignment.http.get("/v1/feed", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def bring_own(alignment: Driven) -> None:
    own = [e for e in await alignment.said_envelopes() if e.type in {entry.type for entry in consumed_by("alignment")}]
    assert await alignment.deliver(*own) == [None] * len(own)


def readout(problem_id: Any) -> ReadoutChanged:
    return ReadoutChanged(
        experiment_id=uuid4(),
        problem_id=problem_id,
        reason="readable",
        recommendation="keep_running",
        units=10,
        summary="too early to tell",
    )


def test_every_event_that_the_catalogue_sends_is_handled_and_has_a_line() -> None:
    sent = {entry.event for entry in consumed_by("alignment")}
    assert sent == HANDLERS.events == set(_LINES)


async def test_the_feed_tells_a_story_in_plain_lines(alignment: Driven) -> None:
    problem_id = uuid4()
    await alignment.receives(opened(problem_id), grew(problem_id, 2), readout(problem_id))
    decision_id = await made(alignment, problem_id=problem_id)
    await alignment.http.post(
        f"/v1/decisions/{decision_id}/review",
        json={"outcome": "as_expected", "learned": "It holds.", "reviewed_by": "Bo"},
    )
    await bring_own(alignment)
    found = await feed(alignment)
    assert [item["line"] for item in found["items"]] == [
        "New problem “Reminders come an hour late”",
        "An experiment on “Reminders come an hour late” now reads “keep running”: too early to tell",
        "test proposes “Send reminders by the clinic's clock” for “Reminders come an hour late”:"
        " Schedule every reminder in the clinic's own time zone."
        " Why: Two thirds of the late reminders cross a change of the clock.",
        "test decided “Send reminders by the clinic's clock” for “Reminders come an hour late”:"
        " Schedule every reminder in the clinic's own time zone."
        " Why: Two thirds of the late reminders cross a change of the clock.",
        "Bo reviewed “Send reminders by the clinic's clock”: as expected. It holds.",
        "The loop is closed for “Reminders come an hour late”:"
        " “Send reminders by the clinic's clock” turned out as expected",
    ]
    assert found["items"][0]["event"]["specversion"] == "1.0"
    grown = await feed(alignment, types="problem.grew")
    assert [item["name"] for item in grown["items"]] == ["problem.grew"]
    chosen = await feed(alignment, types="decision.*,loop.closed")
    assert [item["name"] for item in chosen["items"]] == [
        "decision.proposed",
        "decision.made",
        "decision.reviewed",
        "loop.closed",
    ]


async def test_a_reader_goes_on_where_they_left_off(alignment: Driven) -> None:
    await alignment.receives(*(opened(statement=f"problem {number}") for number in range(5)))
    first = await feed(alignment, limit=3, cursor="")
    assert (len(first["items"]), first["more"]) == (3, True)
    second = await feed(alignment, limit=3, cursor=first["next_cursor"])
    assert ([item["line"][-2:-1] for item in second["items"]], second["more"]) == (["3", "4"], False)
    nothing = await feed(alignment, cursor=second["next_cursor"])
    assert (nothing["items"], nothing["next_cursor"]) == ([], second["next_cursor"])
    await alignment.receives(grew(uuid4()), opened(statement="problem 5"))
    third = await feed(alignment, cursor=nothing["next_cursor"])
    assert [item["line"] for item in third["items"]] == ["New problem “problem 5”"]
    assert (await feed(alignment, cursor=third["items"][0]["cursor"]))["items"] == []
    unseen = await feed(alignment, types="decision.made", cursor=third["next_cursor"])
    assert unseen["next_cursor"] == third["next_cursor"]


async def test_bad_cursors_and_filters_are_refused(alignment: Driven) -> None:
    for cursor in ("!", "bnVsbA", "Wy0xXQ", "W3RydWVd", "WyJ4Il0", "WzFlOTld"):
        assert (await alignment.http.get("/v1/feed", params={"cursor": cursor})).status_code == 422, cursor
    ahead = await alignment.http.get("/v1/feed", params={"cursor": "Wzk5OTk5XQ"})
    assert (ahead.status_code, "begin again without a cursor" in ahead.text) == (409, True)
    unknown = await alignment.http.get("/v1/feed", params={"types": "decision.made,feedback.received"})
    assert (unknown.status_code, "known are" in unknown.text) == (422, True)
    missing = await alignment.http.get("/v1/feed", params={"subscription_id": str(uuid4())})
    assert missing.status_code == 404


async def test_a_later_transaction_that_commits_first_cannot_make_a_reader_skip_the_earlier_one(
    alignment: Driven,
) -> None:
    """The earlier writer holds its place: nobody sees, or passes, a number before it is there or gone."""
    slow, quick = opened(statement="slow"), opened(statement="quick")
    async with alignment.transactions.begin(alignment.workspace) as work:
        message = _message(alignment, slow)
        await HANDLERS.apply([message], work)
        racing = asyncio.create_task(alignment.receives(quick))
        await asyncio.sleep(0.3)
        early = await feed(alignment)
        assert (early["items"], racing.done()) == ([], False)
    await racing
    late = await feed(alignment, cursor=early["next_cursor"])
    assert [item["line"] for item in late["items"]] == ["New problem “slow”", "New problem “quick”"]


async def test_a_transaction_that_fails_leaves_no_hole(alignment: Driven) -> None:
    class Failure(Exception):
        pass

    try:
        async with alignment.transactions.begin(alignment.workspace) as work:
            await HANDLERS.apply([_message(alignment, opened())], work)
            raise Failure
    except Failure:
        pass
    await alignment.receives(opened(statement="the only one"))
    assert len((await feed(alignment))["items"]) == 1


async def test_a_reader_beside_many_writers_sees_everything_once_in_one_order(alignment: Driven) -> None:
    writers, batches, size = 6, 8, 5
    read: list[str] = []
    done = asyncio.Event()

    async def write(writer: int) -> None:
        for batch in range(batches):
            events = [opened(statement=f"{writer}/{batch * size + number}") for number in range(size)]
            await alignment.receives(*events)

    async def follow() -> None:
        cursor = None
        for _ in range(2_000):
            finished = done.is_set()
            page = await feed(alignment, limit=7, **({"cursor": cursor} if cursor else {}))
            read.extend(item["event"]["data"]["statement"] for item in page["items"])
            cursor = page["next_cursor"]
            if finished and not page["items"]:
                return
            await asyncio.sleep(0)

    following = asyncio.create_task(follow())
    await asyncio.gather(*(write(writer) for writer in range(writers)))
    done.set()
    await following
    assert len(read) == len(set(read)) == writers * batches * size
    for writer in range(writers):
        mine = [int(name.partition("/")[2]) for name in read if name.startswith(f"{writer}/")]
        assert mine == sorted(mine)
    again = []
    cursor = None
    for _ in range(10):
        page = await feed(alignment, limit=100, **({"cursor": cursor} if cursor else {}))
        again += [item["event"]["data"]["statement"] for item in page["items"]]
        cursor = page["next_cursor"]
        if not page["more"]:
            break
    assert again == read


async def test_a_redelivered_event_is_in_the_feed_once(alignment: Driven) -> None:
    (envelope,) = await alignment.receives(opened())
    assert await alignment.deliver(envelope, deliveries=2) == [None]
    assert len((await feed(alignment))["items"]) == 1


async def test_statements_are_known_in_any_order_and_the_newest_stays(alignment: Driven) -> None:
    problem_id, new_id = uuid4(), uuid4()
    split = ProblemSplit(
        problem_id=problem_id, new_problem_id=new_id, statement="first words", feedback_ids=(uuid4(),), split_by="Ann"
    )
    newest = _envelope(alignment, grew(new_id, 3, "newest words"), 3)
    older = _envelope(alignment, grew(new_id, 2, "older words"), 2)
    assert await alignment.deliver(_envelope(alignment, readout(new_id), 1)) == [None]
    unknown = (await feed(alignment))["items"][0]["line"]
    assert unknown.startswith("An experiment on a problem now reads")
    assert await alignment.deliver(newest, older) == [None, None]
    await alignment.receives(split)
    assert "“newest words”" in (await feed(alignment))["items"][0]["line"]


async def test_a_feed_subscription_is_a_saved_filter_and_follows_a_merged_problem(alignment: Driven) -> None:
    followed, other, decision_id = uuid4(), uuid4(), uuid4()
    wanted = {"types": ["problem.*", "decision.*", "loop.closed"], "problem_ids": [str(followed)]}
    body = {"name": "Ann", "channel": "feed", "filter": {**wanted, "decision_ids": [str(decision_id)]}}
    answer = (await alignment.http.post("/v1/subscriptions", json=body)).json()
    assert "secret" not in answer
    hook = await subscribed(alignment, "http://127.0.0.1:9/", **{"problem_ids": [str(followed)]})
    merged = ProblemMerged(problem_id=followed, into=other, merged_by="Ann", reason="the same")
    await alignment.receives(opened(other, "before"))
    await alignment.receives(merged)
    await alignment.receives(grew(other, 2, "after"), opened(statement="elsewhere"))
    await alignment.receives(
        DecisionReviewed(decision_id=decision_id, outcome="better", learned="x", reviewed_by="Bo"),
        LoopClosed(problem_id=uuid4(), decision_id=decision_id, outcome="better"),
    )
    names = [item["name"] for item in (await feed(alignment, subscription_id=answer["id"]))["items"]]
    # Read back later, the problem that it became was followed all along.
    assert names == ["problem.opened", "problem.merged", "problem.grew", "decision.reviewed", "loop.closed"]
    waiting = (await alignment.http.get("/v1/deliveries", params={"subscription_id": hook["id"]})).json()["items"]
    assert [row["event"]["name"] for row in reversed(waiting)] == ["problem.merged", "problem.grew"]


async def test_an_event_about_a_decision_reaches_those_who_follow_its_problem(alignment: Driven) -> None:
    problem_id = uuid4()
    hook = await subscribed(alignment, "http://127.0.0.1:9/", "decision.reviewed", problem_ids=[str(problem_id)])
    decision_id = await made(alignment, problem_id=problem_id)
    look = {"outcome": "worse", "learned": "It did not help."}
    await alignment.http.post(f"/v1/decisions/{decision_id}/review", json=look)
    await made(alignment)
    await bring_own(alignment)
    waiting = (await alignment.http.get("/v1/deliveries", params={"subscription_id": hook["id"]})).json()["items"]
    assert [row["event"]["about"] for row in waiting] == [f"decision/{decision_id}"]


async def test_the_bytes_are_those_that_the_outbox_holds(alignment: Driven) -> None:
    await made(alignment, title="Ünïcode “quotes” and \u2028 more")
    async with alignment.transactions.begin(alignment.workspace) as work:
        driver = await work.driver()
        rows = await driver.fetch("SELECT envelope FROM outbox WHERE subject LIKE '%.' || $1", alignment.workspace)
    await bring_own(alignment)
    async with alignment.transactions.begin(alignment.workspace) as work:
        driver = await work.driver()
        kept = await driver.fetch("SELECT envelope FROM feed WHERE workspace = $1", alignment.workspace)
    assert {row[0] for row in rows} == {row[0] for row in kept}
    assert all(json.loads(row[0])["specversion"] == "1.0" for row in kept)


def _envelope(alignment: Driven, event: Any, sequence: int) -> Any:
    owner = "experiments" if isinstance(event, ReadoutChanged) else "triage"
    return wrap(event, service=owner, workspace=alignment.workspace, sequence=sequence)


def _message(alignment: Driven, event: Any) -> Any:
    return decode_event(delivered(_envelope(alignment, event, 0)))
