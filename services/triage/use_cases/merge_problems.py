"""Two problems are the same: everything belongs to one of them from now on."""

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

    Raises NotFound, Invalid for a problem and itself, and Conflict when either was merged into something else.
    """
    await work.alone()
    if problem_id == into:
        raise Invalid("a problem cannot be merged into itself; name another one in 'into'")
    gone, _ = await find_problem(problem_id, work), await find_living_problem(into, work)
    if gone.merged_into == into:
        return
    if gone.merged_into is not None:
        raise Conflict(f"problem {problem_id} was merged into {gone.merged_into} already; merge that one")
    await (await work.evidence()).merge(problem_id, into)
    await (await work.problems()).merge(problem_id, into)
    corrections = await work.corrections()
    await corrections.note("merge", source=problem_id, target=into, by=by, now=work.now)
    await corrections.merge(problem_id, into)
    work.record(ProblemMerged(problem_id=problem_id, into=into, merged_by=by, reason=reason))
    briefs = await work.briefs()
    taken = await briefs.merge(problem_id, into)
    clarity = clarity_of(answer.assumption for answer in (await briefs.answers(into)).values())
    for answer in taken:
        work.record(brief_changed(into, answer, clarity))
    await (await work.voices()).recount([problem_id, into])
    await settle([into], work, corrected=True)
