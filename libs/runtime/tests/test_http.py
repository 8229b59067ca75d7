"""The edge: committed before the answer leaves, rolled back on any error, and answered the same when asked again."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict

from deploy.embedded.infrastructure import Infrastructure
from libs.messaging.work import Work
from libs.runtime.http import Edge, ScopeMissing, current_work, needs
from libs.runtime.problems import Conflict
from libs.runtime.tests.answering import Answering, answering, something

InTransaction = Annotated[Work, Depends(current_work)]
router = APIRouter(route_class=Edge)
FAILURES = {
    "conflict": Conflict("not now"),
    "bug": RuntimeError("password=hunter2 SELECT * FROM secrets"),
    "away": ConnectionRefusedError("postgresql://role:hunter2@host"),
    "deadlock": asyncpg.DeadlockDetectedError("deadlock"),
}


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    size: int = 1


@router.post("/v1/things", status_code=201)
@needs("problems:write")
async def make(body: Thing, work: InTransaction) -> dict[str, Any]:
    for _ in range(body.size):
        work.record(something(), first=True)
    return {"id": str(uuid4())}


@router.post("/v1/long-things")
@needs("problems:write")
async def say_too_much(body: Thing, work: InTransaction) -> None:
    work.record(something().model_copy(update={"statement": "x" * body.size}), first=True)


@router.post("/v1/failures/{kind}")
@needs("problems:write")
async def fail(kind: str, work: InTransaction) -> None:
    work.record(something(), first=True)
    raise FAILURES[kind]


@router.post("/v1/events")
@needs("problems:write")
async def count(request: Request, work: InTransaction) -> dict[str, Any]:
    work.record(something(), first=True)
    return {"id": str(uuid4()), "size": len(await request.body())}


@router.get("/v1/things")
@needs("problems:read")
async def show() -> dict[str, str]:
    return {"id": str(uuid4())}


@pytest_asyncio.fixture(loop_scope="session")
async def edge(platform: Infrastructure, workspace: str) -> AsyncIterator[Answering]:
    async with answering(platform, workspace, router) as found:
        yield found


def kind_of(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()["type"].rpartition("/")[2]


async def test_what_was_done_is_committed_before_the_first_byte_of_the_answer_leaves(edge: Answering) -> None:
    seen: list[int] = []

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                seen.append(await edge.said())
            await send(message)

        await edge.app(scope, receive, sent)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(watched), base_url="http://test") as http:
        http.headers.update(edge.http.headers)
        answer = await http.post("/v1/things", json={"size": 3})
    assert (answer.status_code, seen) == (201, [3])


@pytest.mark.parametrize(
    ("kind", "status", "problem"),
    [
        ("conflict", 409, "conflict"),
        ("bug", 500, "internal"),
        ("away", 503, "service-unavailable"),
        ("deadlock", 503, "service-unavailable"),
    ],
)
async def test_an_error_rolls_back_and_tells_nothing_of_the_inside(
    edge: Answering, kind: str, status: int, problem: str
) -> None:
    """The transport raises what reaches the server: nothing may, or the server would close a shared connection."""
    answer = await edge.http.post(f"/v1/failures/{kind}", headers={"Idempotency-Key": "k"})
    assert (answer.status_code, kind_of(answer)) == (status, problem)
    assert "hunter2" not in answer.text
    assert ("retry-after" in answer.headers) == (status == 503)
    assert await edge.said() == 0
    assert await edge.rows("SELECT FROM idempotency WHERE workspace = $1") == []


@pytest.mark.parametrize(("path", "size"), [("/v1/things", 1_001), ("/v1/long-things", 1_000_000)])
async def test_more_than_the_stream_takes_at_once_is_refused_before_it_is_in_the_outbox(
    edge: Answering, path: str, size: int
) -> None:
    answer = await edge.http.post(path, json={"size": size})
    assert (answer.status_code, kind_of(answer)) == (413, "too-large")
    assert await edge.said() == 0


async def test_the_same_key_at_the_same_time_has_one_effect_and_one_answer(edge: Answering) -> None:
    key = {"Idempotency-Key": uuid4().hex}
    answers = await asyncio.gather(*(edge.http.post("/v1/things", json={}, headers=key) for _ in range(10)))
    assert {(answer.status_code, answer.text) for answer in answers} == {(201, answers[0].text)}
    assert sum("idempotent-replay" in answer.headers for answer in answers) == 9
    assert await edge.said() == 1


@pytest.mark.parametrize(
    "other",
    [
        {"json": {"size": 2}},
        {"url": "/v1/events"},
        {"headers": {"ce-id": "8"}},
        {"headers": {"Content-Type": "application/other+json"}},
        {"caller": "ws_another_key"},
    ],
    ids=str,
)
async def test_a_key_is_for_one_request_only(edge: Answering, other: dict[str, Any]) -> None:
    """Another body, call, meaning of the body or caller is another request, and gets nothing of the stored answer."""
    key = {"Idempotency-Key": uuid4().hex}
    request: dict[str, Any] = {"url": "/v1/things", "json": {"size": 1}}
    first = await edge.http.post(**request, headers=key)
    caller = edge.allow(other.pop("caller"), "admin") if "caller" in other else {}
    second = await edge.http.post(**{**request, **other, "headers": key | other.get("headers", {}) | caller})
    assert (second.status_code, kind_of(second)) == (422, "idempotency-key-reused")
    assert first.json()["id"] not in second.text
    assert await edge.said() == 1


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_a_key_has_a_length(edge: Answering, key: str) -> None:
    answer = await edge.http.post("/v1/things", json={}, headers={"Idempotency-Key": key})
    assert (answer.status_code, kind_of(answer)) == (422, "invalid")


async def test_reading_again_reads_again(edge: Answering) -> None:
    key = {"Idempotency-Key": uuid4().hex}
    first, second = [(await edge.http.get("/v1/things", headers=key)).json() for _ in range(2)]
    assert first != second


@pytest.mark.parametrize(
    ("content", "kind", "status", "problem"),
    [
        (b"{}", "text/plain", 415, "unsupported-media-type"),
        (b"{}", None, 415, "unsupported-media-type"),
        (b"{}", "application/jsonx", 415, "unsupported-media-type"),
        (b"{", "application/json", 400, "malformed"),
        (b"\xff", "application/json", 400, "malformed"),
        (b'{"size": NaN}', "application/json", 400, "malformed"),
        (b"[" * 10_000, "application/json", 400, "malformed"),
        (b'{"size": "x"}', "application/json; charset=utf-8", 422, "invalid"),
        (b"", "application/json", 422, "invalid"),
        (b" " * (5 * 1024 * 1024 + 1), "application/json", 413, "too-large"),
    ],
)
async def test_bodies_that_cannot_be_read(
    edge: Answering, content: bytes, kind: str | None, status: int, problem: str
) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = await edge.http.post("/v1/things", content=content, headers=headers)
    assert (answer.status_code, kind_of(answer)) == (status, problem)
    assert await edge.said() == 0


async def test_an_answer_about_errors_does_not_grow_with_the_request(edge: Answering) -> None:
    answer = await edge.http.post("/v1/things", json={f"{'x' * 1_000}{number}": 1 for number in range(1_000)})
    assert len(answer.json()["errors"]) == 20
    assert len(answer.content) < 10_000


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_paths_are_taken_literally(edge: Answering, method: str) -> None:
    assert (await edge.http.request(method, "/v1/things/", json={})).status_code == 404


def test_a_route_without_a_scope_or_with_one_that_no_key_has_cannot_be_declared() -> None:
    async def endpoint() -> None: ...

    with pytest.raises(ScopeMissing, match="/v1/open: declare the scope"):
        APIRouter(route_class=Edge).get("/v1/open")(endpoint)
    with pytest.raises(ScopeMissing, match="no scope 'problem:read'; known are feedback:write"):
        needs("problem:read")
