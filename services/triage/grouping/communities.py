"""From neighbours to communities: which evidence belongs together. Pure NumPy and Leiden.

Evidence is a node; an edge joins it to its nearest neighbours with their cosine as weight; communities are found by
Leiden with modularity. Sources: Traag, Waltman and van Eck, "From Louvain to Leiden: guaranteeing well-connected
communities" (2019), as implemented by graspologic-native; Reichardt and Bornholdt (2006) for the resolution.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from graspologic_native import leiden  # pyright: ignore[reportAttributeAccessIssue] - compiled, without stubs
from numpy.typing import NDArray

from services.triage.grouping.neighbours import Floats, Ints, Neighbours

_MOST_NEIGHBOURS = 30
_HALVES, _TIGHT = 0.90, 0.30
_SEED = 20_240_601


def neighbours_for(n: int) -> int:
    """How many neighbours the graph of n items has: growing with its square root, 8 to 30.

    Measured on two labelled sets of customers' questions at sizes from 500 to 24,000.
    """
    return int(np.clip(round(0.22 * np.sqrt(n)), 8, _MOST_NEIGHBOURS))


def resolution_for(n: int) -> float:
    """The finest resolution that n items bear: 16 up to 2,000, then falling with the cube root.

    More evidence is told apart by the graph itself. Measured as `neighbours_for`.
    """
    return 16.0 * min(1.0, (2_000 / max(n, 1)) ** (1 / 3))


@dataclass(frozen=True, slots=True)
class Edges:
    """Each pair of `nodes` that is joined, once, the lower number first, with the sum of the cosines that join it."""

    nodes: int
    low: Ints
    high: Ints
    weight: NDArray[np.float64]


def edges_of(neighbours: Neighbours, nodes: Ints) -> Edges:
    """The graph of rows and their neighbours.

    `nodes[row]` is the node that the row is part of (rows that must be together share one), or -1 for a row to leave
    out.
    """
    size, k = int(nodes.max(initial=-1)) + 1, neighbours.rows.shape[1]
    first, second = np.repeat(nodes, k), nodes[neighbours.rows.ravel()]
    weight = np.maximum(neighbours.similarity.ravel(), 0).astype(np.float64)
    kept = (first >= 0) & (second >= 0) & (first != second) & (weight > 0)
    low, high = np.minimum(first, second)[kept], np.maximum(first, second)[kept]
    pairs, where = np.unique(low * max(size, 1) + high, return_inverse=True)
    total = np.bincount(where, weight[kept]).astype(np.float64)
    return Edges(size, pairs // max(size, 1), pairs % max(size, 1), total)


class _Named(Sequence[tuple[str, str, float]]):
    """Edges by the names of their ends, made one at a time: a list of all would take as much memory as the window."""

    def __init__(self, edges: Edges, name: Sequence[str]) -> None:
        self._edges, self._name = edges, name

    def __len__(self) -> int:
        return len(self._edges.low)

    def __getitem__(self, place: Any) -> Any:
        edges = self._edges
        return self._name[int(edges.low[place])], self._name[int(edges.high[place])], float(edges.weight[place])


def communities(edges: Edges, start: Ints, resolution: float) -> Ints:
    """The community of each node; -1 for one that is joined to nobody. Deterministic.

    `start[node]` is the community that it is in now, -1 for none: what is found stays near that.
    """
    found = np.full(edges.nodes, -1, np.int64)
    if not len(edges.low):
        return found
    joined = np.unique(np.concatenate([edges.low, edges.high]))
    free = np.arange(edges.nodes) + int(start.max(initial=-1)) + 1
    # A node without a neighbour in its community starts alone. Leiden would give it a new number itself, without a
    # bound: above the number of nodes that is a panic, which ends the process.
    settled = start[edges.low] == start[edges.high]
    near = np.zeros(edges.nodes, np.bool_)
    near[edges.low[settled]] = near[edges.high[settled]] = True
    _, begin = np.unique(np.where(near & (start >= 0), start, free)[joined], return_inverse=True)
    name = [str(node) for node in range(edges.nodes)]
    _, assigned = leiden(
        _Named(edges, name),
        starting_communities={name[a]: c for a, c in zip(joined.tolist(), begin.tolist(), strict=True)},
        resolution=resolution,
        iterations=2,
        seed=_SEED,
    )
    for node, community in assigned.items():
        found[int(node)] = community
    # Leiden numbers what it found differently each time: here, by first nodes, so that ties are decided alike.
    _, first, place = np.unique(found[found >= 0], return_index=True, return_inverse=True)
    found[found >= 0] = np.argsort(np.argsort(first))[place]
    return found


def joined_halves(unit: Floats, found: Ints) -> Ints:
    """Communities that are as like each other as each is to itself are one: the resolution may cut a large one.

    The mean cosine between the two is held against the smaller of the mean cosines within, over pairs of rows. Loose
    ones, which are like nothing in particular, are left as they are.
    """
    names, place = np.unique(found[found >= 0], return_inverse=True)
    sums = np.zeros((len(names), unit.shape[1]))
    for name in range(len(names)):
        sums[name] = unit[found == names[name]].sum(axis=0, dtype=np.float64)
    sizes = np.bincount(place, minlength=len(names)).astype(np.float64)
    stands = np.arange(len(names))
    products = sums @ sums.T
    while len(names) > 1:
        within = (np.diag(products) - sizes) / np.maximum(sizes * (sizes - 1), 1)
        least = np.maximum(np.minimum(within[:, None], within[None, :]), 1e-6)
        likeness = products / (sizes[:, None] * sizes[None, :]) / least
        loose = (sizes < 2) | (within < _TIGHT)
        likeness[loose], likeness[:, loose] = 0, 0
        np.fill_diagonal(likeness, 0)
        one, other = np.unravel_index(likeness.argmax(), likeness.shape)
        if likeness[one, other] < _HALVES:
            break
        one, other = min(one, other), max(one, other)
        products[one] += products[other]
        products[:, one] += products[:, other]
        sizes[one] += sizes[other]
        stands[stands == other] = one
        products[other], products[:, other], sizes[other] = 0, 0, 1
    merged = found.copy()
    merged[found >= 0] = names[stands[place]]
    return merged
