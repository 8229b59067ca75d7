"""Cursors for lists: opaque to clients, the last item's sort values inside."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from libs.runtime.problems import Invalid

MAX_LIMIT = 200


def encode_cursor(values: list[Any]) -> str:
    """The cursor that continues after an item with these sort values (JSON types only)."""
    return urlsafe_b64encode(json.dumps(values, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> list[Any]:
    """The sort values in a cursor; raises Invalid for one that no list of ours gave out."""
    try:
        values = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError) as error:
        raise Invalid("this cursor is not one that a list gave out; begin without a cursor") from error
    if not isinstance(values, list):
        raise Invalid("this cursor is not one that a list gave out; begin without a cursor")
    return values
