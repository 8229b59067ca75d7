"""The client for programs that wait."""

import time
from collections.abc import Iterator, Sequence
from types import TracebackType

import httpx

from .answers import document_of, feed_items, next_pause
from .api import Api, feed_call
from .calls import Call
from .retries import Retries
from .shapes import Document, FeedItem, Sent


class Whystream(Api[Document, Iterator[Document], Sent, Iterator[FeedItem]]):
    """One workspace of one installation, with an access key. Use it as a context manager, or `close()` it.

    Failed connections and 5xx answers are tried again with growing pauses; a write carries the same Idempotency-Key
    each time, so that it has one effect. Safe to share between threads.
    """

    def __init__(
        self, url: str, key: str, *, timeout: float = 30.0, retries: Retries | None = None, trust_env: bool = True
    ) -> None:
        self._retries = retries or Retries()
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=timeout, trust_env=trust_env
        )

    def __enter__(self) -> "Whystream":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(self, call: Call) -> Document:
        attempt = 0
        while True:
            attempt += 1
            outcome: httpx.Response | httpx.TransportError
            try:
                outcome = self._http.request(**call.request())
            except httpx.TransportError as error:
                outcome = error
            pause = next_pause(self._retries, attempt, outcome)
            if pause is None:
                return document_of(outcome, str(self._http.base_url), attempt)
            time.sleep(pause)

    def feed(
        self, cursor: str | None = None, *, types: Sequence[str] = (), follow: bool = False, wait: float = 2.0
    ) -> Iterator[FeedItem]:
        while True:
            page = self.send(feed_call(cursor, types))
            yield from feed_items(page)
            cursor = page["next_cursor"]
            if not page["more"] and not follow:
                return
            if not page["more"]:
                time.sleep(wait)

    def _many(self, call: Call) -> Iterator[Document]:
        cursor = None
        while True:
            page = self.send(call.with_params(cursor=cursor) if cursor else call)
            yield from page["items"]
            cursor = page.get("next_cursor")
            if not cursor:
                return

    def _lot(self, calls: Iterator[Call]) -> Sent:
        sent = Sent()
        for call in calls:
            sent.add(self.send(call))
        return sent
