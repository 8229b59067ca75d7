"""From the columns of a file to the fields of the public API. Pure.

A column may have a field's own name (`customer.id`), that name with underscores (`customer_id`), or another usual one
(`comment` for `text`); any other is mapped by hand, or left out and named.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from libs.files.errors import MappingWrong

FIELDS = (
    "text",
    "source",
    "external_id",
    "occurred_at",
    "customer.id",
    "customer.segment",
    "customer.plan",
    "customer.revenue.amount_minor",
    "customer.revenue.currency",
    "customer.contact",
    "customer.wants_reply",
    "rating.value",
    "rating.scale",
    "url",
    "language",
    "tags",
)
METADATA = "metadata."
# Other names that exports use, the more telling ones first; a field's own name always wins.
_USUAL = {
    "text": ("message", "comment", "body", "feedback", "review", "description"),
    "external_id": ("id", "ticket_id", "ticket"),
    "occurred_at": ("created_at", "created", "date", "timestamp"),
    "customer.id": ("customer", "account_id", "account", "user_id"),
    "customer.segment": ("segment",),
    "customer.plan": ("plan",),
    "rating.value": ("rating", "score", "stars"),
    "language": ("lang",),
}
_YES, _NO = {"true", "yes", "1"}, {"false", "no", "0"}


class CellWrong(ValueError):
    """A cell does not hold what its field needs; the message names both."""


class Columns:
    """Which column becomes which field, with constants for all rows, and the natural key of rows that have none.

    `mapped` is field → column; it goes before what the names suggest. A row without an external id gets one made of
    its content, so that importing the file again counts nothing twice; equal rows are told apart by their number.
    """

    def __init__(self, mapped: Mapping[str, str] | None = None, constants: Mapping[str, str] | None = None) -> None:
        self._mapped, self._constants = dict(mapped or {}), dict(constants or {})
        for field in (*self._mapped, *self._constants):
            if field not in FIELDS and not (field.startswith(METADATA) and len(field) > len(METADATA)):
                raise MappingWrong(f"there is no field {field!r}; known are {', '.join(FIELDS)}, metadata.NAME")
        self.ignored: set[str] = set()
        self._equal_rows: Counter[str] = Counter()

    def feedback(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The feedback item in one row's values. Raises CellWrong."""
        chosen = self._choose(values)
        found = {field: _typed(field, values[column]) for field, column in chosen.items()}
        found = {**{field: _typed(field, text) for field, text in self._constants.items()}, **found}
        for needed in ("text", "source"):
            if needed not in found:
                raise CellWrong(f"has no {needed}; name its column: --map {needed}=COLUMN")
        if "rating.value" in found and "rating.scale" not in found:
            raise CellWrong("has a rating without its scale; add --set rating.scale=5")
        self.ignored |= values.keys() - set(chosen.values())
        item = _nested(found)
        item.setdefault("external_id", self._natural_key(item))
        return item

    def _choose(self, values: Mapping[str, Any]) -> dict[str, str]:
        chosen = {field: column for field, column in self._mapped.items() if column in values}
        by_name = {name.lower(): name for name in values}
        taken = set(self._mapped.values())
        candidates = [(field, name) for field in FIELDS for name in (field, field.replace(".", "_"))]
        candidates += [(field, name) for field, names in _USUAL.items() for name in names]
        for field, name in candidates:
            column = by_name.get(name)
            if column and field not in self._mapped and field not in chosen and column not in taken:
                chosen[field] = column
                taken.add(column)
        for column in values:
            if column.startswith(METADATA) and column not in taken:
                chosen[column] = column
        return chosen

    def _natural_key(self, item: Mapping[str, Any]) -> str:
        content = json.dumps(item, sort_keys=True, ensure_ascii=True).encode()
        digest = hashlib.sha256(content).hexdigest()[:24]
        self._equal_rows[digest] += 1
        return f"import-{digest}-{self._equal_rows[digest]}"


def pairs(options: Iterable[str], option: str) -> dict[str, str]:
    """`FIELD=VALUE` options as a dictionary. Raises MappingWrong."""
    found: dict[str, str] = {}
    for text in options:
        field, equals, value = text.partition("=")
        if not field or not equals or not value:
            raise MappingWrong(f"{option} {text!r} should be {option} FIELD=VALUE")
        found[field.strip()] = value
    return found


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for path, value in values.items():
        # Only the first dot of metadata nests: its names are the file's own.
        *folders, leaf = path.split(".", 1) if path.startswith(METADATA) else path.split(".")
        place = document
        for folder in folders:
            place = place.setdefault(folder, {})
        place[leaf] = value
    return document


def _typed(field: str, value: Any) -> Any:
    if field == "occurred_at":
        return _moment(value)
    if field == "customer.revenue.amount_minor":
        return int(_number(field, value))
    if field in ("rating.value", "rating.scale"):
        return _number(field, value)
    if field == "customer.wants_reply":
        return _yes_or_no(field, value)
    if field == "tags":
        return [str(tag).strip() for tag in (value if isinstance(value, list) else str(value).split(","))]
    return str(value)


def _moment(value: Any) -> str:
    if isinstance(value, int | float) or (isinstance(value, str) and value.isascii() and value.isdigit()):
        seconds = float(value)
        try:
            return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC).isoformat()
        except (ValueError, OverflowError, OSError):
            raise CellWrong(f"occurred_at: {str(value)[:40]!r} is no time") from None
    try:
        moment = datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise CellWrong(
            f"occurred_at: {str(value)[:40]!r} is no ISO 8601 time such as 2026-03-01T09:30+01:00"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


def _number(field: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise CellWrong(f"{field}: {str(value)[:40]!r} is no number") from None
    if not math.isfinite(number):
        raise CellWrong(f"{field}: {str(value)[:40]!r} is no number")
    return number


def _yes_or_no(field: str, value: Any) -> bool:
    text = str(value).strip().lower()
    if text not in _YES | _NO:
        raise CellWrong(f"{field}: {text[:40]!r} is neither yes nor no")
    return text in _YES
