"""The nearest evidence of an item, fast: exactly while there is little, later by way of the nearest problems."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.triage.grouping.communities import NEAREST
from services.triage.grouping.window import NONE, Floats, Window

_EXACT = 2_000  # up to so many rows all are compared
_PROBLEMS = 6  # nearest problems whose newest rows are compared
_NEWEST = 48
_LONELY = 512  # newest unassigned rows that are compared
TAKEN_AT = 256  # rows that are compared one by one before they are taken into the index


@dataclass(frozen=True, slots=True)
class Found:
    """For each item its nearest rows and their cosines, [n, 10], nearest first; -1 where there are fewer."""

    rows: NDArray[np.int64]
    similarity: Floats

    def part(self, which: slice) -> "Found":
        return Found(self.rows[which], self.similarity[which])


class Index:
    """Of a window's rows; rows after `taken` are not in it yet and are compared one by one."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self.taken = 0
        dimensions = window.unit.shape[1]
        self._sums = np.zeros((0, dimensions), np.float32)
        self._newest = np.full((0, _NEWEST), -1, np.int64)
        self._added = np.zeros(0, np.int64)
        self._lonely: dict[int, None] = {}

    def nearest(self, unit: Floats, first: int) -> Found:
        """The nearest rows of each item; item i stands at row first + i and sees only the rows before it."""
        window = self._window
        start = 0 if window.count <= _EXACT else self.taken
        recent = unit @ window.unit[start:].T
        ahead = np.arange(start, window.count)[None, :] >= (first + np.arange(len(unit)))[:, None]
        recent[ahead] = -2.0
        # A copy tells no more than what it is a copy of: else a flood of one text would have all votes.
        recent[:, window.original[start:] != np.arange(start, window.count)] = -2.0
        rows = np.broadcast_to(np.arange(start, window.count), recent.shape)
        if start == 0:
            return _best(rows, recent)
        near_rows, near = self._through_problems(unit)
        return _best(np.concatenate([near_rows, rows], axis=1), np.concatenate([near, recent], axis=1))

    def to_problems(self, unit: Floats, slots: NDArray[np.int32], similarity: Floats) -> Floats:
        """The cosine of each item to the centre of each neighbour's problem, [n, 10].

        A problem that is so new that it has no centre yet is as like as that neighbour.
        """
        known = (slots >= 0) & (slots < len(self._sums))
        centres = self._sums[np.where(known, slots, 0)] if len(self._sums) else np.zeros((*slots.shape, unit.shape[1]))
        length = np.linalg.norm(centres, axis=2)
        product = np.einsum("ijd,id->ij", centres, unit)
        return np.where(known & (length > 0), product / np.maximum(length, 1e-6), similarity).astype(np.float32)

    def take(self) -> None:
        """Take rows in once there are enough of them, in steps of a fixed number so that calls make no difference."""
        upto = self._window.count // TAKEN_AT * TAKEN_AT
        if upto > self.taken:
            rows = np.arange(self.taken, upto)
            self.taken = upto
            self._enter(rows)

    def move(self, rows: NDArray[np.int64], slot: int) -> None:
        """Rows that were unassigned belong to a problem now."""
        self._window.slot[rows] = slot
        taken = rows[rows < self.taken]
        for row in taken.tolist():
            self._lonely.pop(row, None)
        self._enter(np.sort(taken))

    def _enter(self, rows: NDArray[np.int64]) -> None:
        window = self._window
        rows = rows[window.original[rows] == rows]
        self._grow(len(window.problems))
        slots = window.slot[rows]
        for row in rows[slots == NONE].tolist():
            self._lonely[row] = None
        while len(self._lonely) > _LONELY:
            del self._lonely[next(iter(self._lonely))]
        own = slots != NONE
        rows, slots = rows[own], slots[own]
        np.add.at(self._sums, slots, window.unit[rows])
        order = np.argsort(slots, kind="stable")
        rows, slots = rows[order], slots[order]
        starts = np.flatnonzero(np.r_[True, slots[1:] != slots[:-1]]) if len(slots) else np.zeros(0, np.int64)
        sizes = np.diff(np.r_[starts, len(slots)])
        place = np.arange(len(slots)) - np.repeat(starts, sizes)
        kept = place >= np.repeat(sizes, sizes) - _NEWEST
        at = (self._added[slots] + place) % _NEWEST
        self._newest[slots[kept], at[kept]] = rows[kept]
        self._added[slots[starts]] += sizes

    def _grow(self, problems: int) -> None:
        more = problems - len(self._sums)
        if more > 0:
            self._sums = np.concatenate([self._sums, np.zeros((more, self._sums.shape[1]), np.float32)])
            self._newest = np.concatenate([self._newest, np.full((more, _NEWEST), -1, np.int64)])
            self._added = np.concatenate([self._added, np.zeros(more, np.int64)])

    def _through_problems(self, unit: Floats) -> tuple[NDArray[np.int64], Floats]:
        """The newest rows of the nearest problems, and the newest unassigned ones."""
        window = self._window
        lonely = np.fromiter(self._lonely, np.int64, len(self._lonely))
        rows = np.full((len(unit), _PROBLEMS * _NEWEST + len(lonely)), -1, np.int64)
        similarity = np.full(rows.shape, -2.0, np.float32)
        rows[:, _PROBLEMS * _NEWEST :] = lonely
        similarity[:, _PROBLEMS * _NEWEST :] = unit @ window.unit[lonely].T
        lengths = np.linalg.norm(self._sums, axis=1)
        centres = self._sums / np.maximum(lengths, 1e-6)[:, None]
        centres[lengths == 0] = 0
        near = unit @ centres.T
        count = min(_PROBLEMS, near.shape[1])
        nearest = np.argpartition(-near, count - 1, axis=1)[:, :count] if count else np.zeros((len(unit), 0), np.int64)
        items, rank = np.divmod(np.argsort(nearest, axis=None, kind="stable"), max(count, 1))
        problems = nearest[items, rank]
        starts = np.flatnonzero(np.r_[True, problems[1:] != problems[:-1]]) if len(problems) else ()
        for start, end in zip(starts, [*starts[1:], len(problems)], strict=True) if len(problems) else ():
            own = self._newest[problems[start]]
            size = int(min(self._added[problems[start]], _NEWEST))
            if not size:
                continue
            who, columns = items[start:end], rank[start:end] * _NEWEST
            found = unit[who] @ window.unit[own[:size]].T
            at = columns[:, None] + np.arange(size)
            rows[who[:, None], at] = own[:size]
            similarity[who[:, None], at] = found
        return rows, similarity


def _best(rows: NDArray[np.int64], similarity: Floats) -> Found:
    """The ten nearest of each line, nearest first, the earlier row among equals; -1 where there is nothing."""
    most = min(NEAREST, similarity.shape[1])
    found = np.argpartition(-similarity, most - 1, axis=1)[:, :most]
    values = np.take_along_axis(similarity, found, axis=1)
    places = np.take_along_axis(rows, found, axis=1)
    order = np.lexsort((places, -values), axis=1)
    values, places = np.take_along_axis(values, order, axis=1), np.take_along_axis(places, order, axis=1)
    return Found(np.where(values > -1.5, places, -1), values)
