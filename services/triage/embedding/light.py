"""The light embedder: a table of token vectors, added up. Fast enough for the hot path on one core.

The table and the tokenizer are WordLlama's (MIT), two files inside its wheel. They are read directly: the package's own
loader asks the network for a tokenizer.
"""

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from services.triage.embedding.embedder import batches, joined, unit
from services.triage.embedding.lexical import LEXICAL, Words
from services.triage.embedding.reading import ends_of, readable
from services.triage.embedding.wheels import folder_of, table_of, tokenizer_of

SEMANTIC = 256
MOST_TOKENS = 256
LEXICAL_WEIGHT = 0.5
_KEPT = 100_000
_LONGEST_KEPT = 32
_UNKNOWN = [0]


class LightEmbedder:
    """WordLlama's sum of token vectors with the words' own signs; bit for bit independent of the batch."""

    version = "light-1"
    dimensions = SEMANTIC + LEXICAL
    semantic = SEMANTIC
    multilingual = False

    def __init__(self) -> None:
        folder = folder_of("wordllama", needed_for="light")
        self._table = table_of(folder / "weights" / "l2_supercat_256.safetensors")
        self._tokenizer = tokenizer_of(folder / "tokenizers" / "l2_supercat_tokenizer_config.json")
        self._tokens: dict[str, list[int]] = {}
        self._words = Words()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One unit row per text: 256 semantic columns, then 0.5 × 128 lexical ones; of a text 256 tokens."""
        rows = np.empty((len(texts), self.dimensions), dtype=np.float32)
        done = 0
        for batch in batches(texts):
            read = [readable(text) for text in batch]
            rows[done : done + len(read)] = joined(self._meaning(read), self._words.rows(read), LEXICAL_WEIGHT)
            done += len(read)
        return rows

    def _meaning(self, texts: Sequence[str]) -> NDArray[np.float32]:
        split = [text.split() for text in texts]
        known = self._known({word for words in split for word in words})
        tokens = [[token for word in words for token in known[word]] or _UNKNOWN for words in split]
        used = [ends_of(found, MOST_TOKENS) for found in tokens]
        ends = np.cumsum([0, *map(len, used)])
        flat = np.fromiter(chain.from_iterable(used), dtype=np.int32, count=ends[-1])
        # A product with a sparse matrix adds each text's rows in order, without a copy of them all.
        counted = csr_array((np.ones(len(flat), np.float32), flat, ends), shape=(len(texts), len(self._table)))
        return unit(counted @ self._table)

    def _known(self, words: set[str]) -> dict[str, list[int]]:
        """These words' tokens. They do not depend on a word's neighbours, so those of short words are remembered."""
        known = {word: tokens for word in words if (tokens := self._tokens.get(word)) is not None}
        if new := [word for word in words if word not in known]:
            encoded = self._tokenizer.encode_batch_fast(new, add_special_tokens=False)
            found = {word: one.ids for word, one in zip(new, encoded, strict=True)}
            if len(self._tokens) + len(found) > _KEPT:
                self._tokens.clear()
            self._tokens |= {word: tokens for word, tokens in found.items() if len(word) <= _LONGEST_KEPT}
            known |= found
        return known
