"""A body is taken to its end before the answer, so that no refusal crosses it on its way."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from libs.runtime import body
from libs.runtime.body import MAX_DISCARDED_BYTES, BodyTaken


async def refuse(scope: Any, receive: Any, send: Any) -> None:
    """An application that answers without a look at the body."""
    await send({"type": "http.response.start", "status": 401, "headers": []})
    await send({"type": "http.response.body", "body": b"no"})


async def echo(scope: Any, receive: Any, send: Any) -> None:
    parts, more = b"", True
    while more:
        message = await receive()
        parts, more = parts + message.get("body", b""), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": parts})


async def asked(app: Any, parts: Iterator[Any], headers: dict[str, str]) -> tuple[int, int]:
    """The status, and how many parts of the body had been taken when it was sent."""
    taken, answered = 0, []

    async def receive() -> Any:
        nonlocal taken
        part = next(parts, None)
        if part is None:
            await asyncio.sleep(60)  # announced, and never sent
        taken += 1
        return part

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answered.append((message["status"], taken))

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await BodyTaken(app)({"type": "http", "headers": raw}, receive, send)
    return answered[0]


def part(size: int, *, last: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": b"x" * size, "more_body": not last}


async def test_a_refusal_waits_for_the_end_of_the_body() -> None:
    parts = [part(10), part(10), part(10, last=True)]
    assert await asked(refuse, iter(parts), {"content-length": "30"}) == (401, 3)
    assert await asked(refuse, iter(parts), {"transfer-encoding": "chunked"}) == (401, 3)


async def test_nothing_is_asked_for_when_no_body_was_announced() -> None:
    assert await asked(refuse, iter(()), {}) == (401, 0)


async def test_a_body_that_was_read_is_not_asked_for_again() -> None:
    assert await asked(echo, iter([part(5), part(5, last=True)]), {"content-length": "10"}) == (200, 2)


async def test_a_sender_who_leaves_is_not_waited_for() -> None:
    assert await asked(refuse, iter([part(5), {"type": "http.disconnect"}]), {"content-length": "9"}) == (401, 2)


async def test_a_body_without_end_is_cut_off() -> None:
    mebibyte = part(1024 * 1024)
    status, taken = await asked(refuse, iter(lambda: mebibyte, None), {"transfer-encoding": "chunked"})
    assert (status, taken) == (401, MAX_DISCARDED_BYTES // 1024 // 1024 + 1)


async def test_a_sender_who_says_nothing_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "_PATIENCE_SECONDS", 0.1)
    began = time.monotonic()
    assert await asked(refuse, iter([part(5)]), {"content-length": "9"}) == (401, 1)
    assert time.monotonic() - began < 2


async def test_a_body_comes_through_whole() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for number in range(100):
            yield f"{number},".encode()

    async with httpx.AsyncClient(transport=httpx.ASGITransport(BodyTaken(echo)), base_url="http://test") as http:
        assert (await http.post("/", content=chunks())).text == "".join(f"{number}," for number in range(100))
