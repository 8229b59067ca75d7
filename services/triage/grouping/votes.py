"""Where the nearest evidence says that items belong. Pure NumPy, for many items at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.triage.grouping.index import Found, Likeness
from services.triage.grouping.neighbours import company_of, lonely_below
from services.triage.grouping.window import NONE, Floats

PAIR = 0.60
"""The cosine from which two items are company for each other, whatever else there is."""
FOLLOWS = 0.80
"""The cosine from which an item goes where a person placed its like, or left it."""
_NEAR = 0.22  # the least cosine to a problem's nearest evidence, however little evidence there is
_POWER = 8  # of the cosine: the nearest count for much more than the tenth
_PINNED_VOTES = 3.0
_JOINED = -2
_CENTRE_COUNTS = 2.0
# The log odds of confidence: by the margin, by the share of the neighbours that are there, by the likeness to the
# centre and by its lead over the nearest other centre, and by how many other problems the neighbours are of, beside
# what hindsight thinks of them.
_INTERCEPT, _MARGIN, _BESIDE, _LIKENESS, _LEAD, _OTHERS = -1.33, 0.74, 1.12, 1.68, 2.08, -0.18


class Vote(NamedTuple):
    """What `Votes` has of one item; `company` is None where it makes no new problem."""

    slot: int
    company: NDArray[np.bool_] | None
    score: float
    margin: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Votes:
    """Per item: the slot it belongs to or NONE, and the neighbours, [n, 10], that it makes a new problem with.

    `score` is its likeness to the problem's centre, `margin` the share of the vote over the next problem's, and
    `confidence` the probability that it is with its like.
    """

    slot: NDArray[np.int32]
    company: NDArray[np.bool_]
    score: Floats
    margin: Floats
    confidence: Floats

    def each(self) -> Iterator[Vote]:
        """One item's after the other."""
        company = [own if own.any() else None for own in self.company]
        columns = (column.tolist() for column in (self.score, self.margin, self.confidence))
        return map(Vote, self.slot.tolist(), company, *columns)


def count_votes(
    slots: NDArray[np.int32],
    found: Found,
    pinned: NDArray[np.bool_],
    likeness: Likeness,
    known: Sequence[int],
    *,
    trust: NDArray[np.floating],
) -> Votes:
    """Count the votes of each item's neighbours, all arrays [n, 10].

    `likeness` is that to the centres of problems, `known` how many items were there, itself counted, and `trust` what
    hindsight thinks of each neighbour, NaN of one that it has not seen. A lonely item belongs to nothing, unless one
    neighbour is as near as `PAIR`.
    """
    there = found.rows >= 0
    slots = np.where(there, slots, NONE)
    similarity = np.where(there, found.similarity, 0.0)
    line = np.array([lonely_below(n) for n in known], np.float32)
    company = np.array([company_of(n) for n in known])
    close = there & (np.arange(slots.shape[1]) < company[:, None])
    density = np.where(close, similarity, 0.0).sum(axis=1) / np.maximum(close.sum(axis=1), 1)
    weight = np.maximum(similarity, 0) ** _POWER * np.where(pinned & there, _PINNED_VOTES, 1.0)
    same = slots[:, :, None] == slots[:, None, :]
    share = np.einsum("ijk,ik->ij", same, weight) / np.maximum(weight.sum(axis=1), 1e-12)[:, None]
    placed = slots != NONE
    rank = np.where(placed, share + _CENTRE_COUNTS * likeness.to_each, -np.inf)
    best = rank.argmax(axis=1)
    each = np.arange(len(slots))
    lonely = (density < line) & (similarity.max(axis=1, initial=0.0) < PAIR)
    followed = pinned & there & (similarity >= FOLLOWS)
    follows = followed.any(axis=1)
    best = np.where(follows, followed.argmax(axis=1), best)
    slot = np.where(placed[each, best] & (~lonely | follows), slots[each, best], NONE).astype(np.int32)
    nearest = np.where(slots == slots[each, best][:, None], similarity, 0.0).max(axis=1, initial=0.0)
    slot[nearest < np.maximum(line, _NEAR)] = NONE
    alone = there & ~placed
    unplaced = np.where(alone, share, 0.0).max(axis=1, initial=0.0)
    mine = np.where(placed[each, best], share[each, best], 0.0)
    with_it = alone & (similarity >= PAIR) & (~follows & (unplaced > mine))[:, None]
    others = np.where(same[each, best], 0.0, share).max(axis=1, initial=0.0)
    margin = (mine - others).astype(np.float32)
    score = np.where(slot != NONE, likeness.to_each[each, best], density).astype(np.float32)
    lead = score - likeness.to_another(slots[each, best])
    joined = same[each, best] & there
    beside = joined.sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    total = _INTERCEPT + _MARGIN * margin + _BESIDE * beside + _LIKENESS * score + _LEAD * lead
    total += _OTHERS * _others(slots, joined) + beside * _hindsight(weight * joined, trust)
    return Votes(slot, with_it, score, margin, (1 / (1 + np.exp(-total))).astype(np.float32))


def _hindsight(weight: Floats, trust: NDArray[np.floating]) -> Floats:
    """What the neighbours that an item joins are trusted, by their weight in the vote; 0 of those nobody has seen."""
    seen = ~np.isnan(trust)
    total = (weight * seen).sum(axis=1)
    told = (weight * np.where(seen, trust, 0.0)).sum(axis=1)
    return told / np.maximum(total, 1e-12)


def _others(slots: NDArray[np.int32], joined: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many other problems the neighbours are of; none at all counts as one."""
    ordered = np.sort(np.where(joined, _JOINED, slots), axis=1)
    return 1 + (ordered[:, 1:] != ordered[:, :-1]).sum(axis=1) - joined.any(axis=1)
