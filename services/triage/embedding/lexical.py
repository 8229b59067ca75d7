"""Which words a text uses, as a short vector: texts that share rare words are near even where meaning is vague.

Each word and each pair of neighbouring words is a feature, counted once per text. A feature is a fixed row of random
signs; a text is the sum of its rows, so that the cosine of two texts estimates the share of features they have in
common (Charikar, Similarity estimation techniques from rounding algorithms, 2002; here the sums are kept). The signs
come from hashes that no library version changes: BLAKE2b of the word, then splitmix64 (Steele et al. 2014).
"""

import re
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from services.triage.embedding.embedder import unit
from services.triage.embedding.reading import ends_of

LEXICAL = 128
MOST_WORDS = 256
_MOST_IN_A_BYTE = 255
_KEPT = 100_000
_LONGEST_KEPT = 32
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
# Scripts written without spaces: there each letter counts as a word, and pairs of neighbours as the next best.
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_ASCII_WORDS = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}
_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


class Words:
    """Turns readable texts into [n, 128] unit rows, bit for bit the same whatever the batch; remembers seen words."""

    def __init__(self) -> None:
        self._hashes: dict[str, int] = {}

    def rows(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One unit row per text; a text without words counts as whatever stands between its spaces."""
        hashes, counts = [], np.empty(len(texts), dtype=np.int64)
        for index, text in enumerate(texts):
            words = ends_of(words_of(text) or text.split() or [""], MOST_WORDS)
            counts[index] = len(words)
            hashes.append(self._hashed(words))
        words = np.array([one for found in hashes for one in found], dtype=np.uint64)
        return unit(_signed(*_features(words, counts)))

    def _hashed(self, words: list[str]) -> list[int]:
        known = self._hashes
        try:
            return [known[word] for word in words]
        except KeyError:
            return [self._hash(word) for word in words]

    def _hash(self, word: str) -> int:
        found = self._hashes.get(word)
        if found is None:
            found = int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")
            if len(self._hashes) >= _KEPT:
                self._hashes.clear()
            if len(word) <= _LONGEST_KEPT:
                self._hashes[word] = found
        return found


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, in order."""
    # Plain letters take half the time without the pattern.
    return text.translate(_ASCII_WORDS).split() if text.isascii() else _WORD.findall(text.lower())


def _features(words: NDArray[np.uint64], counts: NDArray[np.int64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Words and pairs, each once per text, and where each text's features start."""
    texts = np.repeat(np.arange(len(counts)), counts)
    together = texts[:-1] == texts[1:]
    pairs = splitmix(words[:-1] ^ splitmix(words[1:] + _STEP))[together]
    features, texts = np.concatenate([words, pairs]), np.concatenate([texts, texts[:-1][together]])
    order = np.lexsort((features, texts))
    features, texts = features[order], texts[order]
    fresh = np.ones(len(features), dtype=bool)
    fresh[1:] = (features[1:] != features[:-1]) | (texts[1:] != texts[:-1])
    features, texts = features[fresh], texts[fresh]
    return features, np.searchsorted(texts, np.arange(len(counts)))


def _signed(features: NDArray[np.uint64], starts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Per text the sum of its features' signs: whole numbers, so that no order of adding changes them."""
    halves = np.stack([splitmix(features), splitmix(features + _STEP)], axis=1)
    bits = np.unpackbits(halves.astype("<u8").view(np.uint8), axis=1, bitorder="little")
    sizes = np.diff(starts, append=len(features))
    if sizes.max(initial=0) <= _MOST_IN_A_BYTE:  # eight bytes are added at once: no sum runs over into the next
        ones = np.add.reduceat(bits.view(np.uint64), starts, axis=0).view(np.uint8)
    else:
        ones = np.add.reduceat(bits, starts, axis=0, dtype=np.int32)
    return (2 * ones.astype(np.int32) - sizes[:, None]).astype(np.float32)


def splitmix(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The splitmix64 generator's output for each state; unsigned arithmetic that wraps."""
    mixed = numbers + _STEP
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return mixed ^ (mixed >> np.uint64(31))
