"""Bring problems' numbers, statement and told weight up to date after their evidence changed."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from contracts.problems import ProblemPriorityChanged
from libs.messaging.work import Message
from services.triage.domain import NO_WORDS, Standing, previously_told, worth_telling
from services.triage.grouping.centre import statement_of
from services.triage.store.problems import Head, Settled
from services.triage.store.work import TriageWork

_READ_FOR_STATEMENT = 40
_GROWN = 1.5


async def settle(
    problem_ids: Collection[UUID],
    work: TriageWork,
    *,
    causes: Mapping[UUID, Message[Any]] | None = None,
    corrected: bool = False,
) -> None:
    """Recompute standing and rank; choose the statement anew when a problem has grown by half or lost its words.

    Tells the new weight when it changed by a quarter, when the statement changed, or when `corrected`, which means that
    the evidence changed in another way than by one more report. Merged problems are left alone.
    """
    problems = await work.problems()
    heads = {head.problem_id: head for head in (await problems.heads(problem_ids)).values() if head.status != "merged"}
    if not heads:
        return
    standings = await (await work.voices()).standings(heads)
    stated = await _state(heads, {problem_id: standings[problem_id][0] for problem_id in heads}, corrected, work)
    settled = []
    for problem_id, head in heads.items():
        standing, first_seen, last_seen = standings[problem_id]
        statement, stated_by = stated.get(problem_id, (head.statement, head.stated_by))
        one = Settled(
            problem_id=problem_id,
            standing=standing,
            first_seen=first_seen,
            last_seen=last_seen,
            statement=statement,
            stated_by=stated_by,
            stated_at=standing.reports if problem_id in stated else head.stated_at,
            told_customer=head.told_customer,
            told_business=head.told_business,
        )
        cause = (causes or {}).get(problem_id)
        settled.append(_tell(one, head, corrected or statement != head.statement, cause, work))
    await problems.settle(settled)


def _tell(one: Settled, head: Head, must: bool, cause: Message[Any] | None, work: TriageWork) -> Settled:
    opportunity = one.standing.opportunity(work.now)
    untold = head.told_customer is None or head.told_business is None
    if untold and one.standing.reports < 2 and not must and not one.standing.objectives:
        return one  # ProblemOpened has just said all there is
    if not must and not worth_telling(opportunity, head.told_customer, head.told_business):
        return one
    event = ProblemPriorityChanged(
        problem_id=one.problem_id,
        opportunity=opportunity,
        previous=previously_told(head.told_customer, head.told_business),
        statement=one.statement,
        reports=one.standing.reports,
        customers=one.standing.customers,
    )
    work.record(event, cause=cause)
    return replace(one, told_customer=opportunity.customer_value, told_business=opportunity.business_value)


async def _state(
    heads: Mapping[UUID, Head], standings: Mapping[UUID, Standing], corrected: bool, work: TriageWork
) -> dict[UUID, tuple[str, UUID | None]]:
    """New statements, for the problems that need one."""
    due = [
        problem_id
        for problem_id, head in heads.items()
        if corrected or head.stated_by is None or standings[problem_id].reports >= _GROWN * head.stated_at
    ]
    if not due:
        return {}
    newest = await (await work.evidence()).newest_of(due, most=_READ_FOR_STATEMENT)
    own = {head.stated_by for head in heads.values() if head.stated_by}
    still = await (await work.evidence()).find(own)
    found: dict[UUID, tuple[str, UUID | None]] = {}
    for problem_id in due:
        texts = {feedback_id: text for feedback_id, text, _ in newest.get(problem_id, [])}
        stated_by = heads[problem_id].stated_by
        if stated_by and stated_by in still and still[stated_by].problem_id == problem_id:
            texts[stated_by] = still[stated_by].text
        stated = statement_of(texts, heads[problem_id].uses, standings[problem_id].reports)
        found[problem_id] = (stated[1], stated[0]) if stated else (NO_WORDS, None)
    return found
