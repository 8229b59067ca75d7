"""Weigh problems by the objectives that they serve."""

from contracts.alignment import ObjectiveSet
from services.triage.store.work import TriageWork
from services.triage.use_cases.settle import settle


async def set_objective(event: ObjectiveSet, work: TriageWork) -> None:
    """The newest state of an objective counts, in whatever order its states arrive."""
    await work.alone()
    assert work.cause is not None
    envelope = work.cause.envelope
    business, problems = await work.business(), await work.problems()
    affected = await business.set_objective(event, sequence=envelope.sequence or 0, at=envelope.time)
    await settle({await problems.survivor_of(problem_id) for problem_id in affected}, work)
