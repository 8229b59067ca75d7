"""The inbox: which events were handled, committed together with their effect, so that every effect happens once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from libs.messaging.retention import IDEMPOTENCY_DAYS, INBOX_DAYS


async def claim(connection: asyncpg.Connection, keys: Sequence[UUID]) -> set[UUID]:
    """Enter `keys` and return those that were not there; part of the caller's transaction.

    A key that another open transaction has entered makes this one wait for its outcome. Keys are entered in one global
    order, so that two batches with common keys cannot deadlock.
    """
    rows = await connection.fetch(
        "INSERT INTO inbox (event_id) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING RETURNING event_id", sorted(keys)
    )
    return {row[0] for row in rows}


async def attempts_of(connection: asyncpg.Connection, keys: Sequence[UUID]) -> dict[UUID, tuple[int, str]]:
    """Earlier tries of events that failed or were redelivered: key → (number, last error)."""
    rows = await connection.fetch(
        "SELECT event_id, attempts, coalesce(last_error, '') FROM inbox_attempt WHERE event_id = ANY($1::uuid[])",
        list(keys),
    )
    return {row[0]: (row[1], row[2]) for row in rows}


async def mark_attempt(connection: asyncpg.Connection, keys: Sequence[UUID]) -> None:
    """Count one try of each event before it begins, so that a try that kills the process is counted too."""
    await connection.execute(
        "INSERT INTO inbox_attempt AS a (event_id, attempts) SELECT unnest($1::uuid[]), 1"
        " ON CONFLICT (event_id) DO UPDATE SET attempts = a.attempts + 1, last_error = NULL, tried_at = now()",
        sorted(set(keys)),  # the same event may be in one batch twice
    )


async def note_error(connection: asyncpg.Connection, key: UUID, error: str) -> None:
    await connection.execute("UPDATE inbox_attempt SET last_error = $2 WHERE event_id = $1", key, error)


async def forget_attempts(connection: asyncpg.Connection, keys: Sequence[UUID]) -> None:
    await connection.execute("DELETE FROM inbox_attempt WHERE event_id = ANY($1::uuid[])", list(keys))


async def sweep(connection: asyncpg.Connection, now: datetime) -> None:
    """Forget what no redelivery can bring back any more."""
    await connection.execute("DELETE FROM inbox WHERE handled_at < $1", now - timedelta(days=INBOX_DAYS))
    await connection.execute("DELETE FROM inbox_attempt WHERE tried_at < $1", now - timedelta(days=INBOX_DAYS))
    await connection.execute("DELETE FROM idempotency WHERE created_at < $1", now - timedelta(days=IDEMPOTENCY_DAYS))
