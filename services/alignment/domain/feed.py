"""The feed of what happened around decisions: one plain line for each event. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts import alignment, experiments, problems
from contracts.event import Event
from services.alignment.domain.subscriptions import NAMES

# One line per report would bury everything else; who wants them asks for them.
DEFAULT_NAMES = frozenset(NAMES) - {"problem.grew"}
_STANDS: Mapping[str, str] = {"agree": "agrees with", "concern": "has a concern about", "object": "objects to"}


@dataclass(frozen=True)
class FeedEntry:
    """One event in a workspace's feed. `number` grows by one in the order in which events became visible."""

    number: int
    name: str
    envelope: bytes
    told_at: datetime
    problem: str | None
    decision: str | None


def line_of(event: Event, *, problem: str | None, decision: str | None) -> str:
    """One plain line that says what happened. `problem` and `decision` are their words, if they are known yet."""
    about = f"“{problem}”" if problem else "a problem"
    which = f"“{decision}”" if decision else "a decision"
    return _LINES[type(event)](event, about, which)


def _position(event: alignment.PositionTaken, which: str) -> str:
    taken = event.position
    return f"{taken.stakeholder} {_STANDS[taken.position]} {which}" + (f": {taken.comment}" if taken.comment else "")


def _brief(event: problems.ProblemBriefChanged, about: str) -> str:
    basis = "as an assumption" if event.assumption else "with evidence"
    return f"{event.changed_by} answered “{event.question}” for {about} {basis}: {event.answer}"


def _priority(event: problems.ProblemPriorityChanged, about: str) -> str:
    worth = event.opportunity
    return f"{about} now weighs {worth.customer_value:g} for customers and {worth.business_value:g} for the business"


def _plain(value: str) -> str:
    return value.replace("_", " ")


# Event class → (event, the problem in words, the decision in words) → line.
_LINES: Mapping[type[Event], Callable[[Any, str, str], str]] = {
    alignment.DecisionProposed: lambda e, about, _: (
        f"{e.proposed_by} proposes “{e.title}” for {about}: {e.choice} Why: {e.reason}"
    ),
    alignment.PositionTaken: lambda e, _, which: _position(e, which),
    alignment.DecisionMade: lambda e, about, _: (
        f"{e.made_by} decided “{e.title}” for {about}: {e.choice} Why: {e.reason}"
    ),
    alignment.DecisionReviewed: lambda e, _, which: (
        f"{e.reviewed_by} reviewed {which}: {_plain(e.outcome)}. {e.learned}"
    ),
    alignment.LoopClosed: lambda e, about, which: (
        f"The loop is closed for {about}: {which} turned out {_plain(e.outcome)}"
    ),
    experiments.ExperimentStarted: lambda e, about, _: f"Experiment {e.key} on {about} started: {e.hypothesis}",
    experiments.ReadoutChanged: lambda e, about, _: (
        f"An experiment on {about} now reads “{_plain(e.recommendation)}”: {e.summary}"
    ),
    experiments.ExperimentConcluded: lambda e, about, _: (
        f"Experiment {e.key} on {about} was concluded, {e.conclusion}: {e.learned}"
    ),
    problems.EvidenceGapFound: lambda e, about, _: f"Nobody has answered “{e.question}” for {about}: {e.reason}",
    problems.ProblemOpened: lambda e, *_: f"New problem “{e.statement}”",
    problems.ProblemGrew: lambda e, *_: f"“{e.statement}” now has {e.reports} reports from {e.customers} customers",
    problems.ProblemSurged: lambda e, *_: (
        f"“{e.statement}” is reported more than before: {e.voices} people in 7 days, {e.expected:g} a week expected"
    ),
    problems.ProblemMerged: lambda e, about, _: f"{e.merged_by} merged {about} into another problem: {e.reason}",
    problems.ProblemUnmerged: lambda e, *_: (
        f"{e.unmerged_by} took a merge back: “{e.statement}” is a problem of its own again"
    ),
    problems.ProblemSplit: lambda e, about, _: f"{e.split_by} split “{e.statement}” off {about}",
    problems.ProblemBriefChanged: lambda e, about, _: _brief(e, about),
    problems.ProblemPriorityChanged: lambda e, about, _: _priority(e, about),
}
