"""Continuous pull from a durable consumer: messages the moment they arrive, as many as there are, never waiting.

The client library's `fetch` (and FastStream's batch subscriber on top of it) waits for its whole timeout to fill a
batch, and spins when the consumer is gone. Here a request stands at the server, what arrives is buffered, and the next
request goes out while the last messages are being handled.

Protocol: JetStream API `CONSUMER.MSG.NEXT` with `batch` and `expires`; the server ends a request with a status message.
"""

import asyncio
import json
from collections import deque
from uuid import uuid4

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

log = structlog.get_logger("pull")

_EXPIRES_SECONDS = 5.0
_LULL_SECONDS = 0.002
_GONE = ("409", "503")  # consumer deleted or not reachable: ask again, but not at once


class Pull:
    """A standing request for messages of one durable consumer. Use as `async with`, then call `take`."""

    def __init__(self, client: Client, stream: str, consumer: str, *, batch: int = 500) -> None:
        self._client = client
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._batch = batch
        self._buffer: deque[Msg] = deque()
        self._arrived = asyncio.Event()
        self._outstanding = 0
        self._asked_at = 0.0
        self._not_before = 0.0
        self._reconnects = 0

    async def __aenter__(self) -> "Pull":
        self._inbox = f"{self._client._inbox_prefix.decode()}.{uuid4().hex}"
        self._subscription = await self._client.subscribe(
            self._inbox, cb=self._receive, pending_msgs_limit=-1, pending_bytes_limit=-1
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client.is_connected:
            await self._subscription.unsubscribe()

    async def take(self, wait: float = 1.0) -> list[Msg]:
        """What has arrived, up to a batch; waits at most `wait` seconds for the first message, then returns empty."""
        await self._ask()
        if not self._buffer:
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), wait)
            except TimeoutError:
                return []
        await self._while_arriving()
        taken = [self._buffer.popleft() for _ in range(min(len(self._buffer), self._batch))]
        await self._ask()
        return taken

    async def _while_arriving(self) -> None:
        """Let a burst arrive, as one transaction for many is what makes them cheap; a lone message waits 2 ms."""
        seen = 0
        while seen < len(self._buffer) < self._batch:
            seen = len(self._buffer)
            await asyncio.sleep(_LULL_SECONDS)

    async def _receive(self, msg: Msg) -> None:
        status = (msg.headers or {}).get("Status")
        if status is not None and not msg.reply:
            self._end_request(status, (msg.headers or {}).get("Description", ""))
            return
        self._outstanding = max(0, self._outstanding - 1)
        self._buffer.append(msg)
        self._arrived.set()

    def _end_request(self, status: str, description: str) -> None:
        self._outstanding = 0
        if status in _GONE and "Batch Completed" not in description:
            self._not_before = asyncio.get_running_loop().time() + 1.0
            log.warning("no messages to be had for now", subject=self._subject, status=status, reason=description)

    async def _ask(self) -> None:
        """Send a request when none stands: the last was used up, ended, lost with a connection, or never answered."""
        now = asyncio.get_running_loop().time()
        reconnects = self._client.stats["reconnects"]
        lost = reconnects != self._reconnects or now - self._asked_at > _EXPIRES_SECONDS + 2.0
        if (self._outstanding > 0 and not lost) or len(self._buffer) >= self._batch:
            return
        if now < self._not_before or not self._client.is_connected:
            return
        request = {"batch": self._batch, "expires": int(_EXPIRES_SECONDS * 1e9)}
        self._reconnects, self._asked_at, self._outstanding = reconnects, now, self._batch
        await self._client.publish(self._subject, json.dumps(request).encode(), reply=self._inbox)
