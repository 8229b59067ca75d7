"""Place a batch; a small workspace looks back on the way, at the very items that make it due.

So its first words are not lumped together until a job comes, and how words are cut into batches makes no difference.
A batch is told as a whole: what arrived is told where it is in the end, and hindsight only with what was there before.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

import structlog

from services.triage.grouping.engine import Engine, problem_sizes
from services.triage.grouping.items import Item, Moved, Placement
from services.triage.grouping.regroup import regroup

log = structlog.get_logger("place")
AT_ONCE = 1_000
"""Rows up to which looking back is part of a batch: it takes a tenth of a second. Above, a job does it meanwhile."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """Placements at the end of a batch, and what hindsight did on the way: `moved` is evidence that was there before.

    `before` says how many rows each problem had before hindsight moved any; `anew` are the arrived items that are now
    elsewhere than where they were placed.
    """

    placements: Sequence[Placement]
    looked: bool = False
    moved: Sequence[Moved] = ()
    before: Mapping[UUID, int] = field(default_factory=dict)
    anew: Sequence[UUID] = ()


def place(engine: Engine, items: Sequence[Item], *, looks: bool) -> Arrived:
    """Assign the items; with `looks`, look back whenever it is due and there is little evidence."""
    was = _places(engine) if looks and engine.window.count < AT_ONCE else {}
    sizes = dict(problem_sizes(engine)) if was else {}
    placements: list[Placement] = []
    looked = False
    while len(placements) < len(items):
        small = looks and engine.window.count < AT_ONCE
        step = max(1, engine.until_due()) if small else len(items)
        placements += engine.assign(items[len(placements) : len(placements) + step])
        if looks and engine.due() and engine.window.count <= AT_ONCE:
            looks = _look_back(engine)
            looked |= looks
    return _net(engine, placements, was, sizes) if looked else Arrived(placements)


def _look_back(engine: Engine) -> bool:
    """Whether it went well: words are placed all the same, and a job will try again."""
    try:
        plan = regroup(engine.snapshot())
    except Exception:
        log.exception("looking back failed")
        return False
    engine.apply(plan)
    return True


def _places(engine: Engine) -> dict[UUID, UUID | None]:
    window = engine.window
    return {key: window.problem_at(slot) for key, slot in zip(window.keys, window.slot.tolist(), strict=True)}


def _net(
    engine: Engine, placements: Sequence[Placement], was: Mapping[UUID, UUID | None], sizes: Mapping[UUID, int]
) -> Arrived:
    now = _places(engine)
    first = {one.key: one.problem for one in placements}
    first |= {key: one.problem for one in placements for key in one.pulled}
    moved = {key: Moved(key, before, now[key]) for key, before in was.items() if now[key] != before}
    split = {one.after for one in moved.values() if one.before is not None} - sizes.keys()
    opened = {now[one.key] for one in placements} - sizes.keys() - split - {None}
    openers = {one.problem: one.key for one in placements if one.opens and now[one.key] == one.problem}
    for one in placements:
        openers.setdefault(now[one.key], one.key)
    net: list[Placement] = []
    waiting: dict[UUID | None, list[UUID]] = {problem: [] for problem in opened}
    for key, one in moved.items():
        if one.after in opened:
            waiting[one.after].append(key)
    for one in placements:
        problem = now[one.key]
        opens = problem in opened and openers[problem] == one.key
        pulled = tuple(waiting.pop(problem)) if opens else ()
        if problem in waiting:
            waiting[problem].append(one.key)
        net.append(replace(one, problem=problem, opens=opens, pulled=pulled))
    arrived = Counter(now[one.key] for one in placements)
    return Arrived(
        placements=net,
        looked=True,
        moved=[one for one in moved.values() if one.after not in opened],
        before={problem: count + arrived[problem] for problem, count in sizes.items()},
        anew=[one.key for one in placements if now[one.key] != first[one.key]],
    )
