"""Events that experiments owns: options, assumptions, what was observed and what may be concluded."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from contracts.event import Event, Line, Moment, Slug, Text, Value

Recommendation = Literal["keep_running", "ship", "stop", "iterate", "buy"]
Conclusion = Literal["supported", "refuted", "inconclusive"]
ExperimentKind = Literal["ab", "fake_door", "pre_post", "interview", "prototype", "survey"]


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
    ref: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = Field(
        default=None,
        description="tells apart two measurements that agree in unit, metric, value and moment; else they are one",
    )


class Metric(Value):
    """What is measured, and which way is better: `conversion` (did it happen), `mean` (how much) or `ratio`.

    A ratio is the sum of `name` over the sum of `denominator`, both over all units of an arm.
    """

    name: Slug
    kind: Literal["conversion", "mean", "ratio"]
    direction: Literal["increase", "decrease"]
    denominator: Slug | None = Field(default=None, description="what a ratio is divided by; of a ratio only")


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
    kind: ExperimentKind
    problem_id: UUID
    hypothesis: Text
    primary_metric: Metric
    arms: tuple[Arm, ...] = Field(min_length=1)
    alpha: float = Field(gt=0, lt=1)
    planned_units: int = Field(ge=1, description="units over all arms that the registered power needs")
    guardrails: tuple[Guardrail, ...] = ()
    assumption_id: UUID | None = None
    version: int = Field(default=1, ge=1)
    previous_id: UUID | None = Field(default=None, description="the version that this one takes the place of")


class Estimate(Value):
    """An absolute effect with its interval at confidence 1 - alpha, and the method.

    Treatment minus control; of an experiment with one arm, that arm minus the registered baseline.
    """

    arm: Slug
    effect: float
    lower: float
    upper: float
    method: Line


class ReadoutChanged(Event):
    """A readout says something new (told on onset only, never for every observation), with before and after."""

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
    rule: Slug | None = Field(default=None, description="the rule that gave the recommendation")
    previous_rule: Slug | None = None
    previous_units: int | None = Field(default=None, ge=0)
    previous_estimate: Estimate | None = None


class ExperimentConcluded(Event):
    """A person closed the experiment; the readout of that moment is kept with the conclusion."""

    TYPE: ClassVar = "whystream.experiment.concluded.v1"
    AGGREGATE: ClassVar = ("experiment", "experiment_id")

    experiment_id: UUID
    key: Slug
    kind: ExperimentKind
    problem_id: UUID
    conclusion: Conclusion
    recommendation: Recommendation
    units: int = Field(ge=0)
    summary: Line
    learned: Text
    concluded_by: Line
    estimate: Estimate | None = None
    assumption_id: UUID | None = None
    rule: Slug | None = Field(default=None, description="the rule that gave the recommendation")
