"""A subscriber's receiver: a real HTTP server on a free port that keeps what it was sent."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass
class Reply:
    """What the receiver answers."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    before: Callable[[], Awaitable[None]] | None = None


class Receiver:
    """Answers with the next of `replies`, and with `reply` when there is none left."""

    def __init__(self) -> None:
        self.url = ""
        self.reply = Reply()
        self.replies: list[Reply] = []
        self.got: list[Received] = []
        self.open = self.most_open = 0

    async def until(self, count: int, seconds: float = 15.0) -> list[Received]:
        """What was received, once there are `count` requests; fails if they do not come in time."""
        try:
            async with asyncio.timeout(seconds):
                while len(self.got) < count:  # noqa: ASYNC110 - a test may poll
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"{len(self.got)} of {count} requests came within {seconds} s") from None
        return self.got

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            pairs = (line.partition(":") for line in head[1:] if line)
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.got.append(Received(head[0].split(" ")[1], headers, body))
            reply = self.replies.pop(0) if self.replies else self.reply
            if reply.before:
                await reply.before()
            lines = [f"HTTP/1.1 {reply.status} x", f"Content-Length: {len(reply.body)}", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in reply.headers.items()]
            writer.write("\r\n".join([*lines, "", ""]).encode() + reply.body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver that runs until the block ends."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver._serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield receiver
    finally:
        server.close()
