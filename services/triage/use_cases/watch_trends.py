"""Tell when a problem is reported more than its own past explains: once, when that begins."""

from uuid import UUID

from contracts.problems import ProblemSurged
from services.triage.domain.onset import Look, look, surging
from services.triage.store.problems import Head
from services.triage.store.trends import past_of
from services.triage.store.work import TriageWork

_AT_ONCE = 100


async def watch_trends(work: TriageWork) -> int:
    """Look at what is due, each problem once a day while people report it; returns how many were looked at."""
    trends = await work.trends()
    due = await trends.claim(now=work.now, most=_AT_ONCE)
    heads = await (await work.problems()).heads(due)
    for problem_id in due:
        head = heads.get(problem_id)
        if head is not None and head.living:
            await _watch(problem_id, head, work)
    return len(due)


async def _watch(problem_id: UUID, head: Head, work: TriageWork) -> None:
    trends = await work.trends()
    weekly = await trends.weekly(problem_id, now=work.now)
    seen = look(weekly[0], past_of(weekly, head.first_seen, work.now))
    since = (await trends.find(problem_id)).surging_since
    stands = surging(seen, since is not None)
    await trends.keep(problem_id, seen, (since or work.now) if stands else None, now=work.now)
    if stands and since is None:
        work.record(surged(problem_id, head.statement, seen))


def surged(problem_id: UUID, statement: str, seen: Look) -> ProblemSurged:
    """What is said of an onset; a look that found one knows its odds."""
    return ProblemSurged(
        problem_id=problem_id,
        statement=statement,
        voices=seen.voices,
        expected=round(seen.expected or 0.0, 2),
        weeks=seen.weeks,
        probability=seen.probability or 0.0,
    )
