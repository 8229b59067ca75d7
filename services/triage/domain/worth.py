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
class Sums:
    """What voices add up to, or what more of them add to it.

    `reach` is the voices, anonymous ones counting with the root of their reports; `warmth` the sum of what each has not
    faded yet, `worth` the same with each voice's weight by segment; `displeasure` the sum over the `rated` voices of
    1 - their mean rating; `revenue` is in minor units per currency.
    """

    reports: int = 0
    customers: int = 0
    reach: float = 0.0
    warmth: float = 0.0
    worth: float = 0.0
    displeasure: float = 0.0
    rated: int = 0
    revenue: Mapping[str, int] = field(default_factory=dict)

    def with_more(self, more: "Sums") -> "Sums":
        revenue = {
            currency: amount
            for currency in sorted(self.revenue.keys() | more.revenue.keys())
            if (amount := self.revenue.get(currency, 0) + more.revenue.get(currency, 0))
        }
        return Sums(
            self.reports + more.reports,
            self.customers + more.customers,
            self.reach + more.reach,
            self.warmth + more.warmth,
            self.worth + more.worth,
            self.displeasure + more.displeasure,
            self.rated + more.rated,
            revenue,
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """A problem's numbers: the sums of its voices, and what is known of it beside them.

    `objectives` are the weights of the objectives that it serves, the workspace's factor included, `wording` what its
    words add to its severity. `half_life` (days) is the one that `sums.warmth` was made with.
    """

    sums: Sums = field(default_factory=Sums)
    objectives: float = 0.0
    wording: float = 0.0
    half_life: float = HALF_LIFE / timedelta(days=1)
    revenue_weight: float = 1.0

    @property
    def severity(self) -> float:
        """1 + the part of the ratings + `wording`."""
        return severity_of(self.sums.displeasure, self.sums.rated, self.wording)

    @property
    def segment(self) -> float:
        """The mean weight of the voices' segments, recent voices counting for more."""
        return self.sums.worth / self.sums.warmth if self.sums.warmth else 1.0

    @property
    def business_value(self) -> float:
        """Weights of the objectives it serves + log10(1 + revenue at stake in whole units of its largest currency).

        Currencies are never added to each other: there is no honest rate to do it with.
        """
        return self.objectives + self.revenue_part

    @property
    def revenue_part(self) -> float:
        return self.revenue_weight * math.log10(1 + max(self.sums.revenue.values(), default=0) / 100)

    def customer_value(self, now: datetime) -> float:
        """reach × severity × recency × segment.

        reach: distinct customers + per source the square root of its anonymous reports, so that neither a customer nor
        a source that floods moves it. severity: see `severity_of`. recency: the mean over voices of
        0.5 ^ (age of the voice's newest report / half-life).
        """
        return self.severity * self.segment * self._warmth(now)

    def recency(self, now: datetime) -> float:
        return self._warmth(now) / self.sums.reach if self.sums.reach else 0.0

    def _warmth(self, now: datetime) -> float:
        return self.sums.warmth * 2.0 ** -heat_of(now, self.half_life)

    @property
    def rank(self) -> float:
        """What the list is sorted by: ln(customer value × (1 + business value)), without the part that time takes.

        All voices fade with one half-life, so the order of problems does not depend on when it is asked for.
        """
        if self.sums.warmth <= 0 or self.sums.worth <= 0:
            return UNRANKED
        value = math.log(self.severity) + math.log(self.sums.worth)
        return value + math.log1p(self.business_value)

    def opportunity(self, now: datetime) -> Opportunity:
        severity = self.severity
        parts = {
            "reach": self.sums.reach,
            "severity": severity,
            "severity_ratings": severity - 1 - self.wording,
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
