"""Events that intake owns: the customer's words, as they came."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from contracts.event import Event, Line, Moment, Money, Text, Value


class Customer(Value):
    """Who spoke, as far as the source knows. Contact details stay in intake and are never in an event."""

    id: Line
    segment: Line | None = None
    plan: Line | None = None
    revenue: Money | None = None
    wants_reply: bool = False


class Rating(Value):
    """A score the customer gave, `value` of `scale` (stars, points)."""

    value: float
    scale: float = Field(gt=0)


class FeedbackReceived(Event):
    """A customer's words were accepted, once per natural key `(source, external_id)`."""

    TYPE: ClassVar = "whystream.feedback.received.v1"
    AGGREGATE: ClassVar = ("feedback", "feedback_id")

    feedback_id: UUID
    text: Text
    source: Line
    received_at: Moment
    occurred_at: Moment
    external_id: Line | None = None
    customer: Customer | None = None
    rating: Rating | None = None
    url: Line | None = None
    language: Line | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = Field(default_factory=dict)


class FeedbackQuarantined(Event):
    """Words were kept aside because they look like abuse or spam; nobody downstream has seen them."""

    TYPE: ClassVar = "whystream.feedback.quarantined.v1"
    AGGREGATE: ClassVar = ("feedback", "feedback_id")

    feedback_id: UUID
    source: Line
    reason: Line


class FeedbackReleased(Event):
    """Quarantined words were found to be honest; a `feedback.received` with the same id follows."""

    TYPE: ClassVar = "whystream.feedback.released.v1"
    AGGREGATE: ClassVar = ("feedback", "feedback_id")

    feedback_id: UUID
    released_by: Line


class FeedbackErased(Event):
    """The words must be forgotten everywhere; whoever holds them removes them and keeps only the id."""

    TYPE: ClassVar = "whystream.feedback.erased.v1"
    AGGREGATE: ClassVar = ("feedback", "feedback_id")

    feedback_id: UUID
    reason: Literal["customer_request", "retention", "operator"]
