"""Which fields of an event a service really reads: recorded while its handlers run, by path."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from contracts.event import Event, Value


class Recorder:
    """What was read of the watched events, by type: single fields (`customer.segment`), and parts dumped whole."""

    def __init__(self) -> None:
        self._places: dict[int, tuple[str, str]] = {}
        self._kept: list[Any] = []  # an id stays one object's while the object lives
        self.single: defaultdict[str, set[str]] = defaultdict(set)
        self.whole: defaultdict[str, set[str]] = defaultdict(set)

    def watch(self, event: Event) -> None:
        """Record what is read of `event` and of its parts from now on."""
        self._kept.append(event)
        self._place(event, event.TYPE, "")

    def _place(self, part: Any, type_: str, path: str) -> None:
        if isinstance(part, tuple):
            for item in part:
                self._place(item, type_, path)
        elif isinstance(part, Value):
            self._places[id(part)] = (type_, path)
            for name, inner in object.__getattribute__(part, "__dict__").items():
                self._place(inner, type_, f"{path}.{name}".lstrip("."))

    def saw(self, part: Any, name: str) -> None:
        place = self._places.get(id(part))
        if place is None:
            return
        type_, path = place
        fields = type(part).model_fields
        if name == "__dict__" and path:  # dumped as a whole
            self.whole[type_].add(path)
        elif name == "__dict__":
            self.whole[type_] |= fields.keys()
        elif name in fields:
            self.single[type_].add(f"{path}.{name}".lstrip("."))

    def needs(self, type_: str) -> list[str]:
        """What was read, sorted; a part of which single fields were read is named by those, not by itself."""
        whole, single = self.whole[type_], self.single[type_]
        parts = {path for path in single if any(other.startswith(f"{path}.") for other in single)}
        return sorted(path for path in (single - parts) | whole if not _ancestors(path) & whole)


def _ancestors(path: str) -> set[str]:
    names = path.split(".")
    return {".".join(names[:count]) for count in range(1, len(names))}


@contextmanager
def recording() -> Iterator[Recorder]:
    """Record every reading of a watched event until the block ends."""
    recorder, plain = Recorder(), object.__getattribute__

    def read(part: Any, name: str) -> Any:
        if not name.startswith("__") or name == "__dict__":
            recorder.saw(part, name)
        return plain(part, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Value, "__getattribute__", read, raising=False)
        yield recorder
