"""Grouping by shared words, weighted by rarity: simple, explainable, and the same for every replica and batch size.

An item is the set of its stems; a problem is, per stem, how many of its reports use it. Both are weighted by inverse
document frequency, `ln(1 + (N + 21) / (n + 2))` for a stem that n of the workspace's N reports so far use: 1 is the
item itself, and 20 damps the first items, when nothing is known to be rare. N is cut to its first five bits. They are
compared by cosine. The best problem at or above `JOINS` takes the item; below it a new one opens, unless there are too
few words to tell. Source: Salton & Buckley, Term-weighting approaches in automatic text retrieval (1988).
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from services.triage.grouping.grouper import Assignment, Candidate, Evidence, Pinned, Place, Seen
from services.triage.grouping.words import terms_of

VERSION = "words-1"
JOINS = 0.10
FOLLOWS = 0.60  # this like to something a person placed: goes where the person put that
OPENS_WITH = 3  # stems; with fewer nobody could say what the problem is
JOINS_WITH = 2  # stems; a lone word belongs anywhere
PROFILE_MOST, PROFILE_KEEPS = 300, 200
_DAMPING = 20
_NAMED = 5


class WordOverlap:
    """The method `words-1`; see the module's text."""

    version = VERSION

    def read(self, feedback_id: UUID, text: str) -> Evidence:
        return Evidence(feedback_id, terms_of(text))

    def begin(self, problems: Iterable[Candidate], pinned: Sequence[Pinned], seen: Seen) -> "OverlapGrouping":
        return OverlapGrouping(problems, pinned, seen)


class OverlapGrouping:
    """One batch's view; forgets nothing that it was told and knows nothing else."""

    def __init__(self, problems: Iterable[Candidate], pinned: Sequence[Pinned], seen: Seen) -> None:
        self._reports = seen.reports
        self._seen = Counter(seen.uses)
        self._uses: dict[UUID, Counter[str]] = {}
        self._places: dict[UUID, Place] = {}
        self._having: dict[str, set[UUID]] = {}
        self._pinned = pinned
        self._pinned_having: dict[str, list[int]] = {}
        self._rarities: dict[str, float] = {}
        self._squares: dict[UUID, float] = {}  # the squared length of each profile that was asked for
        for candidate in problems:
            self._places[candidate.profile_id] = Place(candidate.profile_id, candidate.problem_id)
            self._uses[candidate.profile_id] = Counter(candidate.uses)
            for term in candidate.uses:
                self._having.setdefault(term, set()).add(candidate.profile_id)
        for index, item in enumerate(pinned):
            for term in item.terms:
                self._pinned_having.setdefault(term, []).append(index)

    def uses_of(self, profile_id: UUID) -> Mapping[str, int]:
        return self._uses[profile_id]

    def assign(self, item: Evidence) -> Assignment:
        """The best problem, or None with whether the item opens one; deterministic, ties go to the older problem."""
        weights = {term: self._rarity(term) for term in item.terms}
        followed = self._follow(item, weights)
        if followed is not None:
            return followed
        if len(weights) < JOINS_WITH:
            return self._nowhere(item, "too few words to tell what it is about")
        score, best = self._best(weights)
        if best is not None and score >= JOINS:
            return Assignment(self._places[best], False, score, self._sharing(item, self._uses[best], score), VERSION)
        if len(weights) < OPENS_WITH:
            return self._nowhere(item, "too few words to open a problem, and none that is like it")
        reason = (
            f"no problem is like it (the nearest {score:.2f}, {JOINS:.2f} needed)" if best else "the first such words"
        )
        return Assignment(None, True, 0.0 if best is None else score, reason, VERSION)

    def learn(self, item: Evidence, place: Place | None) -> None:
        """Count the item's words, and take it into the profile that it belongs to."""
        self._count(item)
        if place is None:
            return
        profile_id = place.profile_id
        self._places[profile_id] = place
        uses = self._uses.setdefault(profile_id, Counter())
        for term in item.terms:
            uses[term] += 1
            self._having.setdefault(term, set()).add(profile_id)
            if profile_id in self._squares:
                self._squares[profile_id] += (2 * uses[term] - 1) * self._rarity(term) ** 2
        if len(uses) > PROFILE_MOST:
            self._forget_rare(profile_id)

    def _count(self, item: Evidence) -> None:
        """One more report; lengths that are known are kept up to date rather than added up for every item."""
        before = {term: self._rarity(term) ** 2 for term in item.terms}
        if _coarse(self._reports + 1) != _coarse(self._reports):
            self._rarities.clear()
            self._squares.clear()
        self._reports += 1
        for term, old in before.items():
            self._seen[term] += 1
            self._rarities.pop(term, None)
            change = self._rarity(term) ** 2 - old
            for profile_id in self._having.get(term, ()):
                if profile_id in self._squares:
                    self._squares[profile_id] += change * self._uses[profile_id][term] ** 2

    def _forget_rare(self, profile_id: UUID) -> None:
        before = self._uses[profile_id]
        self._uses[profile_id] = trimmed(before)
        self._squares.pop(profile_id, None)
        for term in before.keys() - self._uses[profile_id].keys():
            self._having[term].discard(profile_id)

    def _rarity(self, term: str) -> float:
        found = self._rarities.get(term)
        if found is None:
            # An item counts itself, so that the first of a workspace is weighed like all others.
            found = math.log(1 + (_coarse(self._reports) + 1 + _DAMPING) / (self._seen.get(term, 0) + 2))
            self._rarities[term] = found
        return found

    def _square(self, profile_id: UUID) -> float:
        found = self._squares.get(profile_id)
        if found is None:
            found = sum((count * self._rarity(term)) ** 2 for term, count in self._uses[profile_id].items())
            self._squares[profile_id] = found
        return found

    def _best(self, weights: Mapping[str, float]) -> tuple[float, UUID | None]:
        found: dict[UUID, float] = {}
        for term, weight in weights.items():
            for profile_id in self._having.get(term, ()):
                found[profile_id] = found.get(profile_id, 0.0) + weight * weight * self._uses[profile_id][term]
        norm = math.sqrt(sum(weight * weight for weight in weights.values()))
        best: tuple[float, UUID | None] = (0.0, None)
        for profile_id, product in sorted(found.items()):
            # Rounded, so that lengths kept up to date and lengths added up anew decide alike.
            score = min(1.0, round(product / (norm * math.sqrt(self._square(profile_id))), 9))
            if score > best[0]:
                best = (score, profile_id)
        return best

    def _follow(self, item: Evidence, weights: Mapping[str, float]) -> Assignment | None:
        """Where a person placed something nearly the same; among equals the placing that was given first counts."""
        shared: dict[int, float] = {}
        for term, weight in weights.items():
            for index in self._pinned_having.get(term, ()):
                shared[index] = shared.get(index, 0.0) + weight * weight
        own = sum(weight * weight for weight in weights.values())
        best: tuple[float, int] | None = None
        for index, product in sorted(shared.items()):
            length = own * sum(self._rarity(term) ** 2 for term in self._pinned[index].terms)
            score = min(1.0, product / math.sqrt(length))
            if score >= FOLLOWS and (best is None or score > best[0]):
                best = (score, index)
        if best is None:
            return None
        score, pinned = best[0], self._pinned[best[1]]
        where = "left that without a problem" if pinned.place is None else "placed that here"
        reason = f"a person read something like it and {where}: {self._sharing(item, pinned.terms, score)}"
        return Assignment(pinned.place, False, score, reason, VERSION, (pinned.feedback_id,))

    def _sharing(self, item: Evidence, others: Iterable[str], score: float) -> str:
        shared = sorted(item.terms.keys() & set(others), key=lambda term: (-self._rarity(term), term))
        named = ", ".join(f"“{item.terms[term]}”" for term in shared[:_NAMED])
        more = f" and {len(shared) - _NAMED} more" if len(shared) > _NAMED else ""
        return f"shares {named}{more} ({score:.2f})"

    def _nowhere(self, item: Evidence, reason: str) -> Assignment:
        return Assignment(None, False, 0.0, reason if item.terms else "no words that could name a problem", VERSION)


def trimmed(uses: Mapping[str, int]) -> Counter[str]:
    """The stems that most reports use, so that a problem's size stays bounded however much is said about it."""
    return Counter(dict(sorted(uses.items(), key=lambda entry: (-entry[1], entry[0]))[:PROFILE_KEEPS]))


def _coarse(reports: int) -> int:
    """The number cut to its first five bits: rarities then change with it only once in a few percent of growth."""
    spare = max(0, reports.bit_length() - 5)
    return reports >> spare << spare
