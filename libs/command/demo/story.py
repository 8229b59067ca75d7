"""What the steps of the demo share: the caller, the screen, what happened so far, and how a step is verified."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import uuid4

from libs.client import AsyncWhystream
from libs.command.demo.receiver import Receiver
from libs.command.demo.screen import Screen
from libs.command.errors import CommandError
from libs.command.installation import Installation

T = TypeVar("T")
PATIENCE = 60.0
EVERY = 0.15


class StepFailed(CommandError):
    """A step of the story did not come out as it should; the message says what was expected and what was there."""


@dataclass
class Story:
    """One telling. Each step reads what the steps before it left here."""

    whystream: AsyncWhystream
    screen: Screen
    receiver: Receiver
    installation: Installation
    url: str
    # Names that must be new each time, such as an experiment's key, end in this.
    run: str = field(default_factory=lambda: uuid4().hex[:6])
    problem: dict[str, Any] = field(default_factory=dict)
    quotes: list[dict[str, Any]] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)
    objective: dict[str, Any] = field(default_factory=dict)
    subscription: dict[str, Any] = field(default_factory=dict)
    experiment: dict[str, Any] = field(default_factory=dict)
    readout: dict[str, Any] = field(default_factory=dict)
    decision: dict[str, Any] = field(default_factory=dict)

    @property
    def problem_id(self) -> str:
        return self.problem["id"]


def verify(holds: bool, otherwise: str) -> None:
    """Raise StepFailed with what is wrong, unless it holds."""
    if not holds:
        raise StepFailed(otherwise)


async def until(
    look: Callable[[], Awaitable[T]],
    holds: Callable[[T], bool],
    otherwise: Callable[[T], str],
    within: float = PATIENCE,
) -> T:
    """Look again and again until it holds, and give what was seen. Raises StepFailed after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        seen = await look()
        if holds(seen):
            return seen
        if time.monotonic() > deadline:
            raise StepFailed(f"{otherwise(seen)} (waited {within:.0f} s; `whystream doctor` says what is wrong)")
        await asyncio.sleep(EVERY)


def words_of(evidence: Mapping[str, Any]) -> str:
    """The customer's words in one piece of evidence."""
    return str(evidence.get("text") or "")
