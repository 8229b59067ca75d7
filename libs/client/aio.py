"""The client for programs that do other things meanwhile (asyncio)."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from types import TracebackType
from typing import Any

import httpx

from .answers import document_of, feed_items, next_pause
from .api import Api, feed_call
from .calls import Call
from .retries import Retries
from .shapes import Document, FeedItem, Sent


class AsyncWhystream(
    Api[Coroutine[Any, Any, Document], AsyncIterator[Document], Coroutine[Any, Any, Sent], AsyncIterator[FeedItem]]
):
    """`Whystream`, to be awaited. Use it as an async context manager, or `aclose()` it."""

    def __init__(
        self, url: str, key: str, *, timeout: float = 30.0, retries: Retries | None = None, trust_env: bool = True
    ) -> None:
        self._retries = retries or Retries()
        self._http = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=timeout, trust_env=trust_env
        )

    async def __aenter__(self) -> "AsyncWhystream":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(self, call: Call) -> Document:
        attempt = 0
        while True:
            attempt += 1
            outcome: httpx.Response | httpx.TransportError
            try:
                outcome = await self._http.request(**call.request())
            except httpx.TransportError as error:
                outcome = error
            pause = next_pause(self._retries, attempt, outcome)
            if pause is None:
                return document_of(outcome, str(self._http.base_url), attempt)
            await asyncio.sleep(pause)

    async def feed(
        self, cursor: str | None = None, *, types: Sequence[str] = (), follow: bool = False, wait: float = 2.0
    ) -> AsyncIterator[FeedItem]:
        while True:
            page = await self.send(feed_call(cursor, types))
            for item in feed_items(page):
                yield item
            cursor = page["next_cursor"]
            if not page["more"] and not follow:
                return
            if not page["more"]:
                await asyncio.sleep(wait)

    async def _many(self, call: Call) -> AsyncIterator[Document]:
        cursor = None
        while True:
            page = await self.send(call.with_params(cursor=cursor) if cursor else call)
            for item in page["items"]:
                yield item
            cursor = page.get("next_cursor")
            if not cursor:
                return

    async def _lot(self, calls: Iterator[Call]) -> Sent:
        sent = Sent()
        for call in calls:
            sent.add(await self.send(call))
        return sent
