"""A merge was wrong: the merged problem lives again, with exactly the evidence it had."""

from uuid import UUID

from contracts.problems import ProblemUnmerged
from libs.runtime.problems import Conflict
from services.triage.store.groups import Held
from services.triage.store.problems import Head
from services.triage.store.work import TriageWork
from services.triage.use_cases.find_problem import find_problem
from services.triage.use_cases.look_back import batched, recount
from services.triage.use_cases.split_problem import person_placed


async def unmerge_problem(problem_id: UUID, *, by: str, work: TriageWork) -> UUID:
    """Take a merge back, a person's or hindsight's; returns the problem that it is apart from again.

    What a person has placed elsewhere since stays there, and what the survivor got since stays with it. The two stay
    apart from now on. Raises NotFound, and Conflict for a problem that is not merged.
    """
    await work.alone()
    head = await find_problem(problem_id, work)
    if head.merged_into is None:
        raise Conflict(f"problem {problem_id} is not merged: there is nothing to take back")
    async with (await work.groups()).changing() as held:
        touched = await revive(head, held, by=by, work=work)
    await recount(touched, work)
    return head.merged_into


async def revive(head: Head, held: Held, *, by: str, work: TriageWork) -> set[UUID]:
    """Bring a merged problem back, and tell it; returns the problems that the caller must recount."""
    assert head.merged_into is not None
    assert head.merged_at is not None
    problem_id, survivor = head.problem_id, head.merged_into
    evidence, corrections = await work.evidence(), await work.corrections()
    back = await corrections.left_behind(problem_id, since=head.merged_at)
    stored = await evidence.find(back)
    reason = f"{by} took a merge back"[:500]
    correction = await corrections.note("unmerge", source=survivor, target=problem_id, by=by, now=work.now)
    await (await work.problems()).unmerge(problem_id)
    held.engine.split(list(stored), problem_id, survivor)
    await evidence.place(list(stored), problem_id, reason=reason, now=work.now)
    await evidence.keep(survivor)
    await corrections.take_back(problem_id)
    await corrections.link(list(stored), must=problem_id, cannot=survivor, correction_id=correction)
    await corrections.keep_apart(survivor, problem_id, correction_id=correction)
    unmerged = ProblemUnmerged(
        problem_id=problem_id, unmerged_from=survivor, statement=head.statement, unmerged_by=by[:500]
    )
    work.record(unmerged)
    for some in batched(list(stored.values())):
        apart = work.in_workspace(work.workspace)
        for one in some:
            apart.record(person_placed(one.feedback_id, problem_id, one.problem_id, reason))
    return {problem_id, survivor, *(one.problem_id for one in stored.values() if one.problem_id)}
