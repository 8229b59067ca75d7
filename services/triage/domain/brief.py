"""The eight questions of a problem: what counts as answered, what is nudged about, and when. Pure."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID

from contracts.event import EvidenceRef
from contracts.problems import EvidenceGapFound, Question

QUESTIONS: tuple[Question, ...] = get_args(Question)
ASKED_FIRST: tuple[Question, ...] = ("why", "who", "success", "risks", "impact", "vision", "unique", "buy")
GAP_REPORTS = 5
GAPS_A_WEEK = 3


def unfounded(evidence: Sequence[EvidenceRef], assumption: bool) -> str | None:
    """Why an answer may not be given like this; None when it rests on evidence or openly on an assumption."""
    if evidence or assumption:
        return None
    return 'an answer without evidence is an assumption: add evidence, or send it again with "assumption": true'


def clarity_of(assumptions: Iterable[bool]) -> float:
    """The share of the eight questions that are answered with evidence, from the answers' assumption marks."""
    return sum(not assumption for assumption in assumptions) / len(QUESTIONS)


def gaps_of(
    problem_id: UUID, reports: int, answered: Iterable[str], told: Iterable[str], week: str
) -> list[EvidenceGapFound]:
    """The nudges for a problem: unanswered questions not told this week, the most urgent first, 3 a week at most."""
    silent, told = set(answered), set(told)
    unanswered: list[Question] = [one for one in ASKED_FIRST if one not in silent and one not in told]
    return [
        EvidenceGapFound(
            problem_id=problem_id,
            question=question,
            week=week,
            reason=f"{reports} reports, and nobody has answered “{question}” yet",
        )
        for question in unanswered[: max(0, GAPS_A_WEEK - len(told))]
    ]


def week_of(moment: datetime) -> str:
    """The ISO 8601 week, for example 2026-W47."""
    year, week, _ = moment.astimezone(UTC).isocalendar()
    return f"{year}-W{week:02d}"


def next_week(moment: datetime) -> datetime:
    """Monday 00:00 UTC of the following ISO week."""
    today = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=7 - today.weekday())
