"""Every look back with hindsight that changed something: what it changed, so that it can be seen and undone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from services.triage.grouping.items import Moved

Kind = Literal["merged", "split", "opened"]


@dataclass(frozen=True, slots=True)
class Became:
    """What became of a problem: merged into `other`, split off `other`, or opened from what was unassigned."""

    kind: Kind
    problem_id: UUID
    other: UUID | None


@dataclass(frozen=True, slots=True)
class Regrouping:
    """One look back. `items` is how many pieces of evidence it moved."""

    regrouping_id: UUID
    at: datetime
    made_by: str
    algorithm: str
    items: int
    undone_by: str | None = None
    undone_at: datetime | None = None


class Regroupings:
    """The log of one workspace."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def note(
        self, moved: Sequence[Moved], became: Sequence[Became], *, by: str, algorithm: str, now: datetime
    ) -> UUID:
        """Keep what a look back changed; returns its id."""
        identity = UUID(str(uuid7()))
        await self._driver.execute(
            "INSERT INTO regrouping (workspace, regrouping_id, at, made_by, algorithm, items)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            self._workspace,
            identity,
            now,
            by,
            algorithm,
            len(moved),
        )
        await self._driver.copy_records_to_table(
            "regrouped_evidence",
            records=[(self._workspace, identity, one.key, one.before, one.after) for one in moved],
            columns=("workspace", "regrouping_id", "feedback_id", "before", "after"),
        )
        await self._driver.copy_records_to_table(
            "regrouped_problem",
            records=[(self._workspace, identity, one.kind, one.problem_id, one.other) for one in became],
            columns=("workspace", "regrouping_id", "kind", "problem_id", "other"),
        )
        return identity

    async def find(self, regrouping_id: UUID) -> Regrouping | None:
        row = await self._driver.fetchrow(
            "SELECT regrouping_id, at, made_by, algorithm, items, undone_by, undone_at FROM regrouping"
            " WHERE workspace = $1 AND regrouping_id = $2",
            self._workspace,
            regrouping_id,
        )
        return Regrouping(*row) if row else None

    async def page(self, *, after: tuple[datetime, UUID] | None, limit: int) -> list[Regrouping]:
        """The newest first."""
        where, arguments = "", [self._workspace, limit]
        if after:
            where, arguments = "AND (at, regrouping_id) < ($3, $4)", [*arguments, *after]
        rows = await self._driver.fetch(
            "SELECT regrouping_id, at, made_by, algorithm, items, undone_by, undone_at FROM regrouping"
            f" WHERE workspace = $1 {where} ORDER BY at DESC, regrouping_id DESC LIMIT $2",
            *arguments,
        )
        return [Regrouping(*row) for row in rows]

    async def became(self, regrouping_ids: Sequence[UUID]) -> dict[UUID, list[Became]]:
        """What each of these made of problems."""
        rows = await self._driver.fetch(
            "SELECT regrouping_id, kind, problem_id, other FROM regrouped_problem"
            " WHERE workspace = $1 AND regrouping_id = ANY($2::uuid[]) ORDER BY kind, problem_id",
            self._workspace,
            list(regrouping_ids),
        )
        found: dict[UUID, list[Became]] = {identity: [] for identity in regrouping_ids}
        for identity, kind, problem_id, other in rows:
            found[identity].append(Became(kind, problem_id, other))
        return found

    async def untouched(self, regrouping_id: UUID) -> list[Moved]:
        """What it moved and nobody, and no later look back, has moved since: oldest first."""
        rows = await self._driver.fetch(
            "SELECT feedback_id, before, after FROM regrouped_evidence r JOIN evidence e USING (workspace, feedback_id)"
            " JOIN regrouping USING (workspace, regrouping_id) WHERE workspace = $1 AND regrouping_id = $2"
            " AND e.problem_id IS NOT DISTINCT FROM (SELECT coalesce(p.merged_into, p.problem_id) FROM problem p"
            "  WHERE p.workspace = $1 AND p.problem_id = r.after)"
            " AND (e.assigned_by = 'engine' OR e.assigned_at <= regrouping.at) ORDER BY e.position",
            self._workspace,
            regrouping_id,
        )
        return [Moved(*row) for row in rows]

    async def undone(self, regrouping_id: UUID, *, by: str, now: datetime) -> None:
        await self._driver.execute(
            "UPDATE regrouping SET undone_by = $3, undone_at = $4 WHERE workspace = $1 AND regrouping_id = $2",
            self._workspace,
            regrouping_id,
            by,
            now,
        )
