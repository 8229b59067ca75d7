"""What an event is about: its decision, its problems, and what it says of them. Pure."""

from dataclasses import dataclass
from uuid import UUID

from contracts import problems
from contracts.event import Event


@dataclass(frozen=True)
class Subject:
    """The decision and the problems that an event is about."""

    decision_id: UUID | None
    problem_ids: tuple[UUID, ...]


def subject_of(event: Event) -> Subject:
    """What the event itself names; an event about a decision may leave its problem to be looked up."""
    named = [getattr(event, field, None) for field in ("problem_id", "into", "new_problem_id", "unmerged_from")]
    return Subject(getattr(event, "decision_id", None), tuple(found for found in named if found is not None))


def statements_in(event: Event) -> dict[UUID, str]:
    """The problems that an event states in words."""
    match event:
        case problems.ProblemOpened() | problems.ProblemGrew() | problems.ProblemSurged() | problems.ProblemUnmerged():
            return {event.problem_id: event.statement}
        case problems.ProblemSplit():
            return {event.new_problem_id: event.statement}
    return {}
