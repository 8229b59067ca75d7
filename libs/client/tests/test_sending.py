"""What a product tool relies on: nothing is lost on a bad line, nothing is counted twice, and refusals say why."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from libs.client import (
    AsyncWhystream,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Refused,
    Retries,
    Unauthenticated,
    Unavailable,
    Unreachable,
    Whystream,
)
from libs.client.tests.conftest import Answer, Asked, Platform

ITEM = {"text": "Clients cannot move their appointment", "source": "in-app"}


def receipts(asked: Asked) -> Answer:
    return 202, {"items": [{"index": n, "status": "accepted", "id": str(n)} for n in range(len(asked.items))]}


@pytest.fixture
def whystream(platform: Platform, quick: Retries) -> Iterator[Whystream]:
    with Whystream(platform.url, "ws_default_key", retries=quick, trust_env=False) as client:
        yield client


def test_any_number_of_items_goes_in_parts_of_a_thousand(platform: Platform, whystream: Whystream) -> None:
    platform.answer = receipts
    sent = whystream.send_feedback({**ITEM, "external_id": str(n)} for n in range(2_001))
    assert [len(asked.items) for asked in platform.asked] == [1_000, 1_000, 1]
    assert (sent.accepted, [receipt.index for receipt in sent.items]) == (2_001, list(range(2_001)))
    assert len({asked.headers["idempotency-key"] for asked in platform.asked}) == 3
    assert platform.asked[0].headers["authorization"] == "Bearer ws_default_key"


def test_parts_stay_below_the_size_limit(platform: Platform, whystream: Whystream) -> None:
    platform.answer = receipts
    whystream.send_feedback({**ITEM, "text": "é" * 30_000} for _ in range(200))
    assert len(platform.asked) == 3
    assert all(len(asked.body) <= 4 * 1024 * 1024 for asked in platform.asked)


@pytest.mark.parametrize("failure", [None, (500, {}), (503, b"<html>"), (429, {}, {"Retry-After": "0"})])
def test_a_failure_is_tried_again_with_the_same_key(platform: Platform, whystream: Whystream, failure: Answer) -> None:
    platform.answer = lambda asked: failure if len(platform.asked) < 3 else receipts(asked)
    assert whystream.send_feedback([ITEM]).accepted == 1
    assert len(platform.asked) == 3
    assert len({(asked.headers["idempotency-key"], asked.body) for asked in platform.asked}) == 1


def test_a_key_of_ones_own_makes_the_whole_call_repeatable(platform: Platform, whystream: Whystream) -> None:
    platform.answer = receipts
    for _ in range(2):
        whystream.observe([{"unit": "u", "metric": "kept", "value": 1, "at": datetime.now(UTC)}] * 1_001, key="run-7")
    keys = [asked.headers["idempotency-key"] for asked in platform.asked]
    assert keys == ["run-7-0", "run-7-1", "run-7-0", "run-7-1"]


def test_receipts_say_what_became_of_each_item(platform: Platform, whystream: Whystream) -> None:
    rejected = {"index": 1, "status": "rejected", "errors": [{"at": "text", "error": "too long"}]}
    platform.answer = lambda _: (202, {"items": [{"index": 0, "status": "duplicate", "id": "f-1"}, rejected]})
    sent = whystream.send_feedback([ITEM, ITEM])
    assert (sent.accepted, sent.duplicate, sent.rejected) == (0, 1, 1)
    assert (sent.items[0].id, sent.items[1].problem) == ("f-1", "text: too long")


def test_a_time_without_a_zone_is_refused_here(whystream: Whystream) -> None:
    with pytest.raises(TypeError, match="has no time zone"):
        whystream.send_feedback([{**ITEM, "occurred_at": datetime(2026, 3, 1)}])


def test_text_that_is_no_unicode_is_left_to_the_platform_to_refuse(platform: Platform, whystream: Whystream) -> None:
    platform.answer = lambda _: (202, {"items": []})
    whystream.send_feedback([{**ITEM, "text": "\ud800"}])
    assert b"\\ud800" in platform.asked[0].body


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Invalid),
        (401, Unauthenticated),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (413, Invalid),
        (418, Refused),
        (422, Invalid),
        (500, Unavailable),
    ],
)
def test_a_refusal_carries_the_problem_document(
    platform: Platform, whystream: Whystream, status: int, error: type[Refused]
) -> None:
    problem = {
        "type": "https://whystream.dev/problems/some-kind",
        "title": "No",
        "status": status,
        "detail": "do this instead",
        "errors": [{"at": "reason", "error": "missing"}],
    }
    platform.answer = lambda _: (status, problem)
    with pytest.raises(error, match="do this instead") as caught:
        whystream.propose_decision({"title": "x"})
    assert (caught.value.document, caught.value.kind, caught.value.status) == (problem, "some-kind", status)
    assert "reason: missing" in str(caught.value)
    assert len(platform.asked) == (4 if status == 500 else 1)


def test_an_answer_that_is_no_problem_document_is_shown_in_part(platform: Platform, whystream: Whystream) -> None:
    platform.answer = lambda _: (404, b"<html>nothing here")
    with pytest.raises(NotFound, match="nothing here"):
        whystream.problem("p-1")


def test_nobody_there_is_said_with_the_address(quick: Retries) -> None:
    with (
        Whystream("http://127.0.0.1:9", "ws_x_y", retries=quick, trust_env=False) as nobody,
        pytest.raises(Unreachable, match=r"http://127\.0\.0\.1:9 does not answer after 4 attempts"),
    ):
        nobody.problem("p-1")


def test_lists_are_read_to_their_end(platform: Platform, whystream: Whystream) -> None:
    pages = {"": (["a", "b"], "2"), "2": (["c"], None)}

    def page(asked: Asked) -> Answer:
        items, cursor = pages[asked.path.partition("cursor=")[2]]
        return 200, {"items": [{"id": one} for one in items], "next_cursor": cursor}

    platform.answer = page
    assert [problem["id"] for problem in whystream.problems(sort="reports")] == ["a", "b", "c"]
    assert [asked.path for asked in platform.asked] == [
        "/v1/problems?sort=reports",
        "/v1/problems?sort=reports&cursor=2",
    ]


def feed_page(asked: Asked) -> Answer:
    pages = {"": (["a", "b"], "2", True), "2": (["c"], "3", False), "3": ([], "3", False)}
    items, cursor, more = pages[asked.path.partition("cursor=")[2]]
    return 200, {"items": [{"cursor": f"after-{one}"} for one in items], "next_cursor": cursor, "more": more}


def test_the_feed_gives_with_each_item_the_cursor_to_keep(platform: Platform, whystream: Whystream) -> None:
    platform.answer = feed_page
    assert [item.cursor for item in whystream.feed()] == ["after-a", "after-b", "after-c"]
    assert [item.cursor for item in whystream.feed("2")] == ["after-c"]
    platform.answer = lambda _: (200, {"items": [], "next_cursor": "9", "more": False})
    assert list(whystream.feed(types=["decision.*", "problem.opened"])) == []
    assert platform.asked[-1].path == "/v1/feed?types=decision.%2A%2Cproblem.opened"


def test_the_feed_can_be_followed(platform: Platform, whystream: Whystream) -> None:
    late: list[Any] = [{"cursor": "after-late"}]

    def page(asked: Asked) -> Answer:
        return 200, {"items": late if len(platform.asked) == 3 else [], "next_cursor": "10", "more": False}

    platform.answer = page
    assert next(whystream.feed("9", follow=True, wait=0.001)).cursor == "after-late"


def test_moving_to_no_problem_sends_null_and_other_fields_that_are_unset_are_left_out(
    platform: Platform, whystream: Whystream
) -> None:
    whystream.move_feedback("f-1", None)
    whystream.conclude_experiment("e-1", "it works")
    assert [asked.items for asked in platform.asked] == [[{"to": None}], [{"learned": "it works"}]]


async def test_the_async_client_does_the_same(platform: Platform, quick: Retries) -> None:
    async with AsyncWhystream(platform.url, "ws_default_key", retries=quick, trust_env=False) as whystream:
        platform.answer = lambda asked: None if len(platform.asked) < 2 else receipts(asked)
        assert (await whystream.send_feedback([ITEM])).accepted == 1
        assert len({asked.headers["idempotency-key"] for asked in platform.asked}) == 1
        platform.answer = feed_page
        assert [item.cursor async for item in whystream.feed("2")] == ["after-c"]
        platform.answer = lambda _: (409, {"detail": "answer Ines first"})
        with pytest.raises(Conflict, match="answer Ines first"):
            await whystream.make_decision("d-1", review_on="2026-12-01")
