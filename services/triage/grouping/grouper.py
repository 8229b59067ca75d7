"""The seam between the service and the method that groups words into problems. Pure: no I/O, no clock.

A method is a `Grouper`. The service opens one `Grouping` per batch with what it has stored, asks it to `assign` each
item in order, decides (a person's correction may overrule), and lets it `learn` what was decided before the next item.
To replace the method, write another Grouper and name it in `services/triage/grouping/current.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece of feedback as the method reads it: each stem with the word it was first seen in."""

    feedback_id: UUID
    terms: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a problem is recognised by: how many of the profile's reports use each stem.

    `profile_id` is the problem that these words opened; `problem_id` the one it is now, after merges.
    """

    profile_id: UUID
    problem_id: UUID
    uses: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Place:
    """Where evidence belongs: a problem, and the profile of it that it counts for."""

    profile_id: UUID
    problem_id: UUID


@dataclass(frozen=True, slots=True)
class Pinned:
    """Evidence that a person placed: into a problem, or into none (`place` None). Its like goes where it is."""

    feedback_id: UUID
    place: Place | None
    terms: frozenset[str]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the workspace has said so far: how many reports, and how many of them use each stem."""

    reports: int
    uses: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Assignment:
    """What the method says about one item, explained.

    A place, or None: then `opens` says whether the item should open a problem or stay unassigned. `score` is 0 to 1;
    `nearest` are the ids of the evidence that decided, where the method knows them.
    """

    place: Place | None
    opens: bool
    score: float
    reason: str
    algorithm: str
    nearest: tuple[UUID, ...] = ()


class Grouping(Protocol):
    """One batch's view of a workspace's problems; what it learns makes the next item's answer."""

    def assign(self, item: Evidence) -> Assignment: ...

    def learn(self, item: Evidence, place: Place | None) -> None: ...

    def uses_of(self, profile_id: UUID) -> Mapping[str, int]: ...


class Grouper(Protocol):
    """A method of grouping. `version` is recorded with every assignment it makes."""

    version: str

    def read(self, feedback_id: UUID, text: str) -> Evidence: ...

    def begin(self, problems: Iterable[Candidate], pinned: Sequence[Pinned], seen: Seen) -> Grouping: ...
