"""The grouping engine: one workspace's evidence and problems in memory. Pure: no I/O, no clock, no randomness.

Online, an item goes where its nearest evidence is: the ten nearest rows vote, the nearest with the most weight. An item
that is near nothing stays unassigned until it has company. In the background `regroup` looks at all of the window with
hindsight; `apply` takes over what it found. What a person placed is pinned: it votes for more, and never moves.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from math import ceil
from typing import cast
from uuid import UUID

import numpy as np

from services.triage.grouping.centring import Centring
from services.triage.grouping.index import TAKEN_AT, Found, Index
from services.triage.grouping.items import EngineState, Item, Moved, Placement, Row
from services.triage.grouping.neighbours import Ints
from services.triage.grouping.regroup import Plan, Snapshot
from services.triage.grouping.votes import Vote, count_votes
from services.triage.grouping.window import NONE, Floats, Window, kept_trust, rows_of

VERSION = "neighbours-1"
WINDOW = 24_576
"""Rows in memory at a look back; then the oldest leave, each problem keeping its newest `KEPT` at least."""
KEPT = 32
_NEAREST_SHOWN = 3
_ANCHORS = 16
_LATEST = 1.5
NEWEST = WINDOW // 8
"""Rows that never leave when room is made, so that whoever placed a batch of so many finds it there."""
_NOWHERE = -2
_RESTORED_AT_ONCE = 4_096
_FIRST_LOOK = 8
_GROWTH = 0.10


class Engine:
    """One workspace's grouping. Not safe for several threads; `regroup` of a snapshot may run in another one.

    `new_problem` gives the id of a problem that the item with the given key opens; it must be the same for the same key
    if a replay is to give the same ids.
    """

    def __init__(self, dimensions: int, *, new_problem: Callable[[UUID], UUID], multilingual: bool = False) -> None:
        self.window = Window(dimensions)
        self.seen = 0
        self.looked_at = 0
        self._new_problem = new_problem
        self._centring = Centring(dimensions, multilingual=multilingual)
        self._index = Index(self.window)
        self._trust = b""

    # Arrival

    def assign(self, items: Sequence[Item]) -> list[Placement]:
        """Place items in order, each knowing those before it; what is placed is known to the next call.

        The result does not depend on how the items are cut into calls. Raises ValueError for an item that is known
        already, or given twice.
        """
        keys = [item.key for item in items]
        if len(set(keys)) < len(keys) or not self.window.row_of.keys().isdisjoint(keys):
            raise ValueError("an item is known already or was given twice; an item is placed once")
        placed: list[Placement] = []
        while len(placed) < len(items):
            # In steps in which the index takes rows in, so that calls of any length find it as it would be found.
            step = TAKEN_AT - self.window.count % TAKEN_AT
            placed += self._assign(items[len(placed) : len(placed) + step])
        return placed

    def _assign(self, items: Sequence[Item]) -> list[Placement]:
        vectors = np.stack([item.vector for item in items]).astype(np.float32)
        raw = (vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)).astype(np.float16)
        language = self._centring.codes([item.language for item in items])
        unit = self._centring.centred(raw, language)
        first = self.window.append([item.key for item in items], raw, unit, language)
        placed = self._place(unit, self._index.nearest(unit, first), first)
        self.window.arrived_in[first:] = [one.problem for one in placed]
        self.seen += len(items)
        if self.window.count > _LATEST * WINDOW:  # nobody looks back: memory is bounded all the same
            self._fold()
            self._refresh()
        self._index.take()
        return placed

    def _place(self, unit: Floats, found: Found, first: int) -> list[Placement]:
        """Each item in order, by the votes of neighbours that were placed before it."""
        window = self.window
        newest = found.rows.max(axis=1, initial=NONE) - first  # the neighbour that has to be placed before the count
        votes: list[Vote | None] = [None] * len(unit)
        shown = zip(found.rows[:, :_NEAREST_SHOWN].tolist(), found.similarity[:, :_NEAREST_SHOWN].tolist(), strict=True)
        placed = []
        for offset, (near, similarity) in enumerate(shown):
            if votes[offset] is None:
                ready = [o for o in range(offset, len(unit)) if votes[o] is None and newest[o] < offset]
                for place, vote in zip(ready, self._count(unit, found, first, ready), strict=True):
                    votes[place] = vote
            vote = cast(Vote, votes[offset])
            slot, opens, pulled = vote.slot, False, ()
            if vote.company is not None:
                company = found.rows[offset, vote.company]
                slot, pulled = self._open(first + offset, company)
                opens = slot >= 0
                for place in np.flatnonzero(np.isin(found.rows, company).any(axis=1)).tolist():
                    votes[place] = None  # what they were counted by belongs elsewhere now
            window.slot[first + offset] = slot
            known = [row for row in near if row >= 0]
            placed.append(
                Placement(
                    window.keys[first + offset],
                    window.problem_at(slot),
                    opens,
                    vote.score,
                    vote.margin,
                    vote.confidence if slot >= 0 else None,
                    tuple(window.keys[row] for row in known),
                    tuple(similarity[: len(known)]),
                    pulled,
                )
            )
        return placed

    def _count(self, unit: Floats, found: Found, first: int, offsets: list[int]) -> Iterator[Vote]:
        part = found.part(offsets)
        slots = self.window.slot[part.rows]
        likeness = self._index.to_problems(unit[offsets], slots, part.similarity)
        seen = round(self._centring.different) + self.seen - self.looked_at + 1
        known = [min(first, seen) + offset for offset in offsets]
        pinned, trust = self.window.pinned[part.rows], self.window.trust[part.rows]
        return count_votes(slots, part, pinned, likeness, known, trust=trust).each()

    def _open(self, row: int, company: Ints) -> tuple[int, tuple[UUID, ...]]:
        """A new problem of an item and the unassigned ones like it; none where a person left one of them alone."""
        if self.window.pinned[company].any():
            return NONE, ()
        slot = self.window.slot_for(self._new_problem(self.window.keys[row]))
        self._index.move(company, slot)
        return slot, tuple(self.window.keys[other] for other in company.tolist())

    # Hindsight

    def due(self) -> bool:
        """Whether it is time to look back."""
        return self.until_due() == 0

    def until_due(self) -> int:
        """How many more items until it is time to look back: after a tenth of what was seen, and eight at least."""
        return max(0, self._growth() - (self.seen - self.looked_at))

    def _growth(self) -> int:
        return max(_FIRST_LOOK, ceil(min(_GROWTH * self.seen, WINDOW / 2)))

    def snapshot(self) -> Snapshot:
        """All that `regroup` needs, as copies: the engine may go on meanwhile."""
        window = self.window
        slots, problems = window.canonical()
        slot_of = {problem: slot for slot, problem in enumerate(problems)}
        centring = self._centring.learned(window.raw, window.language, window.slot, window.original)
        return Snapshot(
            seen=self.seen,
            keys=tuple(window.keys),
            unit=centring.centred(window.raw, window.language),
            slot=slots,
            arrived_in=np.array([slot_of.get(one, NONE) if one else NONE for one in window.arrived_in], np.int32),
            pinned=window.pinned.copy(),
            original=window.original.copy(),
            problems=problems,
            centring=centring,
        )

    def apply(self, plan: Plan) -> list[Moved]:
        """Take over what hindsight found, but for items that a person placed, or that left, in the meantime."""
        window = self.window
        moved = []
        for key, problem in plan.belongs.items():
            row = window.row_of.get(key)
            if row is None or window.pinned[row]:
                continue
            before = window.problem_at(int(window.slot[row]))
            if before != problem:
                window.slot[row] = window.slot_for(problem)
                moved.append(Moved(key, before, problem))
        self._trust = kept_trust(plan.trust)
        window.trust_these(self._trust)
        self.looked_at = plan.seen
        self._centring = plan.centring
        window.recentre(self._centring.centred(window.raw, window.language))
        self._fold()
        self._index = Index(window)
        self._index.take()
        return moved

    def _fold(self) -> None:
        """Let the oldest evidence leave, so that the window is not more than full when it is time to look back.

        Its problem keeps it by name, and its newest rows speak for it.
        """
        window = self.window
        spare = window.count + self._growth() - WINDOW
        if spare <= 0:
            return
        from_newest = np.zeros(window.count, np.int64)
        order = np.argsort(window.slot, kind="stable")
        starts = np.flatnonzero(np.r_[True, np.diff(window.slot[order]) != 0])
        sizes = np.diff(np.r_[starts, window.count])
        from_newest[order] = np.repeat(sizes, sizes) - 1 - (np.arange(window.count) - np.repeat(starts, sizes))
        may = np.flatnonzero((from_newest >= KEPT) | (window.slot == NONE))
        window.drop(may[may < window.count - NEWEST][:spare])

    # Corrections

    def move(self, key: UUID, to: UUID | None) -> None:
        """A person placed one item, in a problem or in none: it stays, what is like it follows, and where it was stays
        another problem.
        """
        row = self.window.row_of.get(key)
        if row is None:
            return
        before = int(self.window.slot[row])
        if before >= 0 and self.window.problem_at(before) != to:
            self._anchor(before, row)
        self.pin([key], to)

    def pin(self, keys: Collection[UUID], problem: UUID | None) -> None:
        """A person placed these together: they stay so."""
        rows = rows_of(self.window, keys)
        self.window.slot[rows] = self.window.slot_for(problem)
        self.window.pinned[rows] = True
        self._refresh()

    def split(self, keys: Collection[UUID], new: UUID, old: UUID) -> None:
        """A person said that these are another problem: neither they nor the rest of the old one go back."""
        self.window.pinned[self.window.slot == self.window.slot_of.get(old, _NOWHERE)] = True
        self.pin(keys, new)

    def merge(self, gone: UUID, into: UUID) -> None:
        """A person said that two problems are one: their evidence stays together."""
        window = self.window
        for problem in (gone, into):
            window.pinned[window.slot == window.slot_of.get(problem, _NOWHERE)] = True
        window.rename(gone, into)
        self._refresh()

    def dismiss(self, problem: UUID) -> None:
        """A person said that this is not a problem: its evidence, and what is like it, belongs to none."""
        rows = np.flatnonzero(self.window.slot == self.window.slot_of.get(problem, _NOWHERE))
        self.pin([self.window.keys[row] for row in rows.tolist()], None)

    def forget(self, keys: Collection[UUID]) -> None:
        """These words are erased."""
        rows = rows_of(self.window, keys)
        if len(rows):
            self.window.drop(rows)
            self._refresh()

    def _anchor(self, slot: int, leaving: int) -> None:
        """Hold the most central rows of a problem, so that it cannot follow what a person took out of it."""
        rows = np.flatnonzero(self.window.slot == slot)
        rows = rows[rows != leaving]
        centre = self.window.unit[rows].sum(axis=0)
        central = rows[np.argsort(-(self.window.unit[rows] @ centre), kind="stable")[:_ANCHORS]]
        self.window.pinned[central] = True

    def _refresh(self) -> None:
        self._index = Index(self.window)
        self._index.take()

    # Keeping

    def state(self) -> EngineState:
        """What must be kept beside the rows for `restore`."""
        centring = self._centring
        languages = tuple(centring.languages)
        return EngineState(
            self.seen, self.looked_at, centring.different, centring.taken.tobytes(), languages, self._trust
        )

    def restore(self, state: EngineState, rows: Iterable[Row]) -> None:
        """Be again as an engine was: `rows` are those of its window, in their order. Call on a new engine."""
        self.seen, self.looked_at = state.seen, state.looked_at
        self._centring.different = state.different
        if state.taken:
            self._centring.taken = np.frombuffer(state.taken, np.float32).reshape(-1, *self._centring.taken.shape[1:])
        self._centring.languages = list(state.languages)
        for some in batched(rows, _RESTORED_AT_ONCE):
            raw = np.stack([np.frombuffer(row.vector, np.float16) for row in some])
            language = self._centring.codes([row.language for row in some])
            unit = self._centring.centred(raw, language)
            first = self.window.append([row.key for row in some], raw, unit, language)
            self.window.slot[first:] = [self.window.slot_for(row.problem) for row in some]
            self.window.pinned[first:] = [row.pinned for row in some]
            self.window.arrived_in[first:] = [row.arrived_in for row in some]
        self._trust = state.trust
        self.window.trust_these(self._trust)
        self._refresh()

    def rows(self, keys: Iterable[UUID] | None = None) -> list[Row]:
        """The window's rows, or those of `keys` that it still has, as they are to be kept."""
        window = self.window
        places = range(window.count) if keys is None else rows_of(window, keys).tolist()
        return [
            Row(
                window.keys[row],
                window.raw[row].tobytes(),
                self._centring.language_of(int(window.language[row])),
                window.problem_at(int(window.slot[row])),
                bool(window.pinned[row]),
                window.arrived_in[row],
            )
            for row in places
        ]


def batched(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """Lists of up to `size` rows."""
    iterator = iter(rows)
    while some := list(islice(iterator, size)):
        yield some


def problem_sizes(engine: Engine) -> Mapping[UUID, int]:
    """How many rows of the window each problem has."""
    counts = np.bincount(engine.window.slot[engine.window.slot >= 0], minlength=len(engine.window.problems))
    return dict(zip(engine.window.problems, counts.tolist(), strict=True))
