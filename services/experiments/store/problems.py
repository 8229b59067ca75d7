"""Which problems exist, and which one a merged problem is part of now."""

from uuid import UUID

import asyncpg

_MOST_HOPS = 20  # a merge points at the last survivor, so that more than two in a row means concurrent merges


class Problems:
    """The problems of one workspace, as far as triage told of them."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def add(self, problem_id: UUID) -> None:
        """Note that it exists; a problem that is known already stays as it is."""
        await self._driver.execute(
            "INSERT INTO problem (workspace, id) VALUES ($1, $2) ON CONFLICT DO NOTHING", self._workspace, problem_id
        )

    async def survivor(self, problem_id: UUID) -> UUID | None:
        """The problem itself or what it was merged into; None if unknown. It cannot be merged until this commits."""
        for _ in range(_MOST_HOPS):
            row = await self._driver.fetchrow(
                "SELECT merged_into FROM problem WHERE workspace = $1 AND id = $2 FOR SHARE",
                self._workspace,
                problem_id,
            )
            if row is None:
                return None
            if row[0] is None:
                return problem_id
            problem_id = row[0]
        return problem_id

    async def unmerge(self, problem_id: UUID) -> None:
        """It is a problem of its own again."""
        await self.add(problem_id)
        await self._driver.execute(
            "UPDATE problem SET merged_into = NULL WHERE workspace = $1 AND id = $2", self._workspace, problem_id
        )

    async def merge(self, problem_id: UUID, into: UUID) -> None:
        """Point everything about `problem_id` at the problem that survives. Merges may come in any order."""
        await self.add(problem_id)
        await self.add(into)
        target = await self.survivor(into)
        if target is None or target == problem_id:
            return
        await self._driver.execute(
            "UPDATE problem SET merged_into = $3 WHERE workspace = $1 AND (id = $2 OR merged_into = $2)",
            self._workspace,
            problem_id,
            target,
        )
        for table in ("option", "assumption", "experiment"):
            await self._driver.execute(
                f"UPDATE {table} SET problem_id = $3 WHERE workspace = $1 AND problem_id = $2",
                self._workspace,
                problem_id,
                target,
            )
