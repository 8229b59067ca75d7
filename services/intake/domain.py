"""What intake accepts, and how a submission becomes feedback. Pure: no I/O, no clock."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from contracts.event import Money
from contracts.feedback import Customer, FeedbackReceived, Rating
from libs.runtime.fields import Flag, Instant, Number, Short, Storable, Whole, Words
from libs.runtime.problems import explain

MAX_ITEMS = 1_000
CLOCK_SKEW = timedelta(days=1)
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_MAX_LINKS = 3

Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), Storable]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SubmittedRevenue(_Part):
    """What a customer pays, in integer minor units (cents) of an ISO 4217 currency."""

    amount_minor: Annotated[Whole, Field(ge=-(10**15), le=10**15)]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class SubmittedRating(_Part):
    """A score the customer gave, `value` of `scale` (stars, points)."""

    value: Annotated[Number, Field(ge=-1_000_000, le=1_000_000)]
    scale: Annotated[Number, Field(gt=0, le=1_000_000)]


class SubmittedCustomer(_Part):
    """The customer as a product tool knows them; `contact` stays in intake."""

    id: Short
    segment: Short | None = None
    plan: Short | None = None
    revenue: SubmittedRevenue | None = None
    contact: Short | None = None
    wants_reply: Flag = False


class Submission(_Part):
    """One item of feedback as product tools send it (see the public API)."""

    text: Words
    source: Short
    external_id: Short | None = None
    occurred_at: Instant | None = None
    customer: SubmittedCustomer | None = None
    rating: SubmittedRating | None = None
    url: Short | None = None
    language: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$")] | None = None
    tags: tuple[Tag, ...] = Field(default=(), max_length=50)
    metadata: dict[Tag, Annotated[str, StringConstraints(max_length=2_000), Storable]] = Field(
        default_factory=dict, max_length=50
    )

    @property
    def natural_key(self) -> tuple[str, str] | None:
        return (self.source, self.external_id) if self.external_id else None


@dataclass(frozen=True)
class Rejected:
    """A submission that cannot be accepted, and what to mend in it."""

    errors: tuple[dict[str, str], ...]


Status = Literal["accepted", "duplicate", "quarantined", "rejected"]


@dataclass(frozen=True)
class Receipt:
    """What became of one submission: its status, the feedback's id, and the reason when it is not simply accepted."""

    status: Status
    id: UUID | None = None
    reason: str | None = None
    errors: tuple[dict[str, str], ...] = ()


def read_submission(document: Any, *, now: datetime) -> Submission | Rejected:
    """The submission in a parsed JSON document, or every rule that it breaks. Never echoes the input."""
    if not isinstance(document, dict):
        return Rejected(({"at": "item", "error": "must be a JSON object"},))
    try:
        submission = Submission.model_validate(document)
    except ValidationError as error:
        return Rejected(tuple(explain(error.errors(include_url=False, include_input=False, include_context=False))))
    if submission.occurred_at is not None and submission.occurred_at > now + CLOCK_SKEW:
        return Rejected(({"at": "occurred_at", "error": "lies more than a day in the future"},))
    return submission


def suspicion(submission: Submission) -> str | None:
    """Why these words should be looked at by a person before anybody counts them; None for honest-looking ones.

    Deliberately narrow: a false alarm silences a customer. Only a pile of links, or a link that is most of the text.
    """
    links = _LINK.findall(submission.text)
    if len(links) > _MAX_LINKS:
        return f"{len(links)} links in one text"
    if links and sum(map(len, links)) > len(submission.text) / 2:
        return "a link makes up most of the text"
    return None


def received(feedback_id: UUID, submission: Submission, *, received_at: datetime) -> FeedbackReceived:
    """The event for accepted words: everything but the contact."""
    customer, revenue, rating = submission.customer, None, submission.rating
    if customer and customer.revenue:
        revenue = Money(**customer.revenue.model_dump())
    return FeedbackReceived(
        feedback_id=feedback_id,
        text=submission.text,
        source=submission.source,
        external_id=submission.external_id,
        occurred_at=submission.occurred_at or received_at,
        received_at=received_at,
        customer=Customer(**customer.model_dump(exclude={"contact", "revenue"}), revenue=revenue) if customer else None,
        rating=Rating(**rating.model_dump()) if rating else None,
        url=submission.url,
        language=submission.language,
        tags=submission.tags,
        metadata=submission.metadata,
    )
