"""Events that experiments owns: options, assumptions, what was observed and what may be concluded."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from contracts.event import Event, Line, Moment, Slug, Text, Value

Recommendation = Literal["keep_running", "ship", "stop", "iterate", "buy"]
Conclusion = Literal["supported", "refuted", "inconclusive"]


class OptionProposed(Event):
    """A way to solve a problem: build it, buy it, partner, or knowingly change nothing."""

    TYPE: ClassVar = "whystream.option.proposed.v1"
    AGGREGATE: ClassVar = ("option", "option_id")

    option_id: UUID
    problem_id: UUID
    kind: Literal["build", "buy", "partner", "nothing"]
    title: Line
    description: str = ""


class AssumptionStated(Event):
    """What must be true for an option to work, the kind of risk it carries, and how much hangs on it (1 to 5)."""

    TYPE: ClassVar = "whystream.assumption.stated.v1"
    AGGREGATE: ClassVar = ("assumption", "assumption_id")

    assumption_id: UUID
    problem_id: UUID
    option_id: UUID | None = None
    risk: Literal["value", "usability", "feasibility", "viability"]
    statement: Line
    importance: int = Field(ge=1, le=5)


class ObservationExposed(Event):
    """A product tool showed a unit (customer, session, device) one arm of a running experiment."""

    TYPE: ClassVar = "whystream.observation.exposed.v1"
    AGGREGATE: ClassVar = ("unit", "unit")

    experiment: Slug
    unit: Line
    variant: Slug
    at: Moment


class ObservationMeasured(Event):
    """A product tool measured something about a unit; experiments that know the unit and the metric count it."""

    TYPE: ClassVar = "whystream.observation.measured.v1"
    AGGREGATE: ClassVar = ("unit", "unit")

    unit: Line
    metric: Slug
    value: float = Field(ge=-1e12, le=1e12, allow_inf_nan=False, description="bounded, so that sums of squares fit")
    at: Moment


class Metric(Value):
    """What is measured per unit: `conversion` (did it happen) or `mean` (how much), and which way is better."""

    name: Slug
    kind: Literal["conversion", "mean"]
    direction: Literal["increase", "decrease"]


class Guardrail(Value):
    """A metric that must not get worse by more than `margin` (absolute, in the metric's own unit)."""

    metric: Metric
    margin: float = Field(gt=0, allow_inf_nan=False)


class Arm(Value):
    """One variant and its share of the units. The first arm of an experiment is its control."""

    name: Slug
    weight: float = Field(gt=0, allow_inf_nan=False)


class ExperimentStarted(Event):
    """An experiment began to count. What was registered no longer changes."""

    TYPE: ClassVar = "whystream.experiment.started.v1"
    AGGREGATE: ClassVar = ("experiment", "experiment_id")

    experiment_id: UUID
    key: Slug
    problem_id: UUID
    hypothesis: Text
    primary_metric: Metric
    arms: tuple[Arm, ...] = Field(min_length=2)
    alpha: float = Field(gt=0, lt=1)
    planned_units: int = Field(ge=1, description="units over all arms that the registered power needs")
    guardrails: tuple[Guardrail, ...] = ()
    assumption_id: UUID | None = None


class Estimate(Value):
    """An absolute effect (treatment minus control) with its interval at confidence 1 - alpha, and the method."""

    arm: Slug
    effect: float
    lower: float
    upper: float
    method: Line


class ReadoutChanged(Event):
    """A readout says something new (told on onset only, never for every observation)."""

    TYPE: ClassVar = "whystream.readout.changed.v1"
    AGGREGATE: ClassVar = ("experiment", "experiment_id")

    experiment_id: UUID
    problem_id: UUID
    reason: Literal["readable", "claim_reached", "guardrail_tripped", "sample_ratio_broken", "powered", "stale"]
    recommendation: Recommendation
    units: int = Field(ge=0)
    summary: Line
    estimate: Estimate | None = None
    previous_recommendation: Recommendation | None = None


class ExperimentConcluded(Event):
    """A person closed the experiment; the readout of that moment is kept with the conclusion."""

    TYPE: ClassVar = "whystream.experiment.concluded.v1"
    AGGREGATE: ClassVar = ("experiment", "experiment_id")

    experiment_id: UUID
    key: Slug
    problem_id: UUID
    conclusion: Conclusion
    recommendation: Recommendation
    units: int = Field(ge=0)
    summary: Line
    learned: Text
    concluded_by: Line
    estimate: Estimate | None = None
    assumption_id: UUID | None = None
