"""What looked like a problem is none: its evidence belongs to nothing, and so does what is like it."""

from uuid import UUID

from services.triage.store.work import TriageWork
from services.triage.use_cases.find_problem import find_living_problem, find_problem
from services.triage.use_cases.look_back import batched
from services.triage.use_cases.settle import settle
from services.triage.use_cases.split_problem import person_placed


async def dismiss_problem(problem_id: UUID, *, by: str, work: TriageWork) -> None:
    """It is kept as dismissed. Doing it again changes nothing. Raises NotFound, and Conflict for a merged problem."""
    await work.alone()
    if (await find_problem(problem_id, work)).status == "dismissed":
        return
    await find_living_problem(problem_id, work)
    evidence, corrections = await work.evidence(), await work.corrections()
    members, reason = await evidence.of_problem(problem_id), f"{by} said that it is not a problem"[:500]
    await corrections.leave_behind(problem_id)
    async with (await work.groups()).changing() as held:
        held.engine.dismiss(problem_id)
        await evidence.place(members, None, reason=reason, now=work.now)
    correction = await corrections.note("dismiss", source=problem_id, target=None, by=by, now=work.now)
    await corrections.link(members, must=None, cannot=problem_id, correction_id=correction)
    for some in batched(members):
        apart = work.in_workspace(work.workspace)
        for feedback_id in some:
            apart.record(person_placed(feedback_id, None, problem_id, reason))
    await (await work.voices()).recount([problem_id])
    await settle([problem_id], work, corrected=True)  # while it lives: that nothing is left of it is told
    await (await work.problems()).dismiss(problem_id)
