"""Nudge: a problem that many report has questions that nobody answered."""

from services.triage.domain import GAP_REPORTS, gaps_of, next_week, week_of
from services.triage.store.work import TriageWork

_AT_ONCE = 100


async def find_gaps(work: TriageWork) -> int:
    """Tell what is unanswered, each gap once an ISO week and three of a problem at most; returns how many looked at.

    A problem with nothing left to tell is looked at again when the next week begins.
    """
    briefs = await work.briefs()
    due = await briefs.due(now=work.now, reports=GAP_REPORTS, most=_AT_ONCE)
    if not due:
        return 0
    ids, week = [problem_id for problem_id, _ in due], week_of(work.now)
    answered, told = await briefs.answered(ids), await briefs.told(ids, week)
    gaps = [
        gap
        for problem_id, reports in due
        for gap in gaps_of(problem_id, reports, answered.get(problem_id, ()), told.get(problem_id, ()), week)
    ]
    new = await briefs.tell(gaps)
    for gap in gaps:
        if (gap.problem_id, gap.question) in new:
            work.record(gap)
    await briefs.look_again(ids, at=next_week(work.now))
    return len(due)
