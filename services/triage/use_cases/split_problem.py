"""Some feedback of a problem is about something else: it becomes a problem of its own."""

from collections.abc import Sequence
from uuid import UUID

from uuid_utils.compat import uuid7

from contracts.problems import FeedbackTriaged, ProblemSplit
from libs.runtime.problems import Conflict, NotFound
from services.triage.grouping.portrait import Heard, draw, word_vectors
from services.triage.store.evidence import Stored
from services.triage.store.problems import NewProblem
from services.triage.store.work import TriageWork
from services.triage.use_cases.find_problem import find_living_problem
from services.triage.use_cases.settle import settle

_READ = 40
MOST = 900  # with everything else that a split says, they fit one atomic batch of 1,000 events


async def split_problem(problem_id: UUID, feedback_ids: Sequence[UUID], *, by: str, work: TriageWork) -> UUID:
    """The listed feedback belongs together, and apart from the rest; returns the new problem's id.

    Raises NotFound, or Conflict when some of it is not in this problem, or nothing would be left of it.
    """
    await work.alone()
    head = await find_living_problem(problem_id, work)
    members = await _members(problem_id, feedback_ids, head.standing.sums.reports, work)
    evidence = await work.evidence()
    new, statement, stated_by = UUID(str(uuid7())), *_statement(members, head.statement)
    await (await work.problems()).open([NewProblem(new, statement, stated_by)], now=work.now)
    reason = f"split from another problem by {by}"[:500]
    async with (await work.groups()).changing() as held:
        held.engine.split(list(members), new, problem_id)
        await evidence.place(list(members), new, reason=reason, now=work.now)
        await evidence.keep(problem_id)
    corrections = await work.corrections()
    correction = await corrections.note("split", source=problem_id, target=new, by=by, now=work.now)
    await corrections.link(list(members), must=new, cannot=problem_id, correction_id=correction)
    await corrections.keep_apart(problem_id, new, correction_id=correction)
    work.record(
        ProblemSplit(
            problem_id=problem_id,
            new_problem_id=new,
            statement=statement,
            feedback_ids=tuple(members),
            split_by=by,
        )
    )
    for feedback_id in members:
        work.record(person_placed(feedback_id, new, problem_id, reason))
    await (await work.voices()).recount([problem_id, new])
    await settle([problem_id, new], work, corrected=True)
    return new


async def _members(
    problem_id: UUID, feedback_ids: Sequence[UUID], reports: int, work: TriageWork
) -> dict[UUID, Stored]:
    wanted = list(dict.fromkeys(feedback_ids))
    found = await (await work.evidence()).find(wanted)
    for feedback_id in wanted:
        if feedback_id not in found:
            raise NotFound("feedback", feedback_id)
    elsewhere = [str(feedback_id) for feedback_id in wanted if found[feedback_id].problem_id != problem_id]
    if elsewhere:
        raise Conflict(f"not in this problem: {', '.join(elsewhere[:5])}; list only feedback that is")
    if len(wanted) >= reports:
        raise Conflict("nothing would be left of this problem; leave out what it is really about")
    return {feedback_id: found[feedback_id] for feedback_id in wanted}


def _statement(members: dict[UUID, Stored], fallback: str) -> tuple[str, UUID]:
    heard = [Heard(one.feedback_id, one.text, one.voice, one.named) for one in list(members.values())[:_READ]]
    drawn = draw(heard, word_vectors([one.text for one in heard]), {}, 0)
    return (drawn.statement, drawn.stated_by) if drawn else (fallback, next(iter(members)))


def person_placed(feedback_id: UUID, to: UUID | None, previous: UUID | None, reason: str) -> FeedbackTriaged:
    """What is said when a person says where feedback belongs."""
    return FeedbackTriaged(
        feedback_id=feedback_id,
        problem_id=to,
        score=1.0,
        reason=reason,
        algorithm="person",
        assigned_by="person",
        previous_problem_id=previous,
    )
