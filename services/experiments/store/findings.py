"""What people found who asked others: counts, as they were entered, and which of them were withdrawn."""

from uuid import UUID

import asyncpg

from services.experiments.domain.finding import Finding

_COLUMNS = "id, experiment_id, asked, agreed, note, entered_by, entered_at, withdrawn_by, withdrawn_at"


class Findings:
    """The findings of one workspace's experiments."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def add(self, finding: Finding) -> None:
        await self._driver.execute(
            "INSERT INTO finding (id, experiment_id, asked, agreed, note, entered_by, entered_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            finding.id,
            finding.experiment_id,
            finding.asked,
            finding.agreed,
            finding.note,
            finding.entered_by,
            finding.entered_at,
        )

    async def find(self, finding_id: UUID) -> Finding | None:
        row = await self._driver.fetchrow(
            f"SELECT {_COLUMNS} FROM finding WHERE id = $2"
            " AND experiment_id IN (SELECT id FROM experiment WHERE workspace = $1) FOR UPDATE",
            self._workspace,
            finding_id,
        )
        return Finding(*row) if row else None

    async def withdraw(self, finding: Finding) -> None:
        await self._driver.execute(
            "UPDATE finding SET withdrawn_by = $2, withdrawn_at = $3 WHERE id = $1",
            finding.id,
            finding.withdrawn_by,
            finding.withdrawn_at,
        )

    async def of_experiment(self, experiment_id: UUID, *, after: UUID | None, limit: int) -> list[Finding]:
        """Also those that were withdrawn, oldest first."""
        rows = await self._driver.fetch(
            f"SELECT {_COLUMNS} FROM finding WHERE experiment_id = $2 AND ($3::uuid IS NULL OR id > $3)"
            " AND experiment_id IN (SELECT id FROM experiment WHERE workspace = $1) ORDER BY id LIMIT $4",
            self._workspace,
            experiment_id,
            after,
            limit,
        )
        return [Finding(*row) for row in rows]

    async def counts(self, experiment_id: UUID, *, planned: int) -> tuple[int, int, int]:
        """Over the findings that stand, in the order they were entered: asked, agreed, and how many were asked after.

        Those count that were entered before the planned number was reached, with the one that reached it.
        """
        row = await self._driver.fetchrow(
            "SELECT coalesce(sum(asked) FILTER (WHERE before < $2), 0),"
            " coalesce(sum(agreed) FILTER (WHERE before < $2), 0), coalesce(sum(asked) FILTER (WHERE before >= $2), 0)"
            " FROM (SELECT asked, agreed, sum(asked) OVER (ORDER BY id) - asked AS before FROM finding"
            " WHERE experiment_id = $1 AND withdrawn_at IS NULL) AS standing",
            experiment_id,
            planned,
        )
        assert row is not None  # an aggregate always has a row
        return int(row[0]), int(row[1]), int(row[2])
