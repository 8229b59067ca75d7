"""The shapes that go in and come out. Views of the platform are plain documents (dict), as the API gives them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict

Document = dict[str, Any]


class Revenue(TypedDict):
    """Yearly, in integer minor units (cents) of an ISO 4217 currency."""

    amount_minor: int
    currency: str


class Customer(TypedDict):
    """Who spoke, as far as the tool knows. `contact` never leaves the intake service."""

    id: str
    segment: NotRequired[str]
    plan: NotRequired[str]
    revenue: NotRequired[Revenue]
    contact: NotRequired[str]
    wants_reply: NotRequired[bool]


class Rating(TypedDict):
    """`value` of `scale`: 4 of 5 stars, 9 of 10 points."""

    value: float
    scale: float


class Feedback(TypedDict):
    """A customer's words. `(source, external_id)` is the natural key: send it, and a repeat does no harm."""

    text: str
    source: str
    external_id: NotRequired[str]
    occurred_at: NotRequired[str | datetime]
    customer: NotRequired[Customer]
    rating: NotRequired[Rating]
    url: NotRequired[str]
    language: NotRequired[str]
    tags: NotRequired[list[str]]
    metadata: NotRequired[dict[str, str]]


class Exposure(TypedDict):
    """A unit (customer, session, device) was shown one arm of a running experiment."""

    experiment: str
    unit: str
    variant: str
    at: str | datetime


class Outcome(TypedDict):
    """Something was measured about a unit; experiments that know the unit and the metric count it.

    Two that agree in unit, metric, value and moment are one, unless their `ref` tells them apart.
    """

    unit: str
    metric: str
    value: float
    at: str | datetime
    ref: NotRequired[str]


Status = Literal["accepted", "duplicate", "quarantined", "rejected"]


@dataclass(frozen=True)
class Receipt:
    """What became of one item; `index` is its place among all items of the call."""

    index: int
    status: str
    id: str | None = None
    reason: str | None = None
    errors: tuple[dict[str, str], ...] = ()

    @property
    def problem(self) -> str:
        """Why it was not simply accepted, in one line; empty when it was."""
        return "; ".join(
            [self.reason or "", *(f"{error.get('at')}: {error.get('error')}" for error in self.errors)]
        ).strip("; ")


@dataclass
class Sent:
    """One receipt for each item that was sent, in order."""

    items: list[Receipt] = field(default_factory=list)

    def count(self, status: Status) -> int:
        return sum(receipt.status == status for receipt in self.items)

    @property
    def accepted(self) -> int:
        return self.count("accepted")

    @property
    def duplicate(self) -> int:
        return self.count("duplicate")

    @property
    def quarantined(self) -> int:
        return self.count("quarantined")

    @property
    def rejected(self) -> int:
        return self.count("rejected")

    def add(self, answer: Mapping[str, Any]) -> None:
        """Append the receipts of one request's answer."""
        offset = len(self.items)
        for position, item in enumerate(answer.get("items", [])):
            self.items.append(
                Receipt(
                    index=offset + position,
                    status=item["status"],
                    id=item.get("id"),
                    reason=item.get("reason"),
                    errors=tuple(item.get("errors", ())),
                )
            )


@dataclass(frozen=True)
class FeedItem:
    """One thing that happened. Keep `cursor` once you have handled the item: reading goes on right after it."""

    document: Document
    cursor: str
