"""Everything that is known of one problem."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np

from services.triage.domain.suggestions import Facts, Suggestion, suggested
from services.triage.grouping.portrait import nearest
from services.triage.store.briefs import Answer
from services.triage.store.names import Name
from services.triage.store.portraits import Drawn
from services.triage.store.problems import Head
from services.triage.store.trends import Trend
from services.triage.store.work import TriageWork
from services.triage.use_cases.find_problem import find_problem

# Cosine of centroids, their common mean taken off. Measured with the light embedder on banking77 and clinc150, each
# topic cut at random into two problems of eight: 97 % and 91 % of the halves are this near, and in 29 % and 23 % of the
# cases so is half of another topic. With four reports each 57 % and 58 % are found: little evidence suggests less.
DUPLICATE_FROM = 0.65
_SIMILAR = 5
_COMPARED = 2_000


@dataclass(frozen=True, slots=True)
class Similar:
    """Another problem, and how like this one its evidence is (cosine, -1 to 1)."""

    problem_id: UUID
    statement: str
    reports: int
    likeness: float

    @property
    def possible_duplicate(self) -> bool:
        return self.likeness >= DUPLICATE_FROM


@dataclass(frozen=True, slots=True)
class Reading:
    """One problem with all that is known of it. `weekly` are distinct voices, the last 7 days first."""

    head: Head
    answers: Mapping[str, Answer]
    offered: Sequence[Mapping[str, Any]]
    suggestions: Sequence[Suggestion]
    composition: Mapping[str, Mapping[str, int]]
    weekly: Sequence[int]
    trend: Trend
    objectives: Sequence[tuple[UUID, str, float]]
    decisions: Sequence[tuple[UUID, str, datetime]]
    drawn: Drawn
    quotes: Sequence[Mapping[str, Any]]
    name: Name | None
    similar: Sequence[Similar]


async def read_problem(problem_id: UUID, work: TriageWork) -> Reading:
    """Raises NotFound."""
    head = await find_problem(problem_id, work)
    briefs, business, portraits, trends = (
        await work.briefs(),
        await work.business(),
        await work.portraits(),
        await work.trends(),
    )
    composition = await (await work.voices()).composition(problem_id)
    drawn, trend = await portraits.find(problem_id), await trends.find(problem_id)
    weekly = await trends.weekly(problem_id, now=work.now)
    words = await portraits.words(drawn.quotes)
    facts = _facts(head, composition, drawn, list(words))
    return Reading(
        head=head,
        answers=await briefs.answers(problem_id),
        offered=await briefs.suggestions(problem_id),
        suggestions=suggested(replace(facts, this_week=weekly[0], expected=trend.expected)),
        composition=composition,
        weekly=weekly,
        trend=trend,
        objectives=await business.objectives_of(problem_id),
        decisions=await business.decisions_of(problem_id),
        drawn=drawn,
        quotes=[words[quote] for quote in drawn.quotes if quote in words],
        name=await (await work.names()).find(problem_id),
        similar=await _similar(problem_id, drawn, work),
    )


def _facts(head: Head, composition: Mapping[str, Mapping[str, int]], drawn: Drawn, quotes: Sequence[UUID]) -> Facts:
    return Facts(
        reports=head.standing.sums.reports,
        customers=head.standing.sums.customers,
        quotes=quotes,
        segments=composition["segments"],
        plans=composition["plans"],
        sources=composition["sources"],
        revenue=head.standing.sums.revenue,
        signs=drawn.signs,
        voices=drawn.voices,
        request=drawn.request,
    )


async def _similar(problem_id: UUID, drawn: Drawn, work: TriageWork) -> list[Similar]:
    """The problems whose evidence is most like this one's, among the best ranked."""
    if drawn.centroid is None or drawn.embedder is None:
        return []
    others = await (await work.portraits()).centroids(drawn.embedder, but=problem_id, most=_COMPARED)
    if not others:
        return []
    rows = np.frombuffer(b"".join(row[3] for row in others), np.float16).reshape(len(others), -1)
    found = nearest(np.frombuffer(drawn.centroid, np.float16), rows, _SIMILAR)
    return [Similar(others[at][0], others[at][1], others[at][2], likeness) for at, likeness in found if likeness > 0]
