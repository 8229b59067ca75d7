"""How like its problem's evidence an item is. Pure."""

from collections.abc import Sequence
from uuid import UUID

import numpy as np

from services.triage.grouping.engine import Engine
from services.triage.grouping.window import rows_of


def likeness(engine: Engine, keys: Sequence[UUID]) -> dict[UUID, float]:
    """The cosine, not below 0, of each item to the middle of its problem; 0 for one that belongs to none or left."""
    window = engine.window
    sums = np.zeros((len(window.problems) + 1, window.unit.shape[1]), np.float32)
    np.add.at(sums, window.slot, window.unit)
    sums[-1] = 0  # where those without a problem went
    rows = rows_of(window, keys)
    centres = sums[window.slot[rows]]
    length = np.maximum(np.linalg.norm(centres, axis=1), 1e-6)
    found = np.clip(np.einsum("ij,ij->i", centres, window.unit[rows]) / length, 0, 1)
    return dict.fromkeys(keys, 0.0) | {window.keys[row]: value for row, value in zip(rows, found.tolist(), strict=True)}
