"""One file's feedback through the grouping engine: embedded, placed in order, and looked back on when it is time."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

import numpy as np

from services.triage.embedding.embedder import Embedder
from services.triage.embedding.language import languages_of
from services.triage.grouping.changes import changes_of
from services.triage.grouping.engine import Engine, problem_sizes
from services.triage.grouping.items import Item, Placement
from services.triage.grouping.regroup import regroup
from services.triage.grouping.window import Floats

_NAMES = UUID("6c0f6a2e-5e0c-5f5c-9d5b-3d1f0b8a7c11")
_NOWHERE = -1


@dataclass(frozen=True, slots=True)
class Stated:
    """Where an item belongs now: the number of its problem, None for none. Said again when hindsight moves it."""

    item: int
    problem: int | None
    confidence: float | None = None


class Run:
    """Groups items numbered from 0 in the order in which they are given. The same items give the same problems."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._engine = Engine(
            embedder.dimensions,
            new_problem=lambda key: uuid5(_NAMES, str(key.int)),
            multilingual=embedder.multilingual,
        )
        self._numbers: dict[UUID, int] = {}
        self._belongs = array("i")

    def place(self, texts: Sequence[str], languages: Sequence[str] = ()) -> Iterator[Stated]:
        """Place the next items; yields each as it is placed, and what moved because of it."""
        vectors = self._embedder.embed(texts)
        spoken = languages_of(texts, languages) if self._embedder.multilingual else ["und"] * len(texts)
        start = 0
        while start < len(texts):
            # Looking back is due after a number of items, not after a call: so how they arrive makes no difference.
            end = min(len(texts), start + max(1, self._engine.until_due()))
            first = len(self._belongs)
            items = [Item(UUID(int=first + i), vectors[start + i], spoken[start + i]) for i in range(end - start)]
            for placed in self._engine.assign(items):
                yield from self._arrived(placed)
            start = end
            if self._engine.due():
                yield from self.look_back()

    def look_back(self) -> Iterator[Stated]:
        """Group all again with hindsight; yields every item that moved."""
        before = problem_sizes(self._engine)
        moved = self._engine.apply(regroup(self._engine.snapshot()))
        for merge in changes_of(moved, before).merged:
            # Evidence that has left the window went nowhere by itself: it follows its problem.
            gone, into = self._number(merge.gone), self._number(merge.into)
            for item in np.flatnonzero(np.frombuffer(self._belongs, np.int32) == gone).tolist():
                yield from self._state(item, into)
        for one in moved:
            yield from self._state(one.key.int, self._number(one.after))

    def belongs(self) -> list[int | None]:
        """The number of each item's problem now."""
        return [number if number != _NOWHERE else None for number in self._belongs]

    def vectors(self, items: Sequence[int]) -> Floats:
        """Of those of the items that are still in the window, in their order; the others are zeros."""
        window = self._engine.window
        found = np.zeros((len(items), self._embedder.dimensions), np.float32)
        for place, item in enumerate(items):
            row = window.row_of.get(UUID(int=item))
            if row is not None:
                found[place] = window.unit[row]
        return found

    def _arrived(self, placed: Placement) -> Iterator[Stated]:
        number = self._number(placed.problem)
        self._belongs.append(number)
        yield Stated(placed.key.int, number if number != _NOWHERE else None, placed.confidence)
        for key in placed.pulled:
            yield from self._state(key.int, number)

    def _state(self, item: int, number: int) -> Iterator[Stated]:
        if self._belongs[item] != number:
            self._belongs[item] = number
            yield Stated(item, number if number != _NOWHERE else None)

    def _number(self, problem: UUID | None) -> int:
        return _NOWHERE if problem is None else self._numbers.setdefault(problem, len(self._numbers) + 1)
