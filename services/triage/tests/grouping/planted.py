"""Evidence with a known truth: vectors around planted centres, and some that are near nothing."""

from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from services.triage.grouping.engine import Engine
from services.triage.grouping.items import Item
from services.triage.grouping.window import Floats

DIMENSIONS = 384


@dataclass(frozen=True)
class Planted:
    """Items in order of arrival, and the topic that each was made from (-1: from none)."""

    items: list[Item]
    topics: list[int]


def planted(count: int, *, topics: int = 12, noise: float = 0.0, spread: float = 0.55, seed: int = 1) -> Planted:
    """`count` items of `topics` subjects on a common ground, a share `noise` of them of no subject."""
    random = np.random.default_rng(seed)
    ground = _unit(random.normal(size=(1, DIMENSIONS)))
    centres = _unit(random.normal(size=(topics, DIMENSIONS)))
    which = random.integers(0, topics, count)
    which[random.random(count) < noise] = -1
    own = _unit(random.normal(size=(count, DIMENSIONS)))
    vectors = _unit(0.8 * ground + np.where(which[:, None] >= 0, centres[which] + spread * own, 1.1 * own))
    items = [Item(UUID(int=place + 1), vector) for place, vector in enumerate(vectors)]
    return Planted(items, which.tolist())


def fresh_engine() -> Engine:
    return Engine(DIMENSIONS, new_problem=lambda key: UUID(int=key.int + (1 << 64)))


def _unit(vectors: NDArray[np.floating]) -> Floats:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
