"""How sure hindsight is of its problems: is a row of the kind that its problem is mostly about? Pure NumPy and Leiden.

A problem may hold several kinds of things that the graph does not part at the resolution in use. Samples of the graph's
edges are grouped more finely: the share of a row's problem that is with it there tells how much of the problem is of
its kind. It counts as far as the two finest groupings agree, since only what both of them find is in the evidence.
"""

import numpy as np
from numpy.typing import NDArray

from services.triage.grouping.communities import Edges
from services.triage.grouping.neighbours import Floats, Ints
from services.triage.grouping.resolution import adjusted_rand, ends_of

_FINER = (2.0, 4.0, 4.0)  # times the resolution in use; the last two are held against each other
_SAMPLED = 0.7  # of the edges
_SEED = 11
_USUAL = 0.45  # share of a problem that is of one kind
_COUNTS = 2.43  # log odds, fitted together with those of the votes


def trust(edges: Edges, nodes: Ints, slots: Ints, resolution: float) -> Floats:
    """What hindsight adds to the log odds that what joins a row is with its like; NaN for a row without a problem.

    `nodes[row]` is the row's node in the graph or -1, `slots[row]` its problem or -1. Deterministic.
    """
    if not len(edges.low):
        return np.full(len(nodes), np.nan, np.float32)
    *_, one, other = groupings = _groupings(edges, resolution)
    # Single items agree with single items, and say nothing.
    found_again = adjusted_rand(one, other) if len(np.unique(one)) <= edges.nodes / 2 else 0.0
    share = np.mean([_share(_of_rows(kind, nodes), slots) for kind in groupings], axis=0)
    return np.where(slots >= 0, _COUNTS * found_again * (share - _USUAL), np.nan).astype(np.float32)


def _share(kind: Ints, slots: Ints) -> NDArray[np.float64]:
    """The share of each row's problem that is of its kind; 0 for a row without one of them."""
    both = (kind >= 0) & (slots >= 0)
    sizes = np.bincount(slots[slots >= 0], minlength=1)
    pairs, place, count = np.unique(
        slots[both] * (int(kind.max(initial=0)) + 1) + kind[both], return_inverse=True, return_counts=True
    )
    share = np.zeros(len(kind))
    share[both] = count[place] / sizes[slots[both]] if len(pairs) else 0.0
    return share


def _of_rows(of_node: Ints, nodes: Ints) -> Ints:
    return np.where(nodes >= 0, of_node[np.maximum(nodes, 0)], -1)


def _groupings(edges: Edges, resolution: float) -> list[Ints]:
    """The community of each node, by a sample of the edges for each of `_FINER`."""
    ends, random = ends_of(edges), np.random.default_rng(_SEED)
    samples = (random.random(len(edges.low)) < _SAMPLED for _ in _FINER)
    return [ends.communities(kept, resolution * finer) for kept, finer in zip(samples, _FINER, strict=True)]
