"""What hindsight changed, as a person would say it: problems merged, problems split, and single moves. Pure."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.triage.grouping.items import Moved


@dataclass(frozen=True, slots=True)
class Merged:
    """All of `gone` that is in the window went elsewhere, most of it `into` this one; older evidence follows."""

    gone: UUID
    into: UUID


@dataclass(frozen=True, slots=True)
class Split:
    """A new problem, most of which was `old` before; None: it was unassigned."""

    old: UUID | None
    new: UUID
    keys: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """Every moved item is in exactly one of these, or went with a merge."""

    merged: tuple[Merged, ...]
    split: tuple[Split, ...]
    moved: tuple[Moved, ...]


def changes_of(moved: Sequence[Moved], before: Mapping[UUID, int]) -> Changes:
    """Sort moves into merges, splits and the rest; `before` says how many rows each problem had before them."""
    left: defaultdict[UUID, Counter[UUID]] = defaultdict(Counter)
    lost: Counter[UUID] = Counter()
    fresh: defaultdict[UUID, list[Moved]] = defaultdict(list)
    gained = {one.after for one in moved if one.after is not None}
    for one in moved:
        if one.before is not None:
            lost[one.before] += 1
            if one.after is not None:
                left[one.before][one.after] += 1
        if one.after is not None and one.after not in before:
            fresh[one.after].append(one)
    gone = {
        problem: left[problem].most_common(1)[0][0]
        for problem, count in lost.items()
        if count == before.get(problem) and left[problem] and problem not in gained
    }
    split = tuple(
        Split(Counter(one.before for one in ones).most_common(1)[0][0], new, tuple(one.key for one in ones))
        for new, ones in fresh.items()
    )
    rest = tuple(
        one
        for one in moved
        if one.after not in fresh and (one.before is None or one.before not in gone or gone[one.before] != one.after)
    )
    return Changes(tuple(Merged(problem, into) for problem, into in gone.items()), split, rest)
