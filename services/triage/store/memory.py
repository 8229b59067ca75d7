"""What a process keeps in memory: the embedder, and the engines of the workspaces that it worked on last."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.triage.embedding.embedder import Embedder
from services.triage.embedding.language import UNSURE, languages_of
from services.triage.grouping.engine import Engine

MOST_ROWS = 200_000
"""Rows of evidence in memory over all workspaces; with 384 dimensions one takes 2.5 kB."""


@dataclass(frozen=True, slots=True)
class Read:
    """Texts as the engine takes them: a unit vector and a language each."""

    vectors: NDArray[np.float32]
    languages: list[str]


@dataclass(frozen=True, slots=True)
class Remembered:
    """An engine as it was left by version `version`, in the database's transaction `changed_in`."""

    engine: Engine
    version: int
    changed_in: int


class Memory:
    """One process's memory. Whoever takes an engine out must put it back, or it is read from the database again.

    `choose` makes the embedder when it is first needed, in a thread, as it may have to build a model.
    """

    def __init__(self, choose: Callable[[], Embedder], *, most_rows: int = MOST_ROWS) -> None:
        self._choose = choose
        self._most_rows = most_rows
        self._embedder: Embedder | None = None
        self._engines: OrderedDict[str, Remembered] = OrderedDict()
        # One thread: an embedder is not made for several, and one core is what it may take.
        self._thread = ThreadPoolExecutor(1, "embedder")

    async def embedder(self) -> Embedder:
        return self._embedder or await asyncio.get_running_loop().run_in_executor(self._thread, self._chosen)

    async def read(self, texts: Sequence[str], given: Sequence[str | None]) -> Read:
        """Embed texts beside the event loop; `given` are the languages that their sources named, or None."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._read, texts, given)

    def take(self, workspace: str) -> Remembered | None:
        return self._engines.pop(workspace, None)

    def keep(self, workspace: str, remembered: Remembered) -> None:
        """Put an engine back; those used least recently are forgotten when there are too many rows."""
        self._engines[workspace] = remembered
        rows = sum(one.engine.window.count for one in self._engines.values())
        while rows > self._most_rows and len(self._engines) > 1:
            _, gone = self._engines.popitem(last=False)
            rows -= gone.engine.window.count

    def forget(self) -> None:
        """Every engine, as if the process had started anew."""
        self._engines.clear()

    def _chosen(self) -> Embedder:
        self._embedder = self._embedder or self._choose()
        return self._embedder

    def _read(self, texts: Sequence[str], given: Sequence[str | None]) -> Read:
        embedder = self._chosen()
        # Where languages make no difference to the vectors, they are only detected for what is shown.
        languages = languages_of(texts, given) if embedder.multilingual else [code or UNSURE for code in given]
        return Read(embedder.embed(texts), languages)
