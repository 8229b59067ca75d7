"""A problem as a person reads it: one customer's sentence, the words that set it apart, and a few quotes. Pure.

Drawn from a sample of its evidence with a unit vector each. Every *voice* counts once, however much it says, so that a
flood of one customer neither becomes the statement nor fills the quotes.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from services.triage.grouping.sentences import is_request, sentences_of, words_in
from services.triage.grouping.words import terms_of

Floats = NDArray[np.float32]

MOST_READ = 200
MOST_QUOTES, FEWEST_QUOTES = 5, 3
MOST_TERMS = 6
DIMENSIONS = 256
_TRIMMED = 0.2  # of the voices, the farthest from the middle do not say where the middle is
_NEAR_COPY = 0.95
_RELEVANCE = 0.6
_MOST_PRIOR = 100.0
_SHORT, _LONG = 4, 28


@dataclass(frozen=True, slots=True)
class Heard:
    """One sampled piece of evidence. `named` is False when its voice stands for all who did not say who they are."""

    feedback_id: UUID
    text: str
    voice: str
    named: bool = True


@dataclass(frozen=True, slots=True)
class Term:
    """A word that sets a problem apart. `z` is how surely (standard deviations), `voices` how many use it."""

    word: str
    z: float
    voices: int


@dataclass(frozen=True, slots=True)
class Request:
    """What customers ask for, in the words of the most central who does; it is not the problem itself."""

    text: str
    feedback_id: UUID
    voices: int


@dataclass(frozen=True, slots=True)
class Portrait:
    """A problem as drawn from its evidence. `centroid` is a unit vector, or zeros when the vectors cancel out."""

    statement: str
    stated_by: UUID
    terms: tuple[Term, ...]
    quotes: tuple[UUID, ...]
    request: Request | None
    centroid: Floats


def draw(
    heard: Sequence[Heard], vectors: NDArray[np.floating], others: Mapping[str, int], reports: int
) -> Portrait | None:
    """The portrait of a problem; None when nothing in it has words.

    `vectors` has a row for each of `heard` (any length; made unit here). `others` says how many of `reports` sampled
    reports of the workspace's other problems use each stem.
    """
    if not heard:
        return None
    stems = [terms_of(one.text) for one in heard]
    rows = _unit(vectors)
    weights = _weights(heard)
    centre, central = _centre(rows, weights)
    terms = distinguishing(heard, stems, others, reports)
    order = sorted(range(len(heard)), key=lambda i: (-central[i], heard[i].feedback_id))
    lines = [sentences_of(one.text) for one in heard]
    stated = _statement(lines, stems, weights, central, order)
    if stated is None:
        return None
    quotes = _quotes(heard, rows, central, order)
    return Portrait(stated[1], heard[stated[0]].feedback_id, terms, quotes, _request(heard, lines, order), centre)


def distinguishing(
    heard: Sequence[Heard], stems: Sequence[Mapping[str, str]], others: Mapping[str, int], reports: int
) -> tuple[Term, ...]:
    """The words that this problem's voices use and others do not, surest first.

    The log-odds ratio with an informative Dirichlet prior, over its standard deviation (Monroe, Colaresi and Quinn
    2008, "Fightin' Words", eq. 16, 20 and 22); the prior is what both sides say together, as strong as this problem's
    words, 100 at most. Where there is nothing else to compare with, the words that most voices use. A word counts once
    per voice, and must be used by two, unless there is only one report.
    """
    users: dict[str, set[str]] = defaultdict(set)
    surfaces: dict[str, Counter[str]] = defaultdict(Counter)
    for one, found in zip(heard, stems, strict=True):
        for stem, surface in found.items():
            users[stem].add(one.voice if one.named else f"{one.voice} {one.feedback_id}")
            surfaces[stem][surface] += 1
    mine = {stem: len(voices) for stem, voices in users.items()}
    total, total_others = sum(mine.values()), max(sum(others.values()), reports)
    strength = min(_MOST_PRIOR, total)
    fewest = 2 if len(heard) > 1 else 1
    found = []
    for stem, count in mine.items():
        prior = strength * (count + others.get(stem, 0)) / (total + total_others)
        z = _log_odds((count, total), (others.get(stem, 0), total_others), prior, strength) if others else 0.0
        if count >= fewest and (z > 0 or not others):
            found.append(Term(surfaces[stem].most_common(1)[0][0], round(z, 3), count))
    return tuple(sorted(found, key=lambda term: (-term.z, -term.voices, term.word))[:MOST_TERMS])


def nearest(centroid: NDArray[np.floating], others: NDArray[np.floating], most: int) -> list[tuple[int, float]]:
    """The rows of `others` most like `centroid`, best first, with their cosine after their common mean is taken off.

    Embeddings of one trade's words share a direction that says nothing; without it, like and unlike lie apart.
    """
    if not len(others):
        return []
    middle = _unit(np.vstack([others, centroid[None]])).mean(axis=0)
    like = _unit(_unit(others) - middle) @ _unit(_unit(centroid[None]) - middle)[0]
    best = np.argsort(-like, kind="stable")[:most]
    return [(int(at), float(like[at])) for at in best]


def word_vectors(texts: Sequence[str]) -> Floats:
    """Unit vectors from the words alone, for evidence that has no other: stems hashed to 256 signed dimensions."""
    rows = np.zeros((len(texts), DIMENSIONS), np.float32)
    for row, text in zip(rows, texts, strict=True):
        for stem in terms_of(text):
            place = crc32(stem.encode("utf-8", "replace"))
            row[place % DIMENSIONS] += 1.0 if place & 0x10000 else -1.0
    return _unit(rows)


def _log_odds(mine: tuple[int, int], theirs: tuple[int, int], prior: float, strength: float) -> float:
    """z of the difference of two log odds; each side is how often the word is used, of how many words."""
    (count, total), (other, total_others) = mine, theirs
    here = math.log((count + prior) / max(1e-9, total + strength - count - prior))
    there = math.log((other + prior) / max(1e-9, total_others + strength - other - prior))
    return (here - there) / math.sqrt(1 / (count + prior) + 1 / (other + prior))


def _unit(vectors: NDArray[np.floating]) -> Floats:
    rows = np.nan_to_num(np.asarray(vectors, np.float32), posinf=0.0, neginf=0.0)
    rows = rows / np.maximum(np.abs(rows).max(axis=1, keepdims=True, initial=0.0), 1e-9)  # squares must fit
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def _weights(heard: Sequence[Heard]) -> Floats:
    """One per named voice, shared by what it said; the root of their number for the anonymous of a source."""
    said = Counter(one.voice for one in heard)
    return np.array([1 / said[one.voice] if one.named else said[one.voice] ** -0.5 for one in heard], np.float32)


def _centre(rows: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """The middle of the evidence, the farthest fifth left out of it, and each item's cosine to it."""
    first = rows @ _unit((weights @ rows)[None])[0]
    ordered = np.argsort(first, kind="stable")
    left_out = ordered[np.cumsum(weights[ordered]) <= _TRIMMED * weights.sum()] if len(rows) > FEWEST_QUOTES else []
    kept = weights.copy()
    kept[left_out] = 0
    centre = _unit((kept @ rows)[None])[0]
    return centre, rows @ centre


def _statement(
    lines: Sequence[Sequence[str]],
    stems: Sequence[Mapping[str, str]],
    weights: Floats,
    central: Floats,
    order: Sequence[int],
) -> tuple[int, str] | None:
    """Whose sentence stands for all, and which: words that most voices share, of one near the middle, no request."""
    shares: dict[str, float] = defaultdict(float)
    for found, weight in zip(stems, weights, strict=True):
        for stem in found:
            shares[stem] += float(weight) / float(weights.sum())
    best: tuple[float, int, str] | None = None
    for index in order[: max(FEWEST_QUOTES, len(order) // 2)]:
        for place, line in enumerate(lines[index]):
            score = _score(line, shares, len(stems[index])) * max(0.05, float(central[index])) * 0.98**place
            if best is None or score > best[0]:
                best = (score, index, line)
    return (best[1], best[2]) if best else None


def _score(line: str, shares: Mapping[str, float], whole: int) -> float:
    """How well a sentence tells what most say: shared words, neither a scrap nor a tale, the problem and not a wish.

    `whole` is how many stems its text has: a sentence that is most of a central text is as central as the text.
    """
    found = terms_of(line)
    length = words_in(line)
    told = sum(shares.get(stem, 0.0) for stem in found) / math.sqrt(max(3, len(found)))
    readable = min(1.0, (1 + length) / (1 + _SHORT), (1 + _LONG) / (1 + length))
    covers = 0.6 + 0.4 * len(found) / max(1, whole)
    asks = 0.6 if is_request(line) else 0.7 if line.endswith("?") else 1.0
    return (1e-6 + told) * readable * covers * asks * (0.8 if line.endswith("…") else 1.0)


def _quotes(heard: Sequence[Heard], rows: Floats, central: Floats, order: Sequence[int]) -> tuple[UUID, ...]:
    """Those that represent and differ: maximal marginal relevance (Carbonell and Goldstein 1998), λ = 0.6.

    Never two of one named customer, no near-copies, and none of the farthest fifth.
    """
    pool = [
        index for index in order[: max(FEWEST_QUOTES, math.ceil(len(order) * (1 - _TRIMMED)))] if _legible(heard[index])
    ]
    chosen: list[int] = []
    while pool and len(chosen) < MOST_QUOTES:
        like = rows[pool] @ rows[chosen].T if chosen else np.zeros((len(pool), 1), np.float32)
        worth = _RELEVANCE * central[pool] - (1 - _RELEVANCE) * like.max(axis=1)
        chosen.append(pool[int(np.argmax(worth))])
        said = {heard[index].voice for index in chosen if heard[index].named}
        texts = {_folded(heard[index].text) for index in chosen}
        copies = (rows[pool] @ rows[chosen].T).max(axis=1) >= _NEAR_COPY
        pool = [
            index
            for index, copy in zip(pool, copies, strict=True)
            if not copy and heard[index].voice not in said and _folded(heard[index].text) not in texts
        ]
    return tuple(heard[index].feedback_id for index in chosen)


def _request(heard: Sequence[Heard], lines: Sequence[Sequence[str]], order: Sequence[int]) -> Request | None:
    """What is asked for, by the most central that ask; how many voices ask for anything."""
    asked: tuple[str, UUID] | None = None
    voices: set[str] = set()
    for index in order:
        one = heard[index]
        line = next((line for line in lines[index] if is_request(line)), None)
        if line is None:
            continue
        voices.add(one.voice if one.named else f"{one.voice} {one.feedback_id}")
        asked = asked or (line, one.feedback_id)
    return Request(*asked, len(voices)) if asked else None


def _legible(one: Heard) -> bool:
    return any(character.isalnum() for character in one.text)


def _folded(text: str) -> str:
    return " ".join(text[:2_000].casefold().split())
