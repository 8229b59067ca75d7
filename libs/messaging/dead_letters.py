"""Dead letters: what could not be handled, kept whole with its reason, visible and replayable."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from libs.messaging import metrics

UNREADABLE = "unreadable"  # the bytes are no event that the catalogue knows
FAILED = "failed"  # the handler raised, again and again
CRASHED = "crashed"  # the process died while handling it, again and again
GIVEN_UP = "given-up"  # the server stopped delivering it (advisory)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message set aside. `headers` are without the `Nats-*` ones, which would confuse a later publication."""

    stream: str
    stream_sequence: int
    subject: str
    reason: str
    error: str
    body: bytes
    headers: Mapping[str, str]
    attempts: int
    workspace: str = ""


def storable(text: str) -> str:
    """`text` as Postgres can hold it: foreign bytes may have put NUL characters or lone surrogates into it."""
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()


def without_nats(headers: Mapping[str, str] | None) -> dict[str, str]:
    return {name: value for name, value in (headers or {}).items() if not name.lower().startswith("nats-")}


async def open_dead_letter(connection: asyncpg.Connection, letter: DeadLetter, service: str, key: UUID) -> None:
    """Keep the letter, once per `key`: a redelivery after a lost acknowledgement opens no second one."""
    status = await connection.execute(
        "INSERT INTO dead_letter (id, key, stream, stream_sequence, subject, workspace, reason, error, body, headers,"
        " attempts) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        " ON CONFLICT (key) DO UPDATE SET replayed_at = NULL, error = excluded.error"
        " WHERE dead_letter.replayed_at IS NOT NULL",
        uuid7(),
        key,
        letter.stream,
        letter.stream_sequence,
        storable(letter.subject),
        storable(letter.workspace),
        letter.reason,
        storable(letter.error[:4_000]),
        letter.body,
        json.dumps({storable(name): storable(value) for name, value in letter.headers.items()}),
        letter.attempts,
    )
    if status == "INSERT 0 1":
        metrics.dead.add(1, {"service": service, "reason": letter.reason})


async def list_open(connection: asyncpg.Connection, *, workspace: str | None, limit: int) -> list[dict[str, Any]]:
    """The oldest dead letters that were not replayed, without their bodies."""
    rows = await connection.fetch(
        "SELECT id, stream, stream_sequence, subject, workspace, reason, error, attempts, opened_at FROM dead_letter"
        " WHERE replayed_at IS NULL AND ($1::text IS NULL OR workspace = $1) ORDER BY opened_at, id LIMIT $2",
        workspace,
        limit,
    )
    return [dict(row) for row in rows]


async def find(connection: asyncpg.Connection, identity: UUID, *, workspace: str | None) -> dict[str, Any] | None:
    row = await connection.fetchrow(
        "SELECT id, stream, stream_sequence, subject, workspace, reason, error, body, headers::text AS headers,"
        " attempts, opened_at, replayed_at FROM dead_letter WHERE id = $1 AND ($2::text IS NULL OR workspace = $2)",
        identity,
        workspace,
    )
    return dict(row) if row else None


async def mark_replayed(connection: asyncpg.Connection, identity: UUID) -> None:
    await connection.execute("UPDATE dead_letter SET replayed_at = now() WHERE id = $1", identity)


def letter_headers(letter: Mapping[str, Any]) -> dict[str, str]:
    return json.loads(letter["headers"])
