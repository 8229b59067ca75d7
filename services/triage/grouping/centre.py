"""Which evidence stands for a problem: its most central words, and what is nearest to an item. Pure."""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from uuid import UUID

from services.triage.grouping.words import terms_of

LONGEST = 160
_SENTENCE = re.compile(r"(?<=[.!?…。！？])\s+|\n+")
_TOO_LONG_FOR_SENTENCES = 4_000
_TOO_FEW = 3


def statement_of(texts: Mapping[UUID, str], uses: Mapping[str, int], reports: int) -> tuple[UUID, str] | None:
    """The one sentence of a customer whose words most reports share, and whose it is; None without any words.

    A sentence scores the sum of its stems' shares of the problem's reports over the square root of its length in stems
    (at least 3), so that neither a lone word nor a long tale wins.
    """
    best: tuple[float, UUID, str] | None = None
    for feedback_id, text in texts.items():
        for sentence in _SENTENCE.split(text[:_TOO_LONG_FOR_SENTENCES])[:30]:
            line = _line(sentence)
            terms = terms_of(line)
            shares = sum(uses.get(term, 0) for term in terms) / max(1, reports)
            score = shares / math.sqrt(max(_TOO_FEW, len(terms)))
            if line and (best is None or score > best[0]):
                best = (score, feedback_id, line)
    return (best[1], best[2]) if best else None


def nearest_to(terms: frozenset[str], others: Sequence[tuple[UUID, frozenset[str]]], most: int = 3) -> tuple[UUID, ...]:
    """The ids of the evidence that shares most with `terms` (Dice's coefficient), best first."""
    scored = []
    for feedback_id, other in others:
        shared = len(terms & other)
        if shared:
            scored.append((-2 * shared / (len(terms) + len(other)), feedback_id))
    return tuple(feedback_id for _, feedback_id in sorted(scored)[:most])


def _line(text: str) -> str:
    """One readable line: white space joined, control and direction marks gone, cut at a word."""
    plain = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c) not in _UNSEEN)
    joined = " ".join(plain.split())
    if len(joined) <= LONGEST:
        return joined
    head = joined[: LONGEST - 1]
    return (head[: head.rfind(" ")] if " " in head[LONGEST // 2 :] else head) + "…"


_UNSEEN = ("Cc", "Cf", "Cs", "Co")
