"""Look at all of a workspace's evidence with hindsight: merges, splits and moves, logged so that they can be undone.

Three steps, so that what arrives meanwhile waits for none but the last: `look_back` takes a copy of what the engine
knows, `regroup` thinks about it without any lock, and `take_over` applies what it found to what has not changed since.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar
from uuid import UUID

from contracts.problems import FeedbackTriaged, ProblemOpened, ProblemSplit
from services.triage.domain import first_statement
from services.triage.grouping.changes import Changes, Merged, changes_of
from services.triage.grouping.engine import VERSION, problem_sizes
from services.triage.grouping.items import Moved
from services.triage.grouping.likeness import likeness
from services.triage.grouping.regroup import Plan, Snapshot
from services.triage.store.evidence import Place
from services.triage.store.groups import Held
from services.triage.store.problems import NewProblem
from services.triage.store.regroupings import Became
from services.triage.store.work import TriageWork
from services.triage.use_cases.merge_problems import fold
from services.triage.use_cases.settle import settle

HINDSIGHT = "hindsight"
_AT_ONCE = 900  # what is said at once fits one atomic batch of 1,000 events
_SETTLED_AT_ONCE = 200
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Look:
    """A copy of what is known, by whose vectors, and who asked for it ("" when nobody did)."""

    snapshot: Snapshot
    embedder: str
    by: str


async def look_back(work: TriageWork) -> Look | None:
    """Claim the look back that is due, if any."""
    await work.alone()
    by = await (await work.looks()).claim(now=work.now)
    return None if by is None else await look(work, by)


async def look(work: TriageWork, by: str = "") -> Look:
    """A copy of what the workspace's engine knows now."""
    await work.alone()
    async with (await work.groups()).changing() as held:
        return Look(await asyncio.to_thread(held.engine.snapshot), held.embedder.version, by)


async def take_over(look: Look, plan: Plan, work: TriageWork) -> UUID | None:
    """Apply what hindsight found, and tell it; returns the id it is logged under, None when nothing changed.

    What a person placed, or what was erased, since the look stays as it is. A look that was overtaken by a newer one,
    or by another embedder, changes nothing; if a person asked for it, it is due again.
    """
    await work.alone()
    groups, looks = await work.groups(), await work.looks()
    async with groups.changing() as held:
        if held.embedder.version != look.embedder or held.engine.looked_at > plan.seen:
            await (looks.again(now=work.now) if look.by else looks.done(by=""))
            return None
        await looks.done(by=look.by)
        settled = await groups.settled(held.settled_before) if held.settled_before and not look.by else set()
        plan = replace(plan, belongs=await _possible(plan.belongs, settled, work))
        before = problem_sizes(held.engine)
        moved = await asyncio.to_thread(held.engine.apply, plan)
        held.whole = True
        return await keep_hindsight(moved, before, held, work, by=look.by) if moved else None


async def keep_hindsight(
    moved: Sequence[Moved], before: Mapping[UUID, int], held: Held, work: TriageWork, *, by: str = ""
) -> UUID:
    """Store, tell and log what hindsight moved in the engine; `before` says how many rows each problem had."""
    changes = await _permitted(changes_of(moved, before), moved, work)
    await _keep(changes, moved, held, work)
    became = [Became("merged", one.gone, one.into) for one in changes.merged]
    became += [Became("split" if one.old else "opened", one.new, one.old) for one in changes.split]
    by, algorithm = by or HINDSIGHT, f"{VERSION}+{held.embedder.version}"
    identity = await (await work.regroupings()).note(moved, became, by=by, algorithm=algorithm, now=work.now)
    await recount({problem for one in moved for problem in (one.before, one.after) if problem}, work)
    return identity


async def _possible(
    belongs: Mapping[UUID, UUID | None], settled: set[UUID], work: TriageWork
) -> dict[UUID, UUID | None]:
    """The plan without what is settled; a problem that was merged since is its survivor, a dismissed one is nobody's.

    Evidence that the plan would put into a problem that is gone for good stays where it is.
    """
    gone = await (await work.problems()).gone({to for to in belongs.values() if to is not None})
    lost = {problem for problem, survivor in gone.items() if survivor is None}
    return {
        key: gone.get(to, to) if to is not None else None
        for key, to in belongs.items()
        if key not in settled and to not in lost
    }


def difference(look: Look, plan: Plan) -> Changes:
    """What taking over the plan would change now."""
    snapshot = look.snapshot
    problems = [snapshot.problems[slot] if slot >= 0 else None for slot in snapshot.slot.tolist()]
    moved = [
        Moved(key, before, plan.belongs[key])
        for key, before, pinned in zip(snapshot.keys, problems, snapshot.pinned.tolist(), strict=True)
        if not pinned and key in plan.belongs and plan.belongs[key] != before
    ]
    sizes: dict[UUID, int] = {}
    for problem in problems:
        if problem is not None:
            sizes[problem] = sizes.get(problem, 0) + 1
    return changes_of(moved, sizes)


async def recount(problem_ids: set[UUID], work: TriageWork) -> None:
    """Bring the numbers of problems up to date whose evidence moved, and tell them."""
    await (await work.voices()).recount(problem_ids)
    for some in batched(sorted(problem_ids), _SETTLED_AT_ONCE):
        await settle(some, work.in_workspace(work.workspace), corrected=True)


def batched(items: Sequence[T], size: int = _AT_ONCE) -> Iterator[list[T]]:
    iterator = iter(items)
    while some := list(islice(iterator, size)):
        yield some


async def _permitted(changes: Changes, moved: Sequence[Moved], work: TriageWork) -> Changes:
    """Without merges of what persons placed evidence in, or of problems that are gone: there, items move only.

    And without splits into a problem that had merely lost all of its evidence.
    """
    evidence, problems = await work.evidence(), await work.problems()
    heads = await problems.heads({problem for one in changes.merged for problem in (one.gone, one.into)})
    missing = await problems.missing([one.new for one in changes.split])
    merged: list[Merged] = []
    rest = [*changes.moved, *(move for move in moved if move.after in {one.new for one in changes.split} - missing)]
    for one in changes.merged:
        alive = [problem in heads and heads[problem].living for problem in (one.gone, one.into)]
        if all(alive) and not await evidence.has_pinned(one.gone):
            merged.append(one)
        else:
            rest += [move for move in moved if (move.before, move.after) == (one.gone, one.into)]
    return Changes(tuple(merged), tuple(one for one in changes.split if one.new in missing), tuple(rest))


async def _keep(changes: Changes, moved: Sequence[Moved], held: Held, work: TriageWork) -> None:
    previous = {one.key: one.before for one in moved}
    said: list[ProblemOpened | ProblemSplit] = await _open(changes, previous, work)
    for event in said:
        work.in_workspace(work.workspace).record(event)
    to: dict[UUID, UUID | None] = {one.key: one.after for one in changes.moved}
    to |= {key: one.new for one in changes.split for key in one.keys}
    places = await asyncio.to_thread(places_in_hindsight, to, held)
    await (await work.evidence()).put(places, now=work.now)
    for one in changes.merged:
        also = [move.key for move in moved if move.before == one.gone]
        apart = work.in_workspace(work.workspace)
        await fold(one.gone, one.into, by=HINDSIGHT, reason="with hindsight they are one", work=apart, also=also)
    for some in batched(list(places.items())):
        apart = work.in_workspace(work.workspace)
        for key, place in some:
            apart.record(_triaged(key, place, previous[key]))


async def _open(
    changes: Changes, previous: Mapping[UUID, UUID | None], work: TriageWork
) -> list[ProblemOpened | ProblemSplit]:
    """Store the problems that are new, and what to say of them."""
    first = await (await work.evidence()).find([one.keys[0] for one in changes.split])
    new, said = [], []
    for one in changes.split:
        statement = first_statement(first[one.keys[0]].text)
        new.append(NewProblem(one.new, statement, one.keys[0]))
        if one.old is None:
            said.append(ProblemOpened(problem_id=one.new, statement=statement, first_feedback_id=one.keys[0]))
            continue
        said.append(
            ProblemSplit(
                problem_id=one.old,
                new_problem_id=one.new,
                statement=statement,
                feedback_ids=tuple(key for key in one.keys if previous[key] == one.old)[:_AT_ONCE],
                split_by=HINDSIGHT,
            )
        )
    if new:
        await (await work.problems()).open(new, now=work.now)
    return said


def places_in_hindsight(to: Mapping[UUID, UUID | None], held: Held) -> dict[UUID, Place]:
    """Why evidence is where hindsight put it."""
    like, algorithm = likeness(held.engine, list(to)), f"{VERSION}+{held.embedder.version}"
    return {key: Place(problem, like[key], _reason(problem, like[key]), algorithm) for key, problem in to.items()}


def _reason(problem: UUID | None, like: float) -> str:
    if problem is None:
        return "with hindsight nothing is like it enough"
    return f"with hindsight most of what is like it is here ({like:.2f} to the middle of it)"


def _triaged(key: UUID, place: Place, previous: UUID | None) -> FeedbackTriaged:
    return FeedbackTriaged(
        feedback_id=key,
        problem_id=place.problem_id,
        score=place.score,
        reason=place.reason,
        algorithm=place.algorithm,
        assigned_by="engine",
        previous_problem_id=previous,
    )
