"""How finely to cut: the finest resolution whose communities are still found when some of the evidence is missing.

Two samples of the graph's edges are grouped at each of a few resolutions; where the two groupings agree, the
communities are in the evidence and not in the method. Source: Ben-Hur, Elisseeff and Guyon, "A stability based method
for discovering structure in clustered data" (2002).
"""

from dataclasses import dataclass

import numpy as np
from graspologic_native import leiden_csr  # pyright: ignore[reportAttributeAccessIssue] - compiled, without stubs
from numpy.typing import NDArray

from services.triage.grouping.communities import Edges, resolution_for
from services.triage.grouping.neighbours import Ints

_SHARES = (1.0, 0.5, 0.25, 0.125, 0.0625)  # of the resolution that a set of that size bears at most
_SAMPLED = 0.7  # of the edges
_AS_STABLE = 0.10  # below the most stable one
_FEW, _LITTLE = 4, 1_000
_SEED = 7


def stable_resolution(edges: Edges, items: int) -> float:
    """The resolution for a graph of `items`. Deterministic."""
    most = resolution_for(items)
    if items < _FEW or not len(edges.low):
        return most
    random = np.random.default_rng(_SEED)
    ends = ends_of(edges)
    stability = []
    for share in _SHARES:
        agreed = []
        for _ in range(2 if items <= _LITTLE else 1):
            samples = (random.random(len(edges.low)) < _SAMPLED for _ in range(2))
            one, other = (ends.communities(kept, most * share) for kept in samples)
            # Single items agree with single items, and say nothing.
            agreed.append(adjusted_rand(one, other) if len(np.unique(one)) <= edges.nodes / 2 else 0.0)
        stability.append(float(np.mean(agreed)))
    best = max(stability)
    if best <= 0:  # nothing is found again: all that there is may well be one thing, and is not cut to single items
        return most * _SHARES[-1]
    return most * next(share for share, one in zip(_SHARES, stability, strict=True) if one >= best - _AS_STABLE)


def adjusted_rand(one: Ints, other: Ints) -> float:
    """Agreement of two groupings of the same items: 1 the same, 0 by chance. Source: Hubert and Arabie (1985)."""
    width = int(other.max(initial=0)) + 1
    both = np.unique(one * width + other, return_counts=True)[1]
    pairs, first, second = (_pairs(counts) for counts in (both, np.bincount(one), np.bincount(other)))
    expected = first * second / max(_pairs(np.array([len(one)])), 1.0)
    spread = (first + second) / 2 - expected
    return (pairs - expected) / spread if spread else 1.0


def _pairs(counts: NDArray[np.integer]) -> float:
    return float((counts * (counts - 1) / 2).sum())


@dataclass(frozen=True, slots=True)
class Ends:
    """Each edge from both of its ends, ordered by them, as Leiden reads a graph."""

    nodes: int
    source: Ints
    target: NDArray[np.int32]
    weight: NDArray[np.float64]
    edge: Ints

    def communities(self, kept: NDArray[np.bool_], resolution: float) -> Ints:
        """The community of each node, by some of the edges."""
        if not kept.any():
            return np.arange(self.nodes)
        own = kept[self.edge]
        starts = np.zeros(self.nodes + 1, np.int64)
        np.cumsum(np.bincount(self.source[own], minlength=self.nodes), out=starts[1:])
        _, assigned = leiden_csr(
            starts, self.target[own], self.weight[own], self.nodes, resolution=resolution, iterations=1, seed=_SEED
        )
        found = np.arange(self.nodes) + self.nodes
        found[list(assigned.keys())] = list(assigned.values())
        return np.unique(found, return_inverse=True)[1]


def ends_of(edges: Edges) -> Ends:
    source, target = np.concatenate([edges.low, edges.high]), np.concatenate([edges.high, edges.low])
    order = np.lexsort((target, source))
    edge = order % len(edges.low)
    return Ends(edges.nodes, source[order], target[order].astype(np.int32), edges.weight[edge], edge)
