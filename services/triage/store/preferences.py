"""What a workspace finds important: the weights that problems are ranked by."""

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.triage.domain import Weights

_FIRST = UUID(int=0)


class Preferences:
    """The weights of one workspace, and how far a change of them has reached."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def weights(self) -> Weights:
        """What this workspace set, or the defaults."""
        row = await self._driver.fetchrow(
            "SELECT segments::text, half_life, objectives, revenue FROM preference WHERE workspace = $1",
            self._workspace,
        )
        return Weights(json.loads(row[0]), row[1], row[2], row[3]) if row else Weights()

    async def reached(self) -> bool:
        """Whether the newest weights have reached every problem."""
        return not await self._driver.fetchval(
            "SELECT recount_after IS NOT NULL FROM preference WHERE workspace = $1", self._workspace
        )

    async def changed(self) -> tuple[str | None, datetime | None, bool]:
        """Who changed the weights last, when, and whether ranks are still being recomputed."""
        row = await self._driver.fetchrow(
            "SELECT changed_by, changed_at, recount_after IS NOT NULL FROM preference WHERE workspace = $1",
            self._workspace,
        )
        return (row[0], row[1], row[2]) if row else (None, None, False)

    async def save(self, weights: Weights, *, by: str, now: datetime) -> None:
        """Keep the weights; every problem is to be ranked anew with them."""
        await self._driver.execute(
            "INSERT INTO preference (workspace, segments, half_life, objectives, revenue, changed_by, changed_at,"
            " recount_after) VALUES ($1, $2::jsonb, $3, $4, $5, $6, $7, $8) ON CONFLICT (workspace) DO UPDATE SET"
            " segments = excluded.segments, half_life = excluded.half_life, objectives = excluded.objectives,"
            " revenue = excluded.revenue, changed_by = excluded.changed_by, changed_at = excluded.changed_at,"
            " recount_after = excluded.recount_after",
            self._workspace,
            json.dumps(dict(weights.segments)),
            weights.half_life,
            weights.objectives,
            weights.revenue,
            by,
            now,
            _FIRST,
        )

    async def next_to_recount(self, most: int) -> list[UUID]:
        """The next problems that new weights have not reached; empty when they have reached all."""
        rows = await self._driver.fetch(
            "SELECT problem_id FROM problem WHERE workspace = $1 AND status IN ('open', 'decided') AND problem_id > ("
            " SELECT recount_after FROM preference WHERE workspace = $1) ORDER BY problem_id LIMIT $2",
            self._workspace,
            most,
        )
        return [row[0] for row in rows]

    async def recounted(self, problem_ids: Sequence[UUID]) -> None:
        """These have been reached; none left means that it is done."""
        await self._driver.execute(
            "UPDATE preference SET recount_after = $2 WHERE workspace = $1",
            self._workspace,
            problem_ids[-1] if problem_ids else None,
        )


async def workspaces_to_recount(driver: asyncpg.Connection) -> list[str]:
    rows = await driver.fetch("SELECT workspace FROM preference WHERE recount_after IS NOT NULL")
    return [row[0] for row in rows]
