"""Garbage in cycles is still found, and what was there before is not looked through again."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from libs.runtime.garbage import look_for_garbage_less_often


class Thing:
    """Something that can hold itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.unfreeze()


def test_what_is_there_is_left_alone_and_new_cycles_are_found() -> None:
    before = Thing()
    look_for_garbage_less_often()
    assert before not in gc.get_objects()
    seen = weakref.ref(Thing())
    kept = [[] for _ in range(60_000)]
    assert seen() is None
    assert len(kept) == 60_000


def test_few_new_objects_are_not_looked_through() -> None:
    look_for_garbage_less_often()
    seen = weakref.ref(Thing())
    kept = [[] for _ in range(5_000)]
    assert seen() is not None
    assert len(kept) == 5_000
