"""What a problem is worth, to customers and to the business: two numbers, with the parts of each. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from contracts.problems import Opportunity

HALF_LIFE = timedelta(days=28)
SHORTEST_HALF_LIFE, LONGEST_HALF_LIFE = 7.0, 365.0  # days; powers of two of a shorter one would soon not fit
TOLD_AGAIN = 0.25
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
COLDEST = -200.0
UNRANKED = -1e9
NEUTRAL_VOICES = 2


@dataclass(frozen=True, slots=True)
class Weights:
    """What a workspace finds important. `segments` not named weigh 1; `half_life` is in days."""

    segments: Mapping[str, float] = field(default_factory=dict)
    half_life: float = HALF_LIFE / timedelta(days=1)
    objectives: float = 1.0
    revenue: float = 1.0


@dataclass(frozen=True, slots=True)
class Standing:
    """A problem's numbers, added up from its voices.

    `revenue` is in minor units per currency. `warmth` is the sum over voices of what each has not faded yet, `segment`
    their mean weight by segment, `severity` 1 + the part of the ratings + `wording`, `objectives` the weights of the
    objectives that it serves, the workspace's factor included. `half_life` (days) is the one `warmth` was made with.
    """

    reports: int
    customers: int
    reach: float
    warmth: float
    severity: float
    revenue: Mapping[str, int] = field(default_factory=dict)
    objectives: float = 0.0
    wording: float = 0.0
    segment: float = 1.0
    half_life: float = HALF_LIFE / timedelta(days=1)
    revenue_weight: float = 1.0

    @property
    def business_value(self) -> float:
        """Weights of the objectives it serves + log10(1 + revenue at stake in whole units of its largest currency).

        Currencies are never added to each other: there is no honest rate to do it with.
        """
        return self.objectives + self.revenue_part

    @property
    def revenue_part(self) -> float:
        return self.revenue_weight * math.log10(1 + max(self.revenue.values(), default=0) / 100)

    def customer_value(self, now: datetime) -> float:
        """reach × severity × recency × segment.

        reach: distinct customers + per source the square root of its anonymous reports, so that neither a customer nor
        a source that floods moves it. severity: see `severity_of`. recency: the mean over voices of
        0.5 ^ (age of the voice's newest report / half-life). segment: the mean weight of the voices' segments, recent
        voices counting for more.
        """
        return self.severity * self.segment * self._warmth(now)

    def recency(self, now: datetime) -> float:
        return self._warmth(now) / self.reach if self.reach else 0.0

    def _warmth(self, now: datetime) -> float:
        return self.warmth * 2.0 ** -heat_of(now, self.half_life)

    @property
    def rank(self) -> float:
        """What the list is sorted by: ln(customer value × (1 + business value)), without the part that time takes.

        All voices fade with one half-life, so the order of problems does not depend on when it is asked for.
        """
        if self.warmth <= 0 or self.segment <= 0:
            return UNRANKED
        value = math.log(self.severity) + math.log(self.warmth) + math.log(self.segment)
        return value + math.log1p(self.business_value)

    def opportunity(self, now: datetime) -> Opportunity:
        parts = {
            "reach": self.reach,
            "severity": self.severity,
            "severity_ratings": self.severity - 1 - self.wording,
            "severity_wording": self.wording,
            "recency": self.recency(now),
            "segment": self.segment,
            "objectives": self.objectives,
            "revenue": self.revenue_part,
        }
        return Opportunity(
            customer_value=round(self.customer_value(now), 4),
            business_value=round(self.business_value, 4),
            parts={name: round(value, 4) for name, value in parts.items()},
        )


def heat_of(moment: datetime, half_life: float = HALF_LIFE / timedelta(days=1)) -> float:
    """The moment in half-lives since a fixed day; two voices differ by what one has faded more than the other."""
    return max(COLDEST, (moment - EPOCH) / timedelta(days=half_life))


def severity_of(displeasure: float, rated: int, wording: float = 0.0) -> float:
    """1 to 3: one, plus the mean displeasure (1 - rating) of the voices that rated, plus `wording` (0 to 1).

    Two neutral voices are added to those that rated, so that one angry voice is not yet a severe problem; `wording` is
    made in the same way (`severity_in_words`).
    """
    return 1.0 + (displeasure + NEUTRAL_VOICES * 0.5) / (rated + NEUTRAL_VOICES) + wording


def worth_telling(now: Opportunity, told_customer: float | None, told_business: float | None) -> bool:
    """Whether either value changed by a quarter or more since it was last told."""
    if told_customer is None or told_business is None:
        return True
    pairs = ((now.customer_value, told_customer), (now.business_value, told_business))
    return any(abs(new - old) >= TOLD_AGAIN * abs(old) and abs(new - old) > 1e-9 for new, old in pairs)


def previously_told(customer: float | None, business: float | None) -> Opportunity | None:
    """The values that were last told, without their parts; None before the first time."""
    if customer is None or business is None:
        return None
    return Opportunity(customer_value=customer, business_value=business)
