"""Restart and replay: whatever happened, and whenever the process died, the problems are the same."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from services.triage.tests.histories import TEXTS, Life, Step, steps
from services.triage.tests.test_look_back import told
from services.triage.use_cases import place_items
from tests.support.driven import Driven

_NEXT = ("say", [*range(0, len(TEXTS), 5)])
_examples = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@_examples
@given(steps, st.booleans())
@example([("say", [*range(30)]), ("weigh", 5), ("say", [*range(30)])], True)
async def test_restarts_at_any_moment_change_nothing(triage: Driven, story: Sequence[Step], large: bool) -> None:
    with _looking_back_by_job(large):
        through, interrupted = Life(triage), Life(triage, restarts=True)
        for life in (through, interrupted):
            await life.live(story)
        _same(await _end_of(through), await _end_of(interrupted))
        for life in (through, interrupted):
            await life.live([_NEXT])
        _same(await _end_of(through), await _end_of(interrupted))


@_examples
@given(steps, st.integers(1, 12))
async def test_a_replay_in_other_batches_gives_the_same_problems(
    triage: Driven, story: Sequence[Step], batch: int
) -> None:
    """In a small workspace. Problems that came and went within what is one batch there may be missing here."""
    first, again = Life(triage), Life(triage, cut=batch)
    for life in (first, again):
        await life.live([*story, _NEXT])
    _same(await _end_of(first, gone=False), await _end_of(again, gone=False))


@contextmanager
def _looking_back_by_job(only: bool) -> Iterator[None]:
    """With `only`, every workspace counts as large: nothing looks back but what the history asks for."""
    most = place_items.AT_ONCE
    place_items.AT_ONCE = 0 if only else most
    try:
        yield
    finally:
        place_items.AT_ONCE = most


async def _end_of(life: Life, *, gone: bool = True) -> dict[str, Any]:
    """How a life ended, after making sure that nothing in it is wrong by itself."""
    life.triage.workspace = life.workspace
    assert await life.broken() == []
    places, said = await life.places(), await told(life.triage)
    assert {key: said[key] for key in places} == places
    return await life.outcome(gone=gone)


def _same(one: dict[str, Any], other: dict[str, Any]) -> None:
    for part, found in one.items():
        assert found == other[part], part
