"""Text in, vectors out: what every embedder promises, and how the two parts of a vector are joined."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

BATCH = 256
"""Texts at a time: what one step needs of memory stays bounded however many texts are given."""
_SHORTEST = np.float32(1e-12)


class Embedder(Protocol):
    """A model that turns texts into unit vectors.

    `version` is recorded with every assignment: vectors of two versions must not be compared. `semantic` columns come
    first and say what a text means; the rest of the `dimensions` say which words it uses (see `lexical`).
    """

    version: str
    dimensions: int
    semantic: int
    multilingual: bool

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row of unit length per text, [n, dimensions]: finite for any str, the same whatever its neighbours."""
        ...


class EmbedderMissing(Exception):
    """The embedder that was asked for is not installed here; the message says how to install it."""


class EmbedderNotBuilt(Exception):
    """The model could not be built from its package; the message ends with what was said while building."""


class EmbedderUnknown(Exception):
    """There is no embedder of this name; the message lists those there are."""


def joined(semantic: NDArray[np.float32], lexical: NDArray[np.float32], weight: float) -> NDArray[np.float32]:
    """Rows of unit length: the semantic part, then `weight` times the lexical part; both given with unit rows."""
    rows = np.concatenate([semantic, lexical * np.float32(weight)], axis=1)
    return (rows / np.float32((1 + weight * weight) ** 0.5)).astype(np.float32, copy=False)


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row divided by its length; a row of zeros becomes the first axis, so that the promise of length 1 holds."""
    lengths = np.sqrt(np.add.reduce(rows * rows, axis=1, keepdims=True))
    found = (rows / np.maximum(lengths, _SHORTEST)).astype(np.float32, copy=False)
    found[lengths[:, 0] < _SHORTEST] = np.eye(1, rows.shape[1], dtype=np.float32)
    return found


def batches(texts: Sequence[str], size: int = BATCH) -> Iterator[Sequence[str]]:
    """The texts in order, `size` at a time."""
    for start in range(0, len(texts), size):
        yield texts[start : start + size]
