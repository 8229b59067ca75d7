"""What people know about assumptions besides experiments."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from services.experiments.domain.evidence import Evidence

_COLUMNS = "id, assumption_id, says, note, source, stated_by, stated_at"


class EvidenceStore:
    """The evidence that people of one workspace stated."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def add(self, evidence: Evidence) -> None:
        await self._driver.execute(
            f"INSERT INTO evidence (workspace, {_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            self._workspace,
            evidence.id,
            evidence.assumption_id,
            evidence.says,
            evidence.note,
            evidence.source,
            evidence.stated_by,
            evidence.stated_at,
        )

    async def about(self, assumption_ids: Sequence[UUID], *, limit: int) -> list[Evidence]:
        """Oldest first."""
        rows = await self._driver.fetch(
            f"SELECT {_COLUMNS} FROM evidence WHERE workspace = $1 AND assumption_id = ANY($2::uuid[])"
            " ORDER BY id LIMIT $3",
            self._workspace,
            list(assumption_ids),
            limit,
        )
        return [Evidence(*row) for row in rows]
