"""When to look back at all of a workspace's evidence, and who asked for it."""

from datetime import datetime, timedelta

import asyncpg

LEASE = timedelta(minutes=15)


class Looks:
    """The look back that one workspace waits for. Call its methods with the workspace's lock held."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def request(self, *, by: str, now: datetime) -> None:
        """A person asks to look at all of it anew, also at what another embedder or algorithm grouped."""
        await self._driver.execute("UPDATE grouping_state SET settled_before = 0 WHERE workspace = $1", self._workspace)
        await self._driver.execute(
            "INSERT INTO grouping_due (workspace, due_at, requested_by) VALUES ($1, $2, $3) ON CONFLICT (workspace)"
            " DO UPDATE SET due_at = excluded.due_at, requested_by = excluded.requested_by",
            self._workspace,
            now,
            by,
        )

    async def claim(self, *, now: datetime) -> str | None:
        """Take the look back that is due from other replicas: who asked for it, "" for nobody; None when none is due.

        If it is not finished in time it is due again.
        """
        row = await self._driver.fetchrow(
            "UPDATE grouping_due SET due_at = $3 WHERE workspace = (SELECT workspace FROM grouping_due"
            " WHERE workspace = $1 AND due_at <= $2 FOR UPDATE SKIP LOCKED) RETURNING coalesce(requested_by, '')",
            self._workspace,
            now,
            now + LEASE,
        )
        return row[0] if row else None

    async def again(self, *, now: datetime) -> None:
        """The look back that was claimed came too late: it is due at once."""
        await self._driver.execute("UPDATE grouping_due SET due_at = $2 WHERE workspace = $1", self._workspace, now)

    async def done(self, *, by: str) -> None:
        """The look back that `by` asked for ("" for nobody) is done; what somebody else asked for meanwhile is not."""
        await self._driver.execute(
            "DELETE FROM grouping_due WHERE workspace = $1 AND coalesce(requested_by, '') IN ('', $2)",
            self._workspace,
            by,
        )


async def workspaces_to_look_back(driver: asyncpg.Connection) -> list[str]:
    rows = await driver.fetch("SELECT workspace FROM grouping_due WHERE due_at <= now() ORDER BY due_at")
    return [row[0] for row in rows]
