"""What follows from a receiver's answer: told, try again later, or give up. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

DeliveryStatus = Literal["waiting", "delivered", "exhausted", "cancelled"]

_MINUTE, _HOUR = 60.0, 3_600.0
_JITTER = 0.2
_GONE = 410


@dataclass(frozen=True)
class DeliveryRules:
    """How hard to try. Times are in seconds.

    `schedule` holds the pause after each failed attempt but the last: one attempt more than it has pauses. `lease` is
    how long an attempt belongs to the process that began it, and must exceed `timeout`: it is when the deliveries of a
    killed process come back. `concurrency` bounds the open requests of a process, `per_subscription` those to one
    subscriber in all processes, so that a slow receiver slows nobody else; with 1, a subscriber is told in order as
    long as nothing fails. `disable_after` exhausted deliveries in a row a subscription is disabled.
    """

    schedule: tuple[float, ...] = (5.0, 30.0, 2 * _MINUTE, 10 * _MINUTE, _HOUR, 6 * _HOUR, 24 * _HOUR)
    timeout: float = 10.0
    lease: float = 30.0
    concurrency: int = 50
    per_subscription: int = 1
    disable_after: int = 5
    poll: float = 0.5


@dataclass(frozen=True)
class Answer:
    """What came back from a receiver: its status and the beginning of its body, or why there is none."""

    status: int | None = None
    body: str = ""
    error: str = ""

    @property
    def told(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        return self.status == _GONE

    def describe(self) -> str:
        """One line, up to 500 characters, for operators."""
        if self.status is None:
            return (self.error or "no answer")[:500]
        if 300 <= self.status < 400:
            return f"HTTP {self.status}: redirects are not followed; subscribe with the final address"
        return " ".join(f"HTTP {self.status} {self.body[:300]}".split())[:500]


@dataclass(frozen=True)
class Delivery:
    """One subscriber, one event, and how far telling it has come. `attempts` counts since the last replay."""

    id: UUID
    subscription_id: UUID
    subscriber: str
    event_id: UUID
    event_name: str
    about: str
    status: DeliveryStatus
    attempts: int
    created_at: datetime
    due_at: datetime | None
    settled_at: datetime | None
    last_status: int | None
    last_error: str | None


@dataclass(frozen=True)
class Retry:
    """Not told yet; the next attempt is due after `pause`."""

    pause: timedelta


@dataclass(frozen=True)
class GiveUp:
    """Not told, and no further attempt will be made by itself; `gone` if the receiver asked to be left alone."""

    gone: bool


def judge(answer: Answer, attempts: int, rules: DeliveryRules, chance: float) -> Retry | GiveUp | None:
    """What a receiver's answer to the attempt with this number means; None when it was told.

    `chance`, from 0 to 1, spreads the retries that one outage caused: a pause is up to a fifth longer than scheduled.
    """
    if answer.told:
        return None
    if answer.gone or attempts > len(rules.schedule):
        return GiveUp(gone=answer.gone)
    return Retry(timedelta(seconds=rules.schedule[attempts - 1] * (1 + _JITTER * chance)))
