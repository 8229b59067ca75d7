"""The nearest evidence of an item, fast: exactly while there is little, later by way of the nearest problems."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from services.triage.grouping.neighbours import NEAREST
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

    def part(self, which: list[int]) -> "Found":
        return Found(self.rows[which], self.similarity[which])


@dataclass(frozen=True, slots=True)
class Likeness:
    """For each item the cosine to the centre of each neighbour's problem, [n, 10], and to the two nearest centres.

    `nearest` is the slot of the first of the two.
    """

    to_each: Floats
    nearest: NDArray[np.int64]
    first: Floats
    second: Floats

    def to_another(self, slots: NDArray[np.int32]) -> Floats:
        """The cosine to the nearest centre that is not of this slot, [n]."""
        return np.where(self.nearest == slots, self.second, self.first)


class Index:
    """Of a window's rows; rows after `taken` are not in it yet and are compared one by one."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self.taken = 0
        dimensions = window.unit.shape[1]
        # In double precision, so that the middles are the same to the bit however the rows were taken in.
        self._sums = np.zeros((0, dimensions))
        self._newest = np.full((0, _NEWEST), -1, np.int64)
        self._added = np.zeros(0, np.int64)
        self._lonely: dict[int, None] = {}
        self._middles: tuple[Floats, NDArray[np.bool_]] | None = None

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

    def to_problems(self, unit: Floats, slots: NDArray[np.int32], similarity: Floats) -> Likeness:
        """How like each item is to the problems of its neighbours, and to those that are nearest.

        A problem that is so new that it has no centre yet is as like as the neighbour. Where there are less than two
        centres, what is missing is as near as the nearest neighbour.
        """
        centres, there = self._centres()
        likest, each = similarity.max(axis=1, initial=0.0), np.arange(len(unit))
        if not there.any():
            return Likeness(similarity, np.full(len(unit), NONE), likest, likest)
        near = unit @ centres.T
        known = (slots >= 0) & (slots < len(centres))
        at = np.where(known, slots, 0)
        to_each = np.where(known & there[at], np.take_along_axis(near, at, axis=1), similarity)
        near[:, ~there] = -2.0
        nearest = near.argmax(axis=1)
        first = near[each, nearest]
        near[each, nearest] = -2.0
        return Likeness(to_each, nearest, first, near.max(axis=1) if there.sum() > 1 else likest)

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
        own = slots != NONE
        rows, slots = rows[own], slots[own]
        order = np.argsort(slots, kind="stable")
        rows, slots = rows[order], slots[order]
        starts = np.flatnonzero(np.r_[True, slots[1:] != slots[:-1]]) if len(slots) else np.zeros(0, np.int64)
        sizes = np.diff(np.r_[starts, len(slots)])
        place = np.arange(len(slots)) - np.repeat(starts, sizes)
        kept = place >= np.repeat(sizes, sizes) - _NEWEST
        at = (self._added[slots] + place) % _NEWEST
        self._newest[slots[kept], at[kept]] = rows[kept]
        self._added[slots[starts]] += sizes
        if len(starts):
            self._sums[slots[starts]] += np.add.reduceat(window.unit[rows], starts, axis=0, dtype=np.float64)
        self._middles = None

    def _grow(self, problems: int) -> None:
        more = problems - len(self._sums)
        if more > 0:
            self._sums = np.concatenate([self._sums, np.zeros((more, self._sums.shape[1]))])
            self._newest = np.concatenate([self._newest, np.full((more, _NEWEST), -1, np.int64)])
            self._added = np.concatenate([self._added, np.zeros(more, np.int64)])

    def _centres(self) -> tuple[Floats, NDArray[np.bool_]]:
        """The middle of each problem at unit length, and whether it has one yet."""
        if self._middles is None:
            length = np.linalg.norm(self._sums, axis=1)
            centres = self._sums / np.maximum(length, 1e-6)[:, None]
            self._middles = centres.astype(np.float32), length > 0
        return self._middles

    def _through_problems(self, unit: Floats) -> tuple[NDArray[np.int64], Floats]:
        """The newest rows of the nearest problems, and the newest unassigned ones."""
        lonely = np.fromiter(self._lonely, np.int64, len(self._lonely))[-_LONELY:]
        near_rows, near = self._newest_of(self._nearest_problems(unit), unit)
        rows = np.concatenate([near_rows, np.broadcast_to(lonely, (len(unit), len(lonely)))], axis=1)
        return rows, np.concatenate([near, unit @ self._window.unit[lonely].T], axis=1)

    def _nearest_problems(self, unit: Floats) -> NDArray[np.int64]:
        centres, _ = self._centres()
        near = unit @ centres.T
        count = min(_PROBLEMS, near.shape[1])
        if not count:
            return np.zeros((len(unit), 0), np.int64)
        return np.argpartition(near, near.shape[1] - count, axis=1)[:, near.shape[1] - count :]

    def _newest_of(self, problems: NDArray[np.int64], unit: Floats) -> tuple[NDArray[np.int64], Floats]:
        """The newest rows of each item's `problems`, [n, p * 48], and their cosines to it; -2 where there are fewer."""
        rows = self._newest[problems]
        # One product for each problem, of all items that are near it: its rows are looked up once.
        order = np.argsort(problems, axis=None, kind="stable")
        asked = problems.ravel()[order]
        asking = unit[order // max(problems.shape[1], 1)]
        product = np.full((len(order), _NEWEST), -2.0, np.float32)
        edges = np.flatnonzero(np.r_[True, asked[1:] != asked[:-1], True]).tolist() if len(asked) else [0]
        sizes = np.minimum(self._added, _NEWEST).tolist()
        for start, end in pairwise(edges):
            problem = asked[start]
            size = sizes[problem]
            evidence = self._window.unit.take(self._newest[problem, :size], axis=0)
            np.matmul(asking[start:end], evidence.T, out=product[start:end, :size])
        similarity = np.empty_like(product)
        similarity[order] = product
        return rows.reshape(len(unit), -1), similarity.reshape(len(unit), -1)


def _best(rows: NDArray[np.int64], similarity: Floats) -> Found:
    """The ten nearest of each line, nearest first, the earlier row among equals; -1 where there is nothing."""
    most = min(NEAREST, similarity.shape[1])
    found = np.argpartition(-similarity, most - 1, axis=1)[:, :most]
    values = np.take_along_axis(similarity, found, axis=1)
    places = np.take_along_axis(rows, found, axis=1)
    order = np.lexsort((places, -values), axis=1)
    values, places = np.take_along_axis(values, order, axis=1), np.take_along_axis(places, order, axis=1)
    return Found(np.where(values > -1.5, places, -1), values)
