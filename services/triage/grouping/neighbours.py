"""Who is near whom, and who is near nobody. Pure NumPy, exact."""

from dataclasses import dataclass
from math import ceil, log2

import numpy as np
from numpy.typing import NDArray

NEAREST = 10  # neighbours that tell how dense it is around an item, and that vote where it belongs
_BLOCK = 192  # rows at once: their cosines to all others are held, twice
_FEW = 4_096  # up to so many rows are compared with all others
_SQUARE = 1_024
_SAMPLE = 2_048
_SPARE = 2.0  # times as many candidates as are wanted, by the sample

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Each row's nearest other rows, nearest first: `rows` and `similarity`, both [n, k]."""

    rows: NDArray[np.int32]
    similarity: Floats

    def density(self, company: int) -> Floats:
        """Mean cosine to the nearest `company`."""
        near = self.similarity[:, :company]
        return near.mean(axis=1) if near.shape[1] else np.zeros(len(near), np.float32)


def company_of(n: int) -> int:
    """How many of the nearest tell whether an item among n is alone: ten, but not most of all there is."""
    return min(max(n // 10, 2), NEAREST)


def lonely_below(n: int) -> float:
    """The density below which an item among n belongs to nothing.

    With more evidence everything has nearer neighbours: the line rises by 0.042 with every doubling.
    """
    return min(max(0.405 - 0.042 * log2(24_000 / max(n, 1)), 0.12), 0.45)


def nearest_neighbours(unit: Floats, k: int) -> Neighbours:
    """The k nearest rows of each row by cosine, itself left out; `unit` has unit rows. Exact."""
    n = len(unit)
    k = max(0, min(k, n - 1))
    near = Neighbours(np.empty((n, k), np.int32), np.empty((n, k), np.float32))
    if k:
        left = _by_squares(unit, near) if n > _FEW else np.arange(n)
        for start in range(0, len(left), _BLOCK):
            _by_lines(unit, left[start : start + _BLOCK], near)
    return near


def _by_lines(unit: Floats, own: Ints, near: Neighbours) -> None:
    """Of some rows, compared with all."""
    n, k = len(unit), near.rows.shape[1]
    block = unit[own] @ unit.T
    block[np.arange(len(own)), own] = -2.0
    found = np.argpartition(block, n - k, axis=1)[:, n - k :]
    values = np.take_along_axis(block, found, axis=1)
    order = np.lexsort((found, -values), axis=1)
    near.rows[own] = np.take_along_axis(found, order, axis=1)
    near.similarity[own] = np.take_along_axis(values, order, axis=1)


def _by_squares(unit: Floats, near: Neighbours) -> Ints:
    """Of all rows, each pair compared once: what is above either's line is a candidate for it.

    A row's line is such that some more than k should be above it, by a sample of the rows. Returns the rows that have
    fewer than k above it, of which nothing is known.
    """
    n, k = len(unit), near.rows.shape[1]
    line = _lines(unit, k)
    waiting: list[list[tuple[Ints, Ints, Floats]]] = [[] for _ in range(0, n, _SQUARE)]
    left = []
    for place, first in enumerate(range(0, n, _SQUARE)):
        own = unit[first : first + _SQUARE]
        mine, waiting[place] = waiting[place], []
        for other, second in enumerate(range(first, n, _SQUARE), place):
            cosine = own @ unit[second : second + _SQUARE].T
            if second == first:
                np.fill_diagonal(cosine, -2.0)
            row, column = _above(cosine, line[first : first + _SQUARE, None])
            mine.append((row, column + second, cosine[row, column]))
            if second > first:
                row, column = _above(cosine, line[None, second : second + _SQUARE])
                waiting[other].append((column, row + first, cosine[row, column]))
        left.append(first + _nearest_of(mine, len(own), first, near))
    return np.concatenate(left)


def _lines(unit: Floats, k: int) -> Floats:
    """The cosine that about `_SPARE` times k rows exceed, for each row."""
    sample = unit[:: max(1, len(unit) // _SAMPLE)]
    rank = min(len(sample) - 1, ceil(_SPARE * k * len(sample) / len(unit)) + 3)
    line = np.empty(len(unit), np.float32)
    for start in range(0, len(unit), _SQUARE):
        cosine = unit[start : start + _SQUARE] @ sample.T
        line[start : start + _SQUARE] = np.partition(cosine, len(sample) - 1 - rank, axis=1)[:, len(sample) - 1 - rank]
    return line


def _above(cosine: Floats, line: Floats) -> tuple[Ints, Ints]:
    return np.divmod(np.flatnonzero(cosine > line), cosine.shape[1])


def _nearest_of(candidates: list[tuple[Ints, Ints, Floats]], rows: int, first: int, near: Neighbours) -> Ints:
    """Keep the k nearest candidates of `rows` rows from `first` on; returns the places of those that have fewer."""
    k = near.rows.shape[1]
    row, column, cosine = (np.concatenate(parts) for parts in zip(*candidates, strict=True))
    order = np.lexsort((column, -cosine, row))
    sizes = np.bincount(row, minlength=rows)
    enough = np.flatnonzero(sizes >= k)
    best = order[(np.cumsum(sizes) - sizes)[enough, None] + np.arange(k)]
    near.rows[first + enough], near.similarity[first + enough] = column[best], cosine[best]
    return np.flatnonzero(sizes < k)
