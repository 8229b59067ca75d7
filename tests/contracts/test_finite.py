"""Every number of every event is finite: JSON has no word for infinity, and readers refuse a null in its place."""

import copy
import math
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from contracts.catalog import CATALOG, EventType
from contracts.golden import sample

Path = tuple[str | int, ...]


def numbers(value: Any, path: Path = ()) -> Iterator[Path]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from numbers(inner, (*path, index))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path


@pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: entry.type)
@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan], ids=str)
def test_no_number_may_be_infinite(entry: EventType, bad: float) -> None:
    golden = sample(entry.type).data
    for path in numbers(golden):
        data = copy.deepcopy(golden)
        place = data
        for step in path[:-1]:
            place = place[step]  # type: ignore[index]  # a path through dicts and lists
        place[path[-1]] = bad  # type: ignore[index]
        with pytest.raises(ValidationError):
            entry.event.model_validate(data)
