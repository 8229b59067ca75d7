"""What an answer means: try again, an error, or a document. Pure: the clients do the sending and the waiting."""

from collections.abc import Iterator

import httpx

from .errors import Unreachable, refusal
from .retries import Retries
from .shapes import Document, FeedItem


def next_pause(retries: Retries, attempt: int, outcome: httpx.Response | httpx.TransportError) -> float | None:
    """Seconds to wait before the next attempt; None when this outcome is final."""
    if isinstance(outcome, httpx.UnsupportedProtocol):
        return None  # no address to begin with: waiting does not mend it
    response = outcome if isinstance(outcome, httpx.Response) else None
    if not retries.worth_another(attempt, response.status_code if response is not None else None):
        return None
    return retries.pause(attempt, response.headers.get("retry-after") if response is not None else None)


def document_of(outcome: httpx.Response | httpx.TransportError, url: str, attempts: int) -> Document:
    """The document of a final outcome. Raises Unreachable, or the Refused that fits the status."""
    if isinstance(outcome, httpx.TransportError):
        raise Unreachable(url, outcome, attempts) from outcome
    document = _parsed(outcome)
    if outcome.is_success:
        return document
    raise refusal(outcome.status_code, document)


def feed_items(page: Document) -> Iterator[FeedItem]:
    """The items of one page of the feed."""
    for item in page["items"]:
        yield FeedItem(item, item["cursor"])


def _parsed(response: httpx.Response) -> Document:
    if not response.content:
        return {}
    try:
        parsed = response.json()
    except ValueError:
        parsed = None
    if isinstance(parsed, dict):
        return parsed
    return {"detail": response.text[:500]}
