"""What triage knows of problems: what a report is, what a problem is worth, and what is still unanswered. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID

from contracts.event import EvidenceRef
from contracts.feedback import FeedbackReceived, Rating
from contracts.problems import EvidenceGapFound, Opportunity, Question

QUESTIONS: tuple[Question, ...] = get_args(Question)
ASKED_FIRST: tuple[Question, ...] = ("why", "who", "success", "risks", "impact", "vision", "unique", "buy")
GAP_REPORTS = 5
GAPS_A_WEEK = 3
HALF_LIFE = timedelta(days=28)
TOLD_AGAIN = 0.25
NO_WORDS = "(the words were erased)"
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_MOST_REVENUE = 10**15
COLDEST = -200.0


@dataclass(frozen=True, slots=True)
class Report:
    """One piece of feedback as it counts: whose voice it is, when, how bad, and what that customer is worth.

    `voice` is the customer, or the source for all who did not say who they are. `rating` is 0 (worst) to 1.
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
    )


def _share(rating: Rating | None) -> float | None:
    if rating is None:
        return None
    return max(0.0, min(1.0, rating.value / rating.scale))


@dataclass(frozen=True, slots=True)
class Standing:
    """A problem's numbers, added up from its voices. `revenue` is in minor units per currency."""

    reports: int
    customers: int
    reach: float
    warmth: float
    severity: float
    revenue: Mapping[str, int] = field(default_factory=dict)
    objectives: float = 0.0

    @property
    def business_value(self) -> float:
        """Weights of the objectives it serves + log10(1 + revenue at stake in whole units of its largest currency).

        Currencies are never added to each other: there is no honest rate to do it with.
        """
        return self.objectives + self.revenue_part

    @property
    def revenue_part(self) -> float:
        return math.log10(1 + max(self.revenue.values(), default=0) / 100)

    def customer_value(self, now: datetime) -> float:
        """reach × severity × recency.

        reach: distinct customers + per source the square root of its anonymous reports, so that neither a customer nor
        a source that floods moves it. severity: 1 + the mean dissatisfaction of the voices that gave a rating (0 to 1,
        two neutral voices added). recency: the mean over voices of 0.5 ^ (age of the voice's newest report / 28 days).
        """
        return self.severity * self.warmth * 2.0 ** max(COLDEST, -heat_of(now))

    def recency(self, now: datetime) -> float:
        return self.warmth * 2.0 ** max(COLDEST, -heat_of(now)) / self.reach if self.reach else 0.0

    @property
    def rank(self) -> float:
        """What the list is sorted by: ln(customer value × (1 + business value)), without the part that time takes.

        All voices fade with one half-life, so the order of problems does not depend on when it is asked for.
        """
        if self.warmth <= 0:
            return -1e9
        return math.log(self.severity) + math.log(self.warmth) + math.log1p(self.business_value)

    def opportunity(self, now: datetime) -> Opportunity:
        parts = {
            "reach": self.reach,
            "severity": self.severity,
            "recency": self.recency(now),
            "objectives": self.objectives,
            "revenue": self.revenue_part,
        }
        return Opportunity(
            customer_value=round(self.customer_value(now), 4),
            business_value=round(self.business_value, 4),
            parts={name: round(value, 4) for name, value in parts.items()},
        )


def heat_of(moment: datetime) -> float:
    """The moment in half-lives since a fixed day; two voices differ by what one has faded more than the other."""
    return max(COLDEST, (moment - EPOCH) / HALF_LIFE)


def severity_of(displeasure: float, rated: int) -> float:
    """1 to 2: one plus the mean displeasure (1 - rating) of the voices that rated, with two neutral ones added."""
    return 1.0 + (displeasure + 2 * 0.5) / (rated + 2)


def worth_telling(now: Opportunity, told_customer: float | None, told_business: float | None) -> bool:
    """Whether either value changed by a quarter or more since it was last told."""
    if told_customer is None or told_business is None:
        return True
    pairs = ((now.customer_value, told_customer), (now.business_value, told_business))
    return any(abs(new - old) >= TOLD_AGAIN * abs(old) and abs(new - old) > 1e-9 for new, old in pairs)


def unfounded(evidence: Sequence[EvidenceRef], assumption: bool) -> str | None:
    """Why an answer may not be given like this; None when it rests on evidence or openly on an assumption."""
    if evidence or assumption:
        return None
    return 'an answer without evidence is an assumption: add evidence, or send it again with "assumption": true'


def clarity_of(assumptions: Iterable[bool]) -> float:
    """The share of the eight questions that are answered with evidence, from the answers' assumption marks."""
    return sum(not assumption for assumption in assumptions) / len(QUESTIONS)


def gaps_of(
    problem_id: UUID, reports: int, answered: Iterable[str], told: Iterable[str], week: str
) -> list[EvidenceGapFound]:
    """The nudges for a problem: unanswered questions not told this week, the most urgent first, 3 a week at most."""
    silent, told = set(answered), set(told)
    unanswered: list[Question] = [one for one in ASKED_FIRST if one not in silent and one not in told]
    return [
        EvidenceGapFound(
            problem_id=problem_id,
            question=question,
            week=week,
            reason=f"{reports} reports, and nobody has answered “{question}” yet",
        )
        for question in unanswered[: max(0, GAPS_A_WEEK - len(told))]
    ]


def week_of(moment: datetime) -> str:
    """The ISO 8601 week, for example 2026-W47."""
    year, week, _ = moment.astimezone(UTC).isocalendar()
    return f"{year}-W{week:02d}"


def next_week(moment: datetime) -> datetime:
    """Monday 00:00 UTC of the following ISO week."""
    today = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=7 - today.weekday())


def previously_told(customer: float | None, business: float | None) -> Opportunity | None:
    """The values that were last told, without their parts; None before the first time."""
    if customer is None or business is None:
        return None
    return Opportunity(customer_value=customer, business_value=business)
