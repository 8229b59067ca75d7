"""Names that a model gave to problems, and which problems wait for one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

MOST_ATTEMPTS = 5
_LEASE = timedelta(minutes=2)
_FIRST_PAUSE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Unnamed:
    """A problem that waits for a name, as it was claimed, with the quotes to name it from."""

    problem_id: UUID
    lease: datetime
    attempts: int
    quotes: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class Name:
    """A name, and the model that gave it."""

    text: str
    named_by: str
    named_at: datetime


class Names:
    """The names of one workspace's problems."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def ask(self, problem_id: UUID, quotes: Sequence[UUID], *, now: datetime) -> None:
        """This problem has new quotes: name it from them. Without a namer nothing comes of it."""
        await self._driver.execute(
            "INSERT INTO naming AS n (workspace, problem_id, due_at, quotes) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (workspace, problem_id) DO UPDATE SET due_at = excluded.due_at, attempts = 0,"
            " quotes = excluded.quotes WHERE n.quotes <> excluded.quotes",
            self._workspace,
            problem_id,
            now,
            list(quotes),
        )

    async def claim(self, *, now: datetime) -> Unnamed | None:
        """Take one that is due from other replicas; if it is not finished within two minutes it is due again."""
        row = await self._driver.fetchrow(
            "UPDATE naming SET due_at = $3, attempts = attempts + 1 WHERE workspace = $1 AND problem_id = ("
            " SELECT problem_id FROM naming WHERE workspace = $1 AND due_at <= $2 ORDER BY due_at LIMIT 1"
            " FOR UPDATE SKIP LOCKED) RETURNING problem_id, due_at, attempts, quotes",
            self._workspace,
            now,
            now + _LEASE,
        )
        return Unnamed(*row) if row else None

    async def keep(self, one: Unnamed, name: Name) -> bool:
        """Store the name, unless its quotes changed, or were erased, since it was claimed."""
        kept = await self._driver.fetchval(
            "UPDATE naming SET name = $4, named_by = $5, named_at = $6, due_at = NULL, error = NULL"
            " WHERE workspace = $1 AND problem_id = $2 AND due_at = $3 AND quotes = $7 RETURNING 1",
            self._workspace,
            one.problem_id,
            one.lease,
            name.text,
            name.named_by,
            name.named_at,
            list(one.quotes),
        )
        return kept is not None

    async def fail(self, one: Unnamed, error: str, *, now: datetime) -> None:
        """Try again later, each time twice as late; after five times not before the quotes change."""
        again = now + _FIRST_PAUSE * 2**one.attempts if one.attempts < MOST_ATTEMPTS else None
        await self._driver.execute(
            "UPDATE naming SET due_at = $4, error = $5 WHERE workspace = $1 AND problem_id = $2 AND due_at = $3",
            self._workspace,
            one.problem_id,
            one.lease,
            again,
            error[:500],
        )

    async def find(self, problem_id: UUID) -> Name | None:
        row = await self._driver.fetchrow(
            "SELECT name, named_by, named_at FROM naming WHERE workspace = $1 AND problem_id = $2 AND name IS NOT NULL",
            self._workspace,
            problem_id,
        )
        return Name(*row) if row else None


async def workspaces_to_name(driver: asyncpg.Connection) -> list[str]:
    rows = await driver.fetch("SELECT DISTINCT workspace FROM naming WHERE due_at <= now()")
    return [row[0] for row in rows]
