"""How sure hindsight is of its problems: is a row of the kind that its problem is mostly about? Pure NumPy and Leiden.

A problem may hold several kinds of things that the graph does not part at the resolution in use. Samples of the graph's
edges are grouped more finely: the share of what arrived in a row's problem that is with the row there tells how much of
the problem is of its kind. What arrived there counts, and not what hindsight left there: the next is like the former.
Hindsight is also surer of a problem that grew by what arrived there than of one that it filled itself.
"""

import numpy as np
from numpy.typing import NDArray

from services.triage.grouping.communities import Edges
from services.triage.grouping.neighbours import Floats, Ints
from services.triage.grouping.resolution import ends_of

_FINER = (2.0, 4.0, 4.0)  # times the resolution in use
_SAMPLED = 0.7  # of the edges
_SEED = 11
_USUAL = 0.45  # share of a problem that is of one kind
_COUNTS, _BY_ITSELF = 4.74, 0.43  # log odds, fitted together with those of the votes


def trust(edges: Edges, nodes: Ints, slots: Ints, arrived_in: Ints, resolution: float) -> Floats:
    """What hindsight adds to the log odds that what joins a row is with its like; NaN for a row without a problem.

    `nodes[row]` is the row's node in the graph or -1, `slots[row]` its problem or -1, and `arrived_in[row]` the problem
    that it was placed in when it arrived. Deterministic.
    """
    if not len(edges.low):
        return np.full(len(nodes), np.nan, np.float32)
    kinds = [_of_rows(kind, nodes) for kind in _groupings(edges, resolution)]
    share = np.mean([_share(kind, slots, arrived_in) for kind in kinds], axis=0)
    sure = _COUNTS * (share - _USUAL) + _BY_ITSELF * _arrived(slots, arrived_in)
    return np.where(slots >= 0, sure, np.nan).astype(np.float32)


def _arrived(slots: Ints, arrived_in: Ints) -> NDArray[np.floating]:
    """The logarithm of how many arrived in each row's problem to how many are there now."""
    most = int(slots.max(initial=0)) + 1
    there, came = (np.bincount(one[(one >= 0) & (one < most)], minlength=most) for one in (slots, arrived_in))
    return np.log((1 + came) / (1 + there))[np.maximum(slots, 0)]


def _share(kind: Ints, slots: Ints, arrived_in: Ints) -> NDArray[np.floating]:
    """The share of what arrived in each row's problem that is of the row's kind.

    Of what belongs to it now where nothing arrived in it yet; 0 for a row without a kind or a problem.
    """
    members = np.concatenate([arrived_in, np.where(np.isin(slots, arrived_in), -1, slots)])
    sizes = np.bincount(members[members >= 0], minlength=int(slots.max(initial=0)) + 1)
    pairs, count = np.unique(_pairs(members, np.tile(kind, 2)), return_counts=True)
    asked = _pairs(slots, kind)
    place = np.minimum(np.searchsorted(pairs, asked), len(pairs) - 1)
    found = (asked >= 0) & (pairs[place] == asked)
    return np.where(found, count[place] / np.maximum(sizes[np.maximum(slots, 0)], 1), 0.0)


def _pairs(problem: Ints, kind: Ints) -> Ints:
    """A number for each problem with each kind; -1 where one of them is missing."""
    return np.where((problem >= 0) & (kind >= 0), problem * (int(kind.max(initial=0)) + 1) + kind, -1)


def _of_rows(of_node: Ints, nodes: Ints) -> Ints:
    return np.where(nodes >= 0, of_node[np.maximum(nodes, 0)], -1)


def _groupings(edges: Edges, resolution: float) -> list[Ints]:
    """The community of each node, by a sample of the edges for each of `_FINER`."""
    ends, random = ends_of(edges), np.random.default_rng(_SEED)
    samples = (random.random(len(edges.low)) < _SAMPLED for _ in _FINER)
    return [ends.communities(kept, resolution * finer) for kept, finer in zip(samples, _FINER, strict=True)]
