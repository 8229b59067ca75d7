"""Two problems are the same: everything belongs to one of them from now on."""

from collections.abc import Collection
from uuid import UUID

from contracts.problems import ProblemMerged
from libs.runtime.problems import Conflict, Invalid
from services.triage.domain import clarity_of
from services.triage.store.work import TriageWork
from services.triage.use_cases.answer_question import brief_changed
from services.triage.use_cases.find_problem import find_living_problem, find_problem
from services.triage.use_cases.settle import settle


async def merge_problems(problem_id: UUID, into: UUID, *, reason: str, by: str, work: TriageWork) -> None:
    """The survivor takes evidence, links, decisions, and the answers it lacks. Doing it again changes nothing.

    Raises NotFound, Invalid for a problem and itself, and Conflict when either was merged elsewhere or dismissed.
    """
    await work.alone()
    if problem_id == into:
        raise Invalid("a problem cannot be merged into itself; name another one in 'into'")
    gone, _ = await find_problem(problem_id, work), await find_living_problem(into, work)
    if gone.merged_into == into:
        return
    if gone.merged_into is not None:
        raise Conflict(f"problem {problem_id} was merged into {gone.merged_into} already; merge that one")
    await find_living_problem(problem_id, work)
    corrections = await work.corrections()
    await corrections.note("merge", source=problem_id, target=into, by=by, now=work.now)
    async with (await work.groups()).changing() as held:
        await fold(problem_id, into, by=by, reason=reason, work=work)
        held.engine.merge(problem_id, into)
        # Also what the engine does not have in memory, as its vectors are another embedder's until they are read anew.
        await (await work.evidence()).keep(into)
    await (await work.voices()).recount([problem_id, into])
    await settle([into], work, corrected=True)


async def fold(gone: UUID, into: UUID, *, by: str, reason: str, work: TriageWork, also: Collection[UUID] = ()) -> None:
    """All that one problem has is the other's, kept so that it can be taken back; `also` has left it already.

    The caller recounts and settles the problems.
    """
    corrections = await work.corrections()
    await corrections.leave_behind(gone, also)
    await (await work.evidence()).merge(gone, into)
    await (await work.problems()).merge(gone, into, now=work.now)
    await corrections.merge(gone, into)
    work.record(ProblemMerged(problem_id=gone, into=into, merged_by=by, reason=reason))
    briefs = await work.briefs()
    taken = await briefs.merge(gone, into)
    clarity = clarity_of(answer.assumption for answer in (await briefs.answers(into)).values())
    for answer in taken:
        work.record(brief_changed(into, answer, clarity))
