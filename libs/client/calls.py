"""Requests as values: what to send, before anybody sends it. Shared by the sync and the async client."""

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

MAX_ITEMS = 1_000
MAX_BYTES = 4 * 1024 * 1024  # under the platform's 5 MiB, which count the whole body
NDJSON = "application/x-ndjson"


@dataclass(frozen=True)
class Call:
    """One request. A write has an Idempotency-Key from birth, so that sending it again has no second effect."""

    method: str
    path: str
    json: Any = None
    content: bytes | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def with_params(self, **params: Any) -> "Call":
        """The same call with more query parameters."""
        return Call(self.method, self.path, self.json, self.content, {**self.params, **params}, self.headers)

    def request(self) -> dict[str, Any]:
        """The arguments of httpx's `request`."""
        content = self.content if self.json is None else encode(self.json)
        kind = {} if content is None else {"Content-Type": "application/json"}
        return {
            "method": self.method,
            "url": self.path,
            "content": content,
            "params": dict(self.params),
            "headers": {**kind, **self.headers},
        }


def get(path: str, **params: Any) -> Call:
    """A read; parameters that are None are left out."""
    return Call("GET", path, params={name: value for name, value in params.items() if value is not None})


def write(method: str, path: str, document: Any = None) -> Call:
    """A write; fields that are None are left out of the document."""
    if isinstance(document, dict):
        document = {name: value for name, value in document.items() if value is not None}
    return Call(method, path, json=document, headers=idempotent())


def idempotent() -> dict[str, str]:
    """The header that makes one write of all its attempts."""
    return {"Idempotency-Key": uuid.uuid4().hex}


def in_parts(path: str, items: Iterable[Mapping[str, Any]], key: str | None) -> Iterator[Call]:
    """NDJSON requests of at most 1,000 items and 4 MiB; `key` begins their Idempotency-Keys (default: a new one)."""
    key = key or uuid.uuid4().hex
    for number, part in enumerate(_parts(encode(item) for item in items)):
        headers = {"Content-Type": NDJSON, "Idempotency-Key": f"{key}-{number}"}
        yield Call("POST", path, content=b"\n".join(part), headers=headers)


def _parts(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    part: list[bytes] = []
    size = 0
    for line in lines:
        if part and (len(part) == MAX_ITEMS or size + len(line) + 1 > MAX_BYTES):
            yield part
            part, size = [], 0
        part.append(line)
        size += len(line) + 1
    if part:
        yield part


def encode(value: Any) -> bytes:
    """JSON in UTF-8; a datetime becomes RFC 3339 and must know its time zone."""
    try:
        return json.dumps(value, default=_plain, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    except UnicodeEncodeError:
        # A lone surrogate is no text; escaped, it is refused by the platform as one item and not as a whole request.
        return json.dumps(value, default=_plain, separators=(",", ":")).encode("ascii")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError(f"{value!r} has no time zone; give one, for example datetime.now(UTC)")
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")
