"""Events that alignment owns: what the business wants, what was decided and why, and who was told."""

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from contracts.event import Event, EvidenceRef, Line, Text, Value

PositionKind = Literal["agree", "concern", "object"]


class ObjectiveSet(Event):
    """What the business wants, and how much it weighs against its other objectives."""

    TYPE: ClassVar = "whystream.objective.set.v1"
    AGGREGATE: ClassVar = ("objective", "objective_id")

    objective_id: UUID
    name: Line
    weight: float = Field(gt=0)
    description: str = ""
    problem_ids: tuple[UUID, ...] = Field(default=(), description="problems whose solution serves this objective")


class Alternative(Value):
    """A way that was not chosen, and why not."""

    title: Line
    why_not: Line


class DecisionProposed(Event):
    """Somebody proposes what to do about a problem, with the reason, the evidence and what else was weighed."""

    TYPE: ClassVar = "whystream.decision.proposed.v1"
    AGGREGATE: ClassVar = ("decision", "decision_id")

    decision_id: UUID
    problem_id: UUID
    title: Line
    choice: Text
    reason: Text
    proposed_by: Line
    evidence: tuple[EvidenceRef, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    experiment_ids: tuple[UUID, ...] = ()
    objective_ids: tuple[UUID, ...] = ()


class Position(Value):
    """Where one stakeholder stands on a decision, and why."""

    stakeholder: Line
    position: PositionKind
    comment: str = ""


class PositionTaken(Event):
    """A stakeholder agreed, raised a concern or objected; taking a position again replaces the earlier one."""

    TYPE: ClassVar = "whystream.position.taken.v1"
    AGGREGATE: ClassVar = ("decision", "decision_id")

    decision_id: UUID
    position: Position


class DecisionMade(Event):
    """The decision stands. The whole why travels with it, so that who is told needs no other source."""

    TYPE: ClassVar = "whystream.decision.made.v1"
    AGGREGATE: ClassVar = ("decision", "decision_id")

    decision_id: UUID
    problem_id: UUID
    title: Line
    choice: Text
    reason: Text
    made_by: Line
    review_on: date
    answer_to_concerns: str = ""
    evidence: tuple[EvidenceRef, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    positions: tuple[Position, ...] = ()
    experiment_ids: tuple[UUID, ...] = ()
    objective_ids: tuple[UUID, ...] = ()


class DecisionReviewed(Event):
    """Somebody looked at what became of a decision and said what was learned."""

    TYPE: ClassVar = "whystream.decision.reviewed.v1"
    AGGREGATE: ClassVar = ("decision", "decision_id")

    decision_id: UUID
    outcome: Literal["as_expected", "better", "worse", "too_early"]
    learned: Text
    reviewed_by: Line


class NotificationDelivered(Event):
    """A subscriber's receiver confirmed that it was told."""

    TYPE: ClassVar = "whystream.notification.delivered.v1"
    AGGREGATE: ClassVar = ("delivery", "delivery_id")

    delivery_id: UUID
    subscription_id: UUID
    told_event_id: UUID
    told_type: Line
    told_about: Line = Field(description="aggregate of the told event, for example decision/0192…")
    subscriber: Line
    attempts: int = Field(ge=1)


class NotificationExhausted(Event):
    """Every attempt to tell a subscriber failed; the delivery can be replayed by hand."""

    TYPE: ClassVar = "whystream.notification.exhausted.v1"
    AGGREGATE: ClassVar = ("delivery", "delivery_id")

    delivery_id: UUID
    subscription_id: UUID
    told_event_id: UUID
    told_type: Line
    told_about: Line
    subscriber: Line
    attempts: int = Field(ge=1)
    last_error: Line


class LoopClosed(Event):
    """The thread from words to outcome is whole: the decision about a problem was reviewed."""

    TYPE: ClassVar = "whystream.loop.closed.v1"
    AGGREGATE: ClassVar = ("problem", "problem_id")

    problem_id: UUID
    decision_id: UUID
    outcome: Literal["as_expected", "better", "worse"]
