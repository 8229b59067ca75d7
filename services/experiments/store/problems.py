"""Which problems exist, and which one a merged problem is part of now."""

from uuid import UUID

import asyncpg


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
        met: set[UUID] = set()
        while True:
            row = await self._driver.fetchrow(
                "SELECT merged_into FROM problem WHERE workspace = $1 AND id = $2 FOR SHARE",
                self._workspace,
                problem_id,
            )
            if row is None:
                return None
            met.add(problem_id)
            # Two that were merged into each other: that one merge was taken back in between is still to be told.
            if row[0] is None or row[0] in met:
                return problem_id
            problem_id = row[0]

    async def merge(self, problem_id: UUID, into: UUID) -> None:
        """Point everything about `problem_id` at the problem that survives. Merges may come in any order.

        Kept is what it was merged into itself, so that a merge further on can be taken back without this one.
        """
        await self.add(problem_id)
        await self.add(into)
        await self._point(problem_id, into)

    async def unmerge(self, problem_id: UUID) -> None:
        """It is a problem of its own again, and what had been merged into it is a part of it again."""
        await self.add(problem_id)
        await self._point(problem_id, None)

    async def _point(self, problem_id: UUID, into: UUID | None) -> None:
        await self._driver.execute(
            "UPDATE problem SET merged_into = $3 WHERE workspace = $1 AND id = $2", self._workspace, problem_id, into
        )
        survivor = await self.survivor(problem_id)
        for table in ("option", "assumption", "experiment"):
            await self._driver.execute(
                "WITH RECURSIVE part AS (SELECT id FROM problem WHERE workspace = $1 AND merged_into = $2"
                " UNION SELECT p.id FROM problem p JOIN part ON p.merged_into = part.id WHERE p.workspace = $1)"
                f" UPDATE {table} SET problem_id = $2 FROM part WHERE workspace = $1 AND problem_id = part.id"
                " AND problem_id <> $2",
                self._workspace,
                survivor,
            )
