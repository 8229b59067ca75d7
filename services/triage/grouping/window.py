"""The evidence that the engine holds in memory: a bounded window of rows, and the problems that they belong to."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
NONE = -1
_KEY, _MUCH = 16, 2  # bytes of what is kept of a row's trust


class Window:
    """Rows of evidence in order of arrival, as arrays that grow by half and are closed up when rows leave.

    `raw` are the unit vectors as they came, in half precision as they are kept too, so that a window that was rebuilt
    is the same to the bit; `unit` are they centred and of unit length; `slot` is the place of a row's problem in
    `problems`, or NONE. `trust` is what the last look back adds to the log odds that what joins the row is with its
    like, NaN where it has not seen the row. `original` is the first row with the very same vector: a row is its own,
    but for copies. `arrived_in` is the problem that a row was placed in when it arrived, wherever it is now.
    """

    def __init__(self, dimensions: int) -> None:
        self.count = 0
        self.keys: list[UUID] = []
        self.arrived_in: list[UUID | None] = []
        self.row_of: dict[UUID, int] = {}
        self._raw = np.empty((0, dimensions), np.float16)
        self._unit = np.empty((0, dimensions), np.float32)
        self._slot = np.empty(0, np.int32)
        self._pinned = np.empty(0, np.bool_)
        self._language = np.empty(0, np.int16)
        self._original = np.empty(0, np.int32)
        self._trust = np.empty(0, np.float16)
        self._first: dict[bytes, int] = {}
        self.problems: list[UUID] = []
        self.slot_of: dict[UUID, int] = {}

    @property
    def raw(self) -> NDArray[np.float16]:
        return self._raw[: self.count]

    @property
    def unit(self) -> Floats:
        return self._unit[: self.count]

    @property
    def slot(self) -> NDArray[np.int32]:
        return self._slot[: self.count]

    @property
    def pinned(self) -> NDArray[np.bool_]:
        return self._pinned[: self.count]

    @property
    def language(self) -> NDArray[np.int16]:
        return self._language[: self.count]

    @property
    def original(self) -> NDArray[np.int32]:
        return self._original[: self.count]

    @property
    def trust(self) -> NDArray[np.float16]:
        return self._trust[: self.count]

    def append(self, keys: Sequence[UUID], raw: NDArray[np.float16], unit: Floats, language: NDArray[np.int16]) -> int:
        """Add rows that belong to nothing yet; returns the first one's place."""
        first, last = self.count, self.count + len(keys)
        self._reserve(last)
        self._raw[first:last], self._unit[first:last], self._language[first:last] = raw, unit, language
        self._slot[first:last], self._pinned[first:last], self._trust[first:last] = NONE, False, np.nan
        for row, key in enumerate(keys, first):
            self.keys.append(key)
            self.arrived_in.append(None)
            self.row_of[key] = row
            self._original[row] = self._first.setdefault(self._raw[row].tobytes(), row)
        self.count = last
        return first

    def slot_for(self, problem: UUID | None) -> int:
        """The problem's place, given one when it has none."""
        if problem is None:
            return NONE
        found = self.slot_of.get(problem)
        if found is None:
            found = self.slot_of[problem] = len(self.problems)
            self.problems.append(problem)
        return found

    def problem_at(self, slot: int) -> UUID | None:
        return self.problems[slot] if slot >= 0 else None

    def canonical(self) -> tuple[NDArray[np.int32], tuple[UUID, ...]]:
        """Each row's slot and the problems, numbered by their first rows: the same however they came to be there."""
        used, first = np.unique(self.slot, return_index=True)
        order = used[used >= 0][np.argsort(first[used >= 0], kind="stable")]
        place = np.full(len(self.problems) + 1, NONE, np.int32)
        place[order] = np.arange(len(order), dtype=np.int32)
        return place[self.slot], tuple(self.problems[slot] for slot in order)

    def recentre(self, unit: Floats) -> None:
        self._unit[: self.count] = unit

    def trust_these(self, kept: bytes) -> None:
        """Trust the rows that `kept_trust` was given, those of them that are still here, and no others."""
        size = len(kept) // (_KEY + _MUCH)
        much = np.frombuffer(kept, np.float16, size, size * _KEY)
        rows = [self.row_of.get(UUID(bytes=kept[at : at + _KEY]), NONE) for at in range(0, size * _KEY, _KEY)]
        here = np.array(rows, np.int64) != NONE
        self.trust[:] = np.nan
        self.trust[np.array(rows, np.int64)[here]] = much[here]

    def rename(self, gone: UUID, into: UUID) -> None:
        """Everything of one problem is another's."""
        if gone in self.slot_of:
            self.slot[self.slot == self.slot_of[gone]] = self.slot_for(into)

    def drop(self, rows: NDArray[np.int64]) -> None:
        """Forget rows, and close up; problems that have none left lose their place."""
        kept = np.ones(self.count, np.bool_)
        kept[rows] = False
        size = int(kept.sum())
        for column in (self._raw, self._unit, self._slot, self._pinned, self._language, self._trust):
            column[:size] = column[: self.count][kept]
        self.keys = [key for key, keep in zip(self.keys, kept, strict=True) if keep]
        self.arrived_in = [problem for problem, keep in zip(self.arrived_in, kept, strict=True) if keep]
        self.row_of = {key: row for row, key in enumerate(self.keys)}
        self.count = size
        self._first = {}
        for row in range(size):
            self._original[row] = self._first.setdefault(self._raw[row].tobytes(), row)
        self._close_up_problems()

    def _close_up_problems(self) -> None:
        slots, problems = self.canonical()
        self._slot[: self.count] = slots
        self.problems = list(problems)
        self.slot_of = {problem: slot for slot, problem in enumerate(self.problems)}

    def _reserve(self, rows: int) -> None:
        if rows <= len(self._slot):
            return
        size = max(rows, len(self._slot) * 3 // 2, 1_024)
        for name in ("_raw", "_unit", "_slot", "_pinned", "_language", "_original", "_trust"):
            old = getattr(self, name)
            new = np.zeros((size, *old.shape[1:]), old.dtype)
            new[: self.count] = old[: self.count]
            setattr(self, name, new)


def kept_trust(trust: Mapping[UUID, float]) -> bytes:
    """The trust of rows as it is kept: all keys, then all numbers in half precision."""
    return b"".join(key.bytes for key in trust) + np.array(list(trust.values()), np.float16).tobytes()


def rows_of(window: Window, keys: Iterable[UUID]) -> NDArray[np.int64]:
    """The rows of those keys that the window still has."""
    return np.array([window.row_of[key] for key in keys if key in window.row_of], np.int64)
