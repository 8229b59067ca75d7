"""One piece of feedback belongs to another problem, or to none."""

from uuid import UUID

from contracts.problems import ProblemGrew
from libs.runtime.problems import NotFound
from services.triage.store.work import TriageWork
from services.triage.use_cases.find_problem import find_living_problem, find_problem
from services.triage.use_cases.settle import settle
from services.triage.use_cases.split_problem import person_placed

_HELD = 16


async def move_feedback(feedback_id: UUID, to: UUID | None, *, by: str, work: TriageWork) -> None:
    """It stays where a person puts it, and what is nearly the same follows. Doing it again changes nothing.

    Raises NotFound for feedback or a problem that is not here, and Conflict for one that was merged or dismissed.
    """
    await work.alone()
    evidence = await work.evidence()
    stored = (await evidence.find([feedback_id])).get(feedback_id)
    if stored is None:
        raise NotFound("feedback", feedback_id)
    if to is not None:
        await find_living_problem(to, work)
    if stored.problem_id == to and stored.assigned_by == "person":
        return
    previous, reason = stored.problem_id, f"placed by {by}"[:500]
    async with (await work.groups()).changing() as held:
        known = feedback_id in held.engine.window.row_of
        held.engine.move(feedback_id, to)
        await evidence.place([feedback_id], to, reason=reason, now=work.now)
        if not known and previous is not None and previous != to:
            # It is old, or has another embedder's vector: the engine cannot say what is most central where it was.
            held.engine.pin(await evidence.hold(previous, most=_HELD), previous)
    corrections = await work.corrections()
    correction = await corrections.note("move", source=previous, target=to, by=by, now=work.now)
    await corrections.link([feedback_id], must=to, cannot=previous, correction_id=correction)
    work.record(person_placed(feedback_id, to, previous, reason))
    if previous == to:
        return
    touched = [problem_id for problem_id in (previous, to) if problem_id is not None]
    await (await work.voices()).recount(touched)
    await settle(touched, work, corrected=True)
    if to is not None:
        await _tell_growth(feedback_id, to, work)


async def _tell_growth(feedback_id: UUID, problem_id: UUID, work: TriageWork) -> None:
    head = await find_problem(problem_id, work)
    work.record(
        ProblemGrew(
            problem_id=problem_id,
            feedback_id=feedback_id,
            reports=head.standing.sums.reports,
            customers=head.standing.sums.customers,
            statement=head.statement,
        )
    )
