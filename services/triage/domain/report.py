"""One piece of feedback as it counts: whose voice it is, when, how bad, and what that customer is worth. Pure."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contracts.feedback import FeedbackReceived, Rating

_MOST_REVENUE = 10**15


@dataclass(frozen=True, slots=True)
class Report:
    """One piece of feedback as it counts.

    `voice` is the customer, or the source for all who did not say who they are. `rating` is 0 (worst) to 1. `language`
    is what the source said it is, if it said so.
    """

    feedback_id: UUID
    text: str
    source: str
    voice: str
    named: bool
    occurred_at: datetime
    rating: float | None = None
    customer_id: str | None = None
    segment: str | None = None
    plan: str | None = None
    revenue: int | None = None
    currency: str | None = None
    language: str | None = None


def report_of(event: FeedbackReceived, *, now: datetime) -> Report:
    """The report in an event; a moment in the future counts as now, and amounts are kept within what adds up."""
    customer = event.customer
    revenue = customer.revenue if customer else None
    return Report(
        feedback_id=event.feedback_id,
        text=event.text,
        source=event.source,
        voice=f"customer:{customer.id}" if customer else f"source:{event.source}",
        named=customer is not None,
        occurred_at=min(event.occurred_at, now),
        rating=_share(event.rating),
        customer_id=customer.id if customer else None,
        segment=customer.segment if customer else None,
        plan=customer.plan if customer else None,
        revenue=max(0, min(revenue.amount_minor, _MOST_REVENUE)) if revenue else None,
        currency=revenue.currency if revenue else None,
        language=event.language,
    )


def _share(rating: Rating | None) -> float | None:
    if rating is None:
        return None
    return max(0.0, min(1.0, rating.value / rating.scale))
