"""Events that triage owns: the problem behind the words, its brief and its weight."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from contracts.event import Event, EvidenceRef, Line, Text, Value

Question = Literal["why", "who", "vision", "unique", "success", "buy", "impact", "risks"]


class FeedbackTriaged(Event):
    """A piece of feedback now belongs to a problem (or to none), with the reason and the method that said so."""

    TYPE: ClassVar = "whystream.feedback.triaged.v1"
    AGGREGATE: ClassVar = ("feedback", "feedback_id")

    feedback_id: UUID
    problem_id: UUID | None
    score: float = Field(ge=0, le=1)
    reason: Line
    algorithm: Line
    assigned_by: Literal["engine", "person"]
    nearest: tuple[UUID, ...] = ()
    previous_problem_id: UUID | None = None
    margin: float | None = Field(default=None, ge=-1, le=1, description="share of the vote over the next problem's")
    confidence: float | None = Field(default=None, ge=0, le=1, description="probability that it is with its like")


class ProblemOpened(Event):
    """Words that match no known problem opened a new one."""

    TYPE: ClassVar = "whystream.problem.opened.v1"
    AGGREGATE: ClassVar = ("problem", "problem_id")

    problem_id: UUID
    statement: Line
    first_feedback_id: UUID


class ProblemGrew(Event):
    """A known problem has more reports: `reports` messages of `customers` distinct people; `feedback_id` is the newest.

    Told once for reports that were triaged together.
    """

    TYPE: ClassVar = "whystream.problem.grew.v1"
    AGGREGATE: ClassVar = ("problem", "problem_id")

    problem_id: UUID
    feedback_id: UUID
    reports: int = Field(ge=1)
    customers: int = Field(ge=0)
    statement: Line


class ProblemMerged(Event):
    """`problem_id` is the same problem as `into`; all its feedback belongs to `into` from now on."""

    TYPE: ClassVar = "whystream.problem.merged.v1"
    AGGREGATE: ClassVar = ("problem", "problem_id")

    problem_id: UUID
    into: UUID
    merged_by: Line
    reason: Line


class ProblemUnmerged(Event):
    """A merge was taken back: `problem_id` is a problem of its own again, with the feedback that it had."""

    TYPE: ClassVar = "whystream.problem.unmerged.v1"
    AGGREGATE: ClassVar = ("problem", "problem_id")

    problem_id: UUID
    unmerged_from: UUID
    statement: Line
    unmerged_by: Line


class ProblemSplit(Event):
    """Some feedback of `problem_id` is about something else and now forms `new_problem_id`."""

    TYPE: ClassVar = "whystream.problem.split.v1"
    AGGREGATE: ClassVar = ("problem", "problem_id")

    problem_id: UUID
    new_problem_id: UUID
    statement: Line
    feedback_ids: tuple[UUID, ...] = Field(min_length=1, max_length=1_000)
    split_by: Line


class ProblemBriefChanged(Event):
    """One of the eight questions has a new answer: backed by evidence, or openly an assumption."""

    TYPE: ClassVar = "whystream.problem.brief_changed.v1"
    AGGREGATE: ClassVar = ("problem", "problem_id")

    problem_id: UUID
    question: Question
    answer: Text
    assumption: bool
    clarity: float = Field(ge=0, le=1, description="share of the eight questions answered with evidence")
    changed_by: Line
    evidence: tuple[EvidenceRef, ...] = ()


class Opportunity(Value):
    """What solving a problem is worth: to customers and to the business, kept apart, with the parts of each."""

    customer_value: float
    business_value: float
    parts: dict[str, float] = Field(default_factory=dict)


class ProblemPriorityChanged(Event):
    """A problem's weight changed enough to be worth telling (by a quarter or more of either value).

    Also said after a correction or an erasure, whatever the size of the change, and when another statement was chosen:
    `statement`, `reports` and `customers` are then the problem's new ones and replace what was told before.
    """

    TYPE: ClassVar = "whystream.problem.priority_changed.v1"
    AGGREGATE: ClassVar = ("problem", "problem_id")

    problem_id: UUID
    opportunity: Opportunity
    previous: Opportunity | None = None
    statement: Line | None = None
    reports: int | None = Field(default=None, ge=0)
    customers: int | None = Field(default=None, ge=0)


class ProblemDescribed(Event):
    """How a problem reads now: what sets it apart, quotes that represent it and differ, and what is asked for.

    `request` is what customers want made, kept apart from the problem. `name` was given by a model, `named_by`, from
    the quotes; it is a label and no evidence. All of it replaces what was described before, also by nothing.
    """

    TYPE: ClassVar = "whystream.problem.described.v1"
    AGGREGATE: ClassVar = ("problem", "problem_id")

    problem_id: UUID
    statement: Line
    terms: tuple[Line, ...] = Field(default=(), max_length=10)
    quotes: tuple[UUID, ...] = Field(default=(), max_length=5, description="ids of feedback, the most central first")
    request: Line | None = None
    request_from: UUID | None = None
    requests: int = Field(default=0, ge=0, description="how many voices ask for something")
    signs: dict[str, int] = Field(default_factory=dict, description="sign of severity: voices whose words show it")
    languages: dict[str, int] = Field(default_factory=dict, description="language code: sampled reports")
    name: Line | None = None
    named_by: Line | None = None


class ProblemSurged(Event):
    """More distinct people report a problem than its own past explains: told once, when that begins."""

    TYPE: ClassVar = "whystream.problem.surged.v1"
    AGGREGATE: ClassVar = ("problem", "problem_id")

    problem_id: UUID
    statement: Line
    voices: int = Field(ge=1, description="distinct people in the last 7 days; per anonymous source a root")
    expected: float = Field(ge=0, description="voices a week, by the weeks before")
    weeks: int = Field(ge=1, description="how many weeks before were looked at")
    probability: float = Field(ge=0, le=1, description="of so many voices or more, were nothing new")


class EvidenceGapFound(Event):
    """A problem that many people report has a question nobody answered: a nudge, at most one per gap and ISO week."""

    TYPE: ClassVar = "whystream.evidence_gap.found.v1"
    AGGREGATE: ClassVar = ("problem", "problem_id")

    problem_id: UUID
    question: Question
    week: Line = Field(description="ISO 8601 week, for example 2026-W47")
    reason: Line
