"""What a look back changed was wrong: every piece of evidence goes back to where it was."""

from collections import defaultdict
from uuid import UUID

from libs.runtime.problems import NotFound
from services.triage.grouping.items import Moved
from services.triage.store.groups import Held
from services.triage.store.regroupings import Regrouping
from services.triage.store.work import TriageWork
from services.triage.use_cases.look_back import batched, recount
from services.triage.use_cases.split_problem import person_placed
from services.triage.use_cases.unmerge_problem import revive


async def undo_regrouping(regrouping_id: UUID, *, by: str, work: TriageWork) -> int:
    """Take a look back back; returns how many pieces of evidence moved. Doing it again changes nothing.

    It is a correction: what went back stays there through every later look back. What was moved since is left alone.
    Raises NotFound.
    """
    await work.alone()
    regroupings = await work.regroupings()
    found = await regroupings.find(regrouping_id)
    if found is None:
        raise NotFound("regrouping", regrouping_id)
    if found.undone_at is not None:
        return 0
    await (await work.corrections()).note("undo", source=None, target=None, by=by, now=work.now)
    touched: set[UUID] = set()
    async with (await work.groups()).changing() as held:
        moved = await regroupings.untouched(regrouping_id)
        touched |= await _revive_merged(found, held, by=by, work=work)
        touched |= await _put_back(moved, held, by=by, work=work)
    await regroupings.undone(regrouping_id, by=by, now=work.now)
    await recount(touched, work)
    return len(moved)


async def _revive_merged(found: Regrouping, held: Held, *, by: str, work: TriageWork) -> set[UUID]:
    """Bring back what that look merged; what was taken back and merged again since is another merge."""
    became = (await (await work.regroupings()).became([found.regrouping_id]))[found.regrouping_id]
    heads = await (await work.problems()).heads([one.problem_id for one in became if one.kind == "merged"])
    touched: set[UUID] = set()
    for head in heads.values():
        if head.merged_into is not None and head.merged_at == found.at:
            touched |= await revive(head, held, by=by, work=work)
    return touched


async def _put_back(moved: list[Moved], held: Held, *, by: str, work: TriageWork) -> set[UUID]:
    """What can go back to where it was, each place at once: not to a problem that was dismissed since."""
    evidence, corrections = await work.evidence(), await work.corrections()
    gone = await (await work.problems()).gone({one.before for one in moved if one.before})
    now_at = await evidence.find([one.key for one in moved])
    reason = f"{by} took a look back back"[:500]
    places: defaultdict[UUID | None, list[Moved]] = defaultdict(list)
    for one in moved:
        home = gone.get(one.before, one.before) if one.before else None
        lost = one.before is not None and home is None
        if not lost and one.key in now_at and now_at[one.key].problem_id != home:
            places[home].append(one)
    for home, ones in places.items():
        keys = [one.key for one in ones]
        held.engine.pin(keys, home)
        await evidence.place(keys, home, reason=reason, now=work.now)
        correction = await corrections.note("move", source=None, target=home, by=by, now=work.now)
        await corrections.link(keys, must=home, cannot=None, correction_id=correction)
        for some in batched(keys):
            apart = work.in_workspace(work.workspace)
            for key in some:
                apart.record(person_placed(key, home, now_at[key].problem_id, reason))
    touched = {*places, *(now_at[one.key].problem_id for ones in places.values() for one in ones)}
    return {problem for problem in touched if problem is not None}
