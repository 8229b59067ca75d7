"""Evidence whose vectors another embedder made, while it is given new ones."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from services.triage.store.memory import Memory


class Rereading:
    """The stale part of one workspace's window. Call its methods with the workspace's lock held."""

    def __init__(self, driver: asyncpg.Connection, workspace: str, memory: Memory) -> None:
        self._driver = driver
        self._workspace = workspace
        self._memory = memory

    async def unread(self, embedder: str, *, most: int) -> list[tuple[UUID, str, str | None]]:
        """Evidence of the window whose vector another embedder made, newest first: id, text and language."""
        rows = await self._driver.fetch(
            "SELECT feedback_id, text, language FROM evidence WHERE workspace = $1 AND in_window"
            " AND embedder IS DISTINCT FROM $2 ORDER BY position DESC LIMIT $3",
            self._workspace,
            embedder,
            most,
        )
        return [(row[0], row[1], row[2]) for row in rows]

    async def keep(self, feedback_ids: Sequence[UUID], vectors: Sequence[bytes], embedder: str) -> None:
        """Keep new vectors of old evidence; engines in memory are read anew."""
        await self._driver.execute(
            "UPDATE evidence e SET vector = n.vector, embedder = $4 FROM unnest($2::uuid[], $3::bytea[])"
            " AS n (id, vector) WHERE e.workspace = $1 AND e.feedback_id = n.id AND e.in_window",
            self._workspace,
            list(feedback_ids),
            list(vectors),
            embedder,
        )
        self._memory.take(self._workspace)
        await self._driver.execute(
            "UPDATE grouping_state SET version = version + 1, whole_since = version + 1,"
            " changed_in = pg_current_xact_id()::text::bigint WHERE workspace = $1",
            self._workspace,
        )

    async def done(self) -> None:
        """Every vector of the window is the present embedder's."""
        await self._driver.execute("UPDATE grouping_state SET stale = false WHERE workspace = $1", self._workspace)


async def workspaces_to_reread(driver: asyncpg.Connection) -> list[str]:
    rows = await driver.fetch("SELECT workspace FROM grouping_state WHERE stale")
    return [row[0] for row in rows]
