"""What product tools observe: a unit exposed to an arm, or something measured about a unit. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from contracts.event import Slug
from contracts.experiments import ObservationExposed, ObservationMeasured
from libs.runtime.fields import Instant, Short
from libs.runtime.problems import explain

Observation = ObservationExposed | ObservationMeasured
MAX_ITEMS = 1_000
CLOCK_SKEW = timedelta(days=1)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Exposure(_Part):
    """A unit (customer, session, device) was shown one arm of the experiment with this key."""

    experiment: Slug
    unit: Short
    variant: Slug
    at: Instant


class Outcome(_Part):
    """Something was measured about a unit; every experiment that knows unit and metric counts it."""

    unit: Short
    metric: Slug
    value: Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False, strict=True)]
    at: Instant


@dataclass(frozen=True)
class Rejected:
    """An item that cannot be accepted, and what to mend in it."""

    errors: tuple[dict[str, str], ...]


_EXPOSURE, _OUTCOME = TypeAdapter(Exposure), TypeAdapter(Outcome)


def read_observation(document: Any, *, now: datetime) -> Observation | Rejected:
    """The event for one parsed item, or every rule that it breaks. Never echoes the input."""
    if not isinstance(document, dict):
        return Rejected(({"at": "item", "error": "must be a JSON object"},))
    if "experiment" not in document and "metric" not in document:
        return Rejected(({"at": "item", "error": "needs 'experiment' (an exposure) or 'metric' (an outcome)"},))
    kind = _EXPOSURE if "experiment" in document else _OUTCOME
    try:
        item = kind.validate_python(document)
    except ValidationError as error:
        return Rejected(tuple(explain(error.errors(include_url=False, include_input=False, include_context=False))))
    if not _EARLIEST <= item.at <= now + CLOCK_SKEW:
        return Rejected(({"at": "at", "error": "must lie between the year 2000 and a day from now"},))
    if isinstance(item, Exposure):
        return ObservationExposed(experiment=item.experiment, unit=item.unit, variant=item.variant, at=item.at)
    return ObservationMeasured(unit=item.unit, metric=item.metric, value=item.value, at=item.at)


@dataclass(frozen=True, slots=True)
class Open:
    """An experiment that still counts, as the stream's handlers need to know it."""

    id: UUID
    key: str
    arms: frozenset[str]
    metrics: frozenset[str]
    counts_from: datetime
    stopped_at: datetime | None

    def covers(self, at: datetime) -> bool:
        return self.counts_from <= at and (self.stopped_at is None or at < self.stopped_at)


@dataclass(frozen=True, slots=True)
class FirstExposure:
    """Where a unit belongs: the arm of its earliest exposure; `crossed` if it was seen in another arm too."""

    experiment_id: UUID
    unit: str
    variant: str
    at: datetime
    crossed: bool = False

    def joined(self, other: "FirstExposure") -> "FirstExposure":
        """Of both histories. Commutative, associative and idempotent, so that order and repeats do not matter."""
        first = min(self, other, key=lambda one: (one.at, one.variant))
        crossed = self.crossed or other.crossed or self.variant != other.variant
        return FirstExposure(first.experiment_id, first.unit, first.variant, first.at, crossed)


def first_exposures(events: Iterable[ObservationExposed], open_experiments: Iterable[Open]) -> list[FirstExposure]:
    """One per experiment and unit, of those exposures that count: a known arm, in the time that counts."""
    by_key = {experiment.key: experiment for experiment in open_experiments}
    found: dict[tuple[UUID, str], FirstExposure] = {}
    for event in events:
        experiment = by_key.get(event.experiment)
        if experiment is None or event.variant not in experiment.arms or not experiment.covers(event.at):
            continue
        exposure = FirstExposure(experiment.id, event.unit, event.variant, event.at)
        known = found.get((experiment.id, event.unit))
        found[experiment.id, event.unit] = known.joined(exposure) if known else exposure
    return list(found.values())


def countable(
    events: Iterable[ObservationMeasured], open_experiments: Iterable[Open]
) -> tuple[list[ObservationMeasured], set[UUID]]:
    """The outcomes that some experiment may count, now or once it learns of the unit, and those experiments."""
    users: dict[str, list[Open]] = {}
    for experiment in open_experiments:
        for metric in experiment.metrics:
            users.setdefault(metric, []).append(experiment)
    kept: list[ObservationMeasured] = []
    concerned: set[UUID] = set()
    for event in events:
        counting = [experiment.id for experiment in users.get(event.metric, ()) if experiment.covers(event.at)]
        if counting:
            kept.append(event)
            concerned.update(counting)
    return kept, concerned
