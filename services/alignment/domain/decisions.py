"""How a decision comes to stand: proposed on evidence, positions taken and answered, made, reviewed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from contracts.alignment import Alternative, DecisionMade, DecisionProposed, Position, PositionKind
from contracts.event import EvidenceRef
from libs.runtime.fields import Day, Flag, Number, Short, Storable, Words

Status = Literal["proposed", "made", "reviewed"]
Outcome = Literal["as_expected", "better", "worse", "too_early"]

# Room for the words that mark an assumption, within the 30,000 characters that an event's reason may have.
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=29_000), Storable]
_ASSUMED = "Assumption, not yet tested: "

# What was proposed and all positions travel together when the decision is made, in one event of up to a million bytes.
MOST_BYTES = 400_000


class Input(BaseModel):
    """What a client sends: unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NewObjective(Input):
    """What the business wants. The name identifies it: setting it again changes it."""

    name: Short
    weight: Number = Field(gt=0, le=1_000_000)
    description: Annotated[str, StringConstraints(max_length=5_000), Storable] = ""
    problem_ids: tuple[UUID, ...] = Field(default=(), max_length=200)


class NewEvidence(Input):
    """What a proposal rests on."""

    kind: Literal["feedback", "experiment", "decision", "url"]
    ref: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000), Storable]
    note: Annotated[str, StringConstraints(max_length=500), Storable] = ""


class NewAlternative(Input):
    """A way that was weighed and not chosen."""

    title: Short
    why_not: Short


class Proposal(Input):
    """What somebody proposes to do about a problem. It rests on something, or says openly that it does not."""

    problem_id: UUID
    title: Short
    choice: Words
    reason: Reason
    proposed_by: Short | None = None
    assumption: Flag = False
    evidence: tuple[NewEvidence, ...] = Field(default=(), max_length=100)
    alternatives: tuple[NewAlternative, ...] = Field(default=(), max_length=20)
    experiment_ids: tuple[UUID, ...] = Field(default=(), max_length=50)
    objective_ids: tuple[UUID, ...] = Field(default=(), max_length=50)

    @model_validator(mode="after")
    def _grounded(self) -> Self:
        if not (self.evidence or self.experiment_ids or self.assumption):
            raise ValueError(
                "a decision rests on evidence or an experiment; name some, or say openly that it rests on neither"
                ' with "assumption": true'
            )
        if len(self.model_dump_json().encode()) > MOST_BYTES:
            raise ValueError(f"is over {MOST_BYTES:,} bytes in all; shorten it, or refer to it by its address")
        return self

    @property
    def shown_reason(self) -> str:
        """The reason as everybody reads it: an assumption says that it is one."""
        return _ASSUMED + self.reason if self.assumption else self.reason


class NewPosition(Input):
    """Where a stakeholder stands; whoever does not agree says why."""

    stakeholder: Short
    position: PositionKind
    comment: Annotated[str, StringConstraints(strip_whitespace=True, max_length=5_000), Storable] = ""

    @model_validator(mode="after")
    def _reasoned(self) -> Self:
        if self.position != "agree" and not self.comment:
            raise ValueError("a concern or an objection needs a comment: nobody can answer what is not said")
        return self


class Making(Input):
    """Makes a proposed decision stand."""

    review_on: Day
    made_by: Short | None = None
    answer_to_concerns: Annotated[str, StringConstraints(strip_whitespace=True, max_length=10_000), Storable] = ""


class Review(Input):
    """What became of a decision, and what was learned."""

    outcome: Outcome
    learned: Words
    reviewed_by: Short | None = None


@dataclass(frozen=True)
class Made:
    """Who made a decision, when, and how open concerns were answered."""

    by: str
    at: datetime
    review_on: date
    answer_to_concerns: str


@dataclass(frozen=True)
class Reviewed:
    """The latest look at what became of a decision."""

    by: str
    at: datetime
    outcome: Outcome
    learned: str


@dataclass(frozen=True)
class Decision:
    """A decision with everything that was said about it; positions in the order in which they were taken."""

    id: UUID
    status: Status
    proposal: Proposal
    proposed_by: str
    proposed_at: datetime
    positions: tuple[Position, ...] = ()
    made: Made | None = None
    reviewed: Reviewed | None = None


def open_concerns(positions: Sequence[Position]) -> tuple[Position, ...]:
    """The positions that somebody who makes the decision has to answer."""
    return tuple(found for found in positions if found.position != "agree")


def too_much_said(positions: Sequence[Position]) -> bool:
    """Whether these positions are more than the event of a made decision can carry."""
    return sum(len(found.model_dump_json().encode()) for found in positions) > MOST_BYTES


def status_after(outcome: Outcome) -> Status:
    """A review that comes too early leaves the decision open for another one."""
    return "made" if outcome == "too_early" else "reviewed"


def proposed_event(decision_id: UUID, proposal: Proposal, proposed_by: str) -> DecisionProposed:
    return DecisionProposed(
        decision_id=decision_id,
        problem_id=proposal.problem_id,
        title=proposal.title,
        choice=proposal.choice,
        reason=proposal.shown_reason,
        proposed_by=proposed_by,
        evidence=_evidence(proposal),
        alternatives=_alternatives(proposal),
        experiment_ids=proposal.experiment_ids,
        objective_ids=proposal.objective_ids,
    )


def made_event(decision: Decision, made: Made) -> DecisionMade:
    """The event that carries the whole why, so that who is told needs no other source."""
    proposal = decision.proposal
    return DecisionMade(
        decision_id=decision.id,
        problem_id=proposal.problem_id,
        title=proposal.title,
        choice=proposal.choice,
        reason=proposal.shown_reason,
        made_by=made.by,
        review_on=made.review_on,
        answer_to_concerns=made.answer_to_concerns,
        evidence=_evidence(proposal),
        alternatives=_alternatives(proposal),
        positions=decision.positions,
        experiment_ids=proposal.experiment_ids,
        objective_ids=proposal.objective_ids,
    )


def _evidence(proposal: Proposal) -> tuple[EvidenceRef, ...]:
    return tuple(EvidenceRef(**found.model_dump()) for found in proposal.evidence)


def _alternatives(proposal: Proposal) -> tuple[Alternative, ...]:
    return tuple(Alternative(**found.model_dump()) for found in proposal.alternatives)
