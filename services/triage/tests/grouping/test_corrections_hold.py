"""What a person said holds: through ten thousand more items and every look back."""

import random
from uuid import UUID

from services.triage.grouping.engine import Engine, problem_sizes
from services.triage.grouping.items import Moved
from services.triage.grouping.regroup import regroup
from services.triage.tests.grouping.planted import fresh_engine, planted

_CORRECTIONS = 200


class Said:
    """Pairs that must be together, pairs that must be apart, and items that belong to nothing."""

    def __init__(self) -> None:
        self.together: list[tuple[UUID, UUID]] = []
        self.apart: list[tuple[UUID, UUID]] = []
        self.out: set[UUID] = set()
        self.placed: set[UUID] = set()

    def kept_apart(self, some: list[UUID], others: list[UUID]) -> bool:
        """Whether a person said that something of the one is not with something of the other."""
        pairs = {frozenset(pair) for pair in self.apart}
        return any(frozenset((a, b)) in pairs for a in some for b in others)

    def broken(self, engine: Engine) -> list[str]:
        problem = {row.key: row.problem for row in engine.rows()}
        wrong = [f"{a} not with {b}" for a, b in self.together if problem[a] is None or problem[a] != problem[b]]
        wrong += [f"{a} with {b}" for a, b in self.apart if problem[a] is not None and problem[a] == problem[b]]
        return wrong + [f"{key} in {problem[key]}" for key in self.out if problem[key] is not None]


def correct(engine: Engine, said: Said, chance: random.Random) -> None:
    """One correction of a random kind, on evidence that no correction has touched before."""
    members: dict[UUID, list[UUID]] = {}
    for row in engine.rows():
        if row.problem is not None:
            members.setdefault(row.problem, []).append(row.key)
    free = {one: [key for key in keys if key not in said.placed] for one, keys in members.items()}
    able = [one for one, keys in free.items() if len(keys) >= 4]
    one, other = chance.sample(able, 2)
    kind = chance.choices(["move", "split", "merge", "dismiss"], [12, 3, 1, 1])[0]
    if kind == "move":
        key, left, met = free[one][0], free[one][1], free[other][0]
        engine.move(key, other)
        engine.pin([left], one)
        said.together.append((key, met))
        engine.pin([met], other)
        said.apart.append((key, left))
        said.placed |= {key, left, met}
    elif kind == "split":
        listed, rest = free[one][:2], free[one][2:4]
        engine.split(listed, UUID(int=chance.getrandbits(100)), one)
        said.together.append((listed[0], listed[1]))
        said.apart += [(key, left) for key in listed for left in rest]
        said.placed |= {*listed, *rest}
    elif kind == "merge" and not said.kept_apart(members[one], members[other]):
        said.together += list(zip(free[one][:4], free[other][:4], strict=False))
        said.placed |= {*free[one][:4], *free[other][:4]}
        engine.merge(one, other)
    elif kind == "dismiss":
        keys = members[one]
        if said.placed.isdisjoint(keys):
            engine.dismiss(one)
            said.out |= set(keys)
            said.placed |= set(keys)


def test_two_hundred_corrections_hold_through_ten_thousand_items_and_three_looks_back():
    story = planted(14_000, topics=60, noise=0.05, seed=3)
    engine = fresh_engine()
    engine.assign(story.items[:4_000])
    engine.apply(regroup(engine.snapshot()))
    said, chance = Said(), random.Random(11)
    for _ in range(_CORRECTIONS):
        correct(engine, said, chance)
    assert said.broken(engine) == []
    pinned = {row.key: row.problem for row in engine.rows() if row.pinned}
    for start in range(4_000, 14_000, 3_334):
        engine.assign(story.items[start : start + 3_334])
        moved: list[Moved] = engine.apply(regroup(engine.snapshot()))
        assert not pinned.keys() & {one.key for one in moved}
        assert said.broken(engine) == []
    assert {row.key: row.problem for row in engine.rows(pinned)} == pinned
    assert len(problem_sizes(engine)) >= 40
