"""Pure functions from an old version's data to the next; handlers only ever see the newest version.

An entry is `old type: (next type, function)`. Chains are followed, so each function takes one step only.
"""

from collections.abc import Callable, Mapping
from typing import Any

Upcast = tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]

UPCASTS: dict[str, Upcast] = {}


def to_newest(type_: str, data: dict[str, Any], upcasts: Mapping[str, Upcast] = UPCASTS) -> tuple[str, dict[str, Any]]:
    """The newest type that `type_` can be raised to, and its data; unchanged when it is the newest already."""
    while type_ in upcasts:
        type_, step = upcasts[type_]
        data = step(data)
    return type_, data
