"""From a text to the few words that can tell problems apart: folded, without stop-words, cut to a common stem."""

import re
import unicodedata
from functools import lru_cache
from itertools import chain, islice

from services.triage.grouping.stopwords import STOPWORDS

STEM = 6
MAX_CHARACTERS = 12_000
MAX_TERMS = 150
_SURFACE = 30
_LONGEST_KEPT = 30
# An address is looked for from the beginning of a word only: from anywhere in it, a long one would take quadratic time.
_NOT_WORDS = re.compile(r"(?:https?://|www\.)\S+|(?<!\S)\S+@\S+|<[^<>]{0,300}>", re.IGNORECASE)
_SIGNS_OF_NO_WORDS = ("@", "<", "://", "w.", "W.")  # most texts have none of these, and that is soon seen
_WORD = re.compile(r"[^\W\d_]+")
_ASCII_LETTERS = {code: chr(code) if chr(code).isalpha() else " " for code in range(128)}
# Scripts that do not put spaces between words: pairs of characters stand in for words.
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


def terms_of(text: str) -> dict[str, str]:
    """The distinct stems of `text` in order of appearance, each with the word it was first seen in.

    Only the first 12,000 characters and 150 stems count, so that no text, however long, costs more than another. How
    often a word is repeated does not matter: shouting adds nothing.
    """
    found: dict[str, str] = {}
    for stemmed, surface in chain.from_iterable(map(_kept, _words(text))):
        if stemmed not in found:
            found[stemmed] = surface
    return found if len(found) <= MAX_TERMS else dict(islice(found.items(), MAX_TERMS))


def stems_of(text: str) -> list[str]:
    """The stems that `terms_of` finds, in its order."""
    words = _words(text)
    short = max(map(len, words), default=0) <= _LONGEST_KEPT
    found = dict.fromkeys(chain.from_iterable(map(_known_stems if short else _stems_only, words)))
    return list(islice(found, MAX_TERMS))


def _words(text: str) -> list[str]:
    text = text[:MAX_CHARACTERS]
    if any(sign in text for sign in _SIGNS_OF_NO_WORDS):
        text = _NOT_WORDS.sub(" ", text)
    # The same words, in half the time.
    return text.translate(_ASCII_LETTERS).split() if text.isascii() else _WORD.findall(text)


def _kept(word: str) -> tuple[tuple[str, str], ...]:
    return _known(word) if len(word) <= _LONGEST_KEPT else _stems(word)


def _stems(word: str) -> tuple[tuple[str, str], ...]:
    """The stems in what has no spaces, each with its surface; stop-words left out."""
    folded = [(fold(piece), piece) for piece in _pieces(word)]
    return tuple(
        (stem(plain), piece.lower()[:_SURFACE]) for plain, piece in folded if len(plain) >= 2 and plain not in STOPWORDS
    )


def _stems_only(word: str) -> tuple[str, ...]:
    return tuple(stemmed for stemmed, _ in _stems(word))


# Customers use the same words again and again.
_known = lru_cache(maxsize=65_536)(_stems)
_known_stems = lru_cache(maxsize=65_536)(_stems_only)


def fold(word: str) -> str:
    """Lower case, compatibility forms unified, accents and other marks removed."""
    if word.isascii():
        return word.lower()
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def stem(folded: str) -> str:
    """The first six letters, a short word's plural -s dropped: crude, but the same for every language here."""
    if len(folded) <= STEM and len(folded) > 3 and folded.endswith("s") and not folded.endswith("ss"):
        return folded[:-1]
    return folded[:STEM]


def _pieces(word: str) -> list[str]:
    if not _UNSPACED.search(word):
        return [word]
    return [word[start : start + 2] for start in range(max(1, len(word) - 1))]
