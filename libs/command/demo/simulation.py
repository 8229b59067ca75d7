"""What a booking product would have observed over ten days of the experiment: 20,000 visitors, and whether they came.

Invented and seeded, so that every telling sees the same: of clients who may move their own appointment really two in a
hundred more keep it, and fewer phone the practice.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

VISITORS = 20_000
# With their outcomes these fit one request.
AT_ONCE = 400
SEED = 7
CONTROL, TREATMENT = "phone-only", "self-reschedule"
KEPT, CALLS = "kept_appointment", "calls_to_practice"


@dataclass(frozen=True)
class Behaviour:
    """What really happens in one arm: the share that keeps the appointment, and calls to the practice per client."""

    kept: float
    calls: float


TRUTH = {CONTROL: Behaviour(kept=0.860, calls=0.42), TREATMENT: Behaviour(kept=0.880, calls=0.30)}


DAYS = 10


def beginning() -> datetime:
    """When the experiment's days began, so that they end with the last full hour."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=DAYS)


def stream(experiment: str, run: str, begins: datetime) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Parts of the stream, with how many visitors there were up to each: exposures and their outcomes, mixed."""
    chance, order = random.Random(SEED), random.Random(SEED)
    for first in range(0, VISITORS, AT_ONCE):
        part: list[dict[str, Any]] = []
        for number in range(first, first + AT_ONCE):
            at = begins + number / VISITORS * timedelta(days=DAYS)
            part += _visit(chance, experiment, f"client-{run}-{number:05}", at)
        # Product tools do not report in the order of events.
        order.shuffle(part)
        yield first + AT_ONCE, part


def _visit(chance: random.Random, experiment: str, unit: str, at: datetime) -> list[dict[str, Any]]:
    arm = CONTROL if chance.random() < 0.5 else TREATMENT
    truth, later = TRUTH[arm], (at + timedelta(minutes=1)).isoformat()
    found: list[dict[str, Any]] = [{"experiment": experiment, "unit": unit, "variant": arm, "at": at.isoformat()}]
    if chance.random() < truth.kept:
        found.append({"unit": unit, "metric": KEPT, "value": 1, "at": later})
    calls = _poisson(chance, truth.calls)
    if calls:
        found.append({"unit": unit, "metric": CALLS, "value": calls, "at": later})
    return found


def _poisson(chance: random.Random, mean: float) -> int:
    """How many of something that happens `mean` times on average (Knuth's method; fine for small means)."""
    limit, count, product = math.exp(-mean), 0, chance.random()
    while product > limit:
        count += 1
        product *= chance.random()
    return count
