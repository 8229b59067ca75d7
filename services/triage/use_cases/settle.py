"""Bring problems' numbers, statement and told weight up to date after their evidence changed."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from contracts.problems import ProblemPriorityChanged
from libs.messaging.work import Message
from services.triage.domain import NO_WORDS, Standing, previously_told, worth_telling
from services.triage.grouping.portrait import Heard, draw, word_vectors
from services.triage.store.problems import Head, Settled
from services.triage.store.voices import Spoken
from services.triage.store.work import TriageWork

_READ_FOR_STATEMENT = 40
Stated = Mapping[UUID, tuple[str, UUID | None]]
_Numbers = tuple[Standing, datetime, datetime]
"""What a problem's voices add up to, and when it was first and last reported."""


async def settle(
    problem_ids: Collection[UUID],
    work: TriageWork,
    *,
    causes: Mapping[UUID, Message[Any]] | None = None,
    corrected: bool = False,
    drawn: Stated | None = None,
    more: Mapping[UUID, Spoken] | None = None,
) -> list[Settled]:
    """Bring standing and rank up to date; take the statements that were `drawn`, find one for what lost its own.

    Numbers are counted anew from all voices, but for those of which it is known what `more` was heard since: a problem
    of a million reports must not cost more than another. Call it alone (`TriageWork.alone`): what is added to must not
    change meanwhile.

    Tells the new weight when it changed by a quarter, when the statement changed, or when `corrected`, which means that
    the evidence changed in another way than by one more report. Merged problems are left alone. Returns the rest.
    """
    problems = await work.problems()
    heads = {head.problem_id: head for head in (await problems.heads(problem_ids)).values() if head.living}
    if not heads:
        return []
    numbers = await _numbers(heads, more or {}, work)
    stated = {**await _state(heads, corrected, work), **(drawn or {})}
    settled = []
    for problem_id, head in heads.items():
        standing, first_seen, last_seen = numbers[problem_id]
        statement, stated_by = stated.get(problem_id, (head.statement, head.stated_by))
        one = Settled(
            problem_id=problem_id,
            standing=standing,
            first_seen=first_seen,
            last_seen=last_seen,
            statement=statement,
            stated_by=stated_by,
            stated_at=standing.sums.reports if problem_id in stated else head.stated_at,
            told_customer=head.told_customer,
            told_business=head.told_business,
        )
        cause = (causes or {}).get(problem_id)
        settled.append(_tell(one, head, corrected or statement != head.statement, cause, work))
    await problems.settle(settled)
    reports = {one.problem_id: one.standing.sums.reports for one in settled}
    await (await work.portraits()).ask(reports, now=work.now, corrected=corrected)
    await (await work.trends()).ask(reports, now=work.now)
    return settled


async def _numbers(heads: Mapping[UUID, Head], more: Mapping[UUID, Spoken], work: TriageWork) -> dict[UUID, _Numbers]:
    preferences = await work.preferences()
    weights, reached = await preferences.weights(), await preferences.reached()
    grown = more.keys() & heads.keys() if reached else set()  # what was added up with other weights is added up anew
    counted = list(heads.keys() - grown)
    found = await (await work.voices()).standings(counted, weights) if counted else {}
    numbers = {}
    for problem_id, head in heads.items():
        if problem_id in grown:
            numbers[problem_id] = _grown(head, more[problem_id])
        else:
            standing, heard = found[problem_id]
            numbers[problem_id] = standing, heard.first_at or head.first_seen, heard.last_at or head.last_seen
    return numbers


def _grown(head: Head, heard: Spoken) -> _Numbers:
    """The numbers of a problem that was heard of again."""
    assert heard.first_at is not None
    assert heard.last_at is not None
    standing = replace(head.standing, sums=head.standing.sums.with_more(heard.sums))
    if not head.standing.sums.reports:
        return standing, heard.first_at, heard.last_at
    return standing, min(head.first_seen, heard.first_at), max(head.last_seen, heard.last_at)


def _tell(one: Settled, head: Head, must: bool, cause: Message[Any] | None, work: TriageWork) -> Settled:
    opportunity = one.standing.opportunity(work.now)
    untold = head.told_customer is None or head.told_business is None
    if untold and one.standing.sums.reports < 2 and not must and not one.standing.objectives:
        return one  # ProblemOpened has just said all there is
    if not must and not worth_telling(opportunity, head.told_customer, head.told_business):
        return one
    event = ProblemPriorityChanged(
        problem_id=one.problem_id,
        opportunity=opportunity,
        previous=previously_told(head.told_customer, head.told_business),
        statement=one.statement,
        reports=one.standing.sums.reports,
        customers=one.standing.sums.customers,
    )
    work.record(event, cause=cause)
    return replace(one, told_customer=opportunity.customer_value, told_business=opportunity.business_value)


async def _state(heads: Mapping[UUID, Head], corrected: bool, work: TriageWork) -> Stated:
    """New statements, for the problems whose own is not theirs any more. A better one comes with the portrait."""
    evidence = await work.evidence()
    own = {head.stated_by for head in heads.values() if head.stated_by} if corrected else set()
    left = await evidence.find(own) if own else {}
    due = [
        problem_id
        for problem_id, head in heads.items()
        if head.stated_by is None
        or (corrected and (head.stated_by not in left or left[head.stated_by].problem_id != problem_id))
    ]
    if not due:
        return {}
    newest = await evidence.newest_of(due, most=_READ_FOR_STATEMENT)
    found: dict[UUID, tuple[str, UUID | None]] = {}
    for problem_id in due:
        heard = [Heard(feedback_id, text, str(feedback_id)) for feedback_id, text, *_ in newest.get(problem_id, [])]
        portrait = draw(heard, word_vectors([one.text for one in heard]), {}, 0)
        found[problem_id] = (portrait.statement, portrait.stated_by) if portrait else (NO_WORDS, None)
    return found
