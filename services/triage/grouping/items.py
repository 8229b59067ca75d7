"""What goes into the grouping engine and what comes out of it. Pure."""

from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of feedback: its id, its unit vector, and the language that it is in."""

    key: UUID
    vector: NDArray[np.floating]
    language: str = "und"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an item went at its arrival, and why.

    `score` is its likeness to the problem's centre (to its nearest evidence, when unassigned), `margin` the share of
    the vote that the problem had over the next one, `confidence` the probability that it is with its like (None when
    unassigned). `nearest` are the items that are most like it, nearest first, with their cosines in `similarity`.
    `opens` says that the problem is new; `pulled` are items that were unassigned until this one gave them company.
    """

    key: UUID
    problem: UUID | None
    opens: bool
    score: float
    margin: float
    confidence: float | None
    nearest: tuple[UUID, ...]
    similarity: tuple[float, ...]
    pulled: tuple[UUID, ...] = ()

    @property
    def reason(self) -> str:
        """Why it is where it is, in words."""
        likest = f"; the likest by {self.similarity[0]:.2f}" if self.similarity else ""
        if self.problem is None:
            return f"nothing is like it enough{likest}" if likest else "the first of its workspace"
        if self.opens:
            return f"the first that is like what was alone before it{likest}"
        return f"most of what is like it is there ({self.margin:.0%} of the vote ahead){likest}"


@dataclass(frozen=True, slots=True)
class Moved:
    """An item that now belongs elsewhere; None is to no problem."""

    key: UUID
    before: UUID | None
    after: UUID | None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the window as it is kept: the vector as float16 bytes, and where it was placed when it arrived."""

    key: UUID
    vector: bytes
    language: str
    problem: UUID | None
    pinned: bool
    arrived_in: UUID | None = None


@dataclass(frozen=True, slots=True)
class EngineState:
    """What an engine knows beside its rows.

    How much it has seen, when it looked back, and then: how many different things there were, and what it takes out of
    each vector (float32 bytes; none for nothing yet).
    """

    seen: int
    looked_at: int
    different: float
    taken: bytes
    languages: tuple[str, ...]
    trust: bytes = b""
    """What the last look back thinks of the rows, as `kept_trust` makes it."""
