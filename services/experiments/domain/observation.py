"""What product tools observe: a unit exposed to an arm, or something measured about a unit. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from contracts.event import Slug
from contracts.experiments import ObservationExposed, ObservationMeasured
from libs.runtime.fields import Instant, Short, Storable
from libs.runtime.problems import explain
from services.experiments.domain.block import Block, block_of

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
    """Something was measured about a unit; every experiment that knows unit and metric counts it.

    Two outcomes that agree in unit, metric, value and moment are one, unless their `ref` tells them apart.
    """

    unit: Short
    metric: Slug
    value: Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False, strict=True)]
    at: Instant
    ref: Annotated[str, StringConstraints(min_length=1, max_length=100), Storable] | None = None


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
    return ObservationMeasured(unit=item.unit, metric=item.metric, value=item.value, at=item.at, ref=item.ref)


@dataclass(frozen=True, slots=True)
class Open:
    """An experiment that takes observations in, as the stream's handlers need to know it.

    A draft (`counts_from` is None) takes in outcomes only, and only where its plan looks back before the exposure.
    """

    id: UUID
    key: str
    arms: frozenset[str]
    metrics: frozenset[str]
    collects_from: datetime
    counts_from: datetime | None
    stopped_at: datetime | None

    def covers(self, at: datetime) -> bool:
        """Whether an exposure of this moment counts."""
        return self.counts_from is not None and self.counts_from <= at and self._before_stop(at)

    def wants(self, at: datetime) -> bool:
        """Whether an outcome of this moment may count, now or once its unit is known."""
        return self.collects_from <= at and self._before_stop(at)

    def _before_stop(self, at: datetime) -> bool:
        return self.stopped_at is None or at < self.stopped_at


@dataclass(frozen=True, slots=True)
class FirstExposure:
    """Where a unit belongs: the arm of its earliest exposure; `crossed` if it was seen in another arm too."""

    experiment_id: UUID
    unit: str
    variant: str
    at: datetime
    crossed: bool = False

    @property
    def block(self) -> Block:
        return block_of(self.unit, self.at)

    def joined(self, other: "FirstExposure") -> "FirstExposure":
        """Of both histories. Commutative, associative and idempotent, so that order and repeats do not matter."""
        first = min(self, other, key=lambda one: (one.at, one.variant))
        crossed = self.crossed or other.crossed or self.variant != other.variant
        return FirstExposure(first.experiment_id, first.unit, first.variant, first.at, crossed)


def first_exposures(events: Iterable[ObservationExposed], open_experiments: Iterable[Open]) -> list[FirstExposure]:
    """One per experiment and unit, of those exposures that count: a known arm, in the time that counts."""
    by_key: dict[str, list[Open]] = {}
    for experiment in open_experiments:
        by_key.setdefault(experiment.key, []).append(experiment)
    found: dict[tuple[UUID, str], FirstExposure] = {}
    for event in events:
        for experiment in by_key.get(event.experiment, ()):  # the versions of one key count one after the other
            if event.variant not in experiment.arms or not experiment.covers(event.at):
                continue
            exposure = FirstExposure(experiment.id, event.unit, event.variant, event.at)
            known = found.get((experiment.id, event.unit))
            found[experiment.id, event.unit] = known.joined(exposure) if known else exposure
    return list(found.values())


def countable(events: Iterable[ObservationMeasured], open_experiments: Iterable[Open]) -> list[ObservationMeasured]:
    """The outcomes that some experiment may count, now or once it learns of the unit."""
    users: dict[str, list[Open]] = {}
    for experiment in open_experiments:
        for metric in experiment.metrics:
            users.setdefault(metric, []).append(experiment)
    return [event for event in events if any(one.wants(event.at) for one in users.get(event.metric, ()))]
