"""What persons corrected, kept so that no later assignment undoes it."""

from collections.abc import Collection
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7


class Corrections:
    """Must-links and cannot-links of one workspace: between feedback and problems, following merges."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def note(
        self,
        kind: Literal["merge", "split", "move", "dismiss", "unmerge", "undo"],
        *,
        source: UUID | None,
        target: UUID | None,
        by: str,
        now: datetime,
    ) -> UUID:
        """Keep that a person did this; returns the correction's id, which its links carry."""
        correction_id = uuid7()
        await self._driver.execute(
            "INSERT INTO correction (workspace, correction_id, kind, from_problem, to_problem, made_by, made_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            self._workspace,
            correction_id,
            kind,
            source,
            target,
            by,
            now,
        )
        return correction_id

    async def link(
        self, feedback_ids: Collection[UUID], *, must: UUID | None, cannot: UUID | None, correction_id: UUID
    ) -> None:
        """This feedback belongs to problem `must` (None: to no problem) and not to `cannot`; the newest word counts."""
        ids = list(feedback_ids)
        await self._driver.execute(
            "DELETE FROM link WHERE workspace = $1 AND feedback_id = ANY($2::uuid[]) AND kind = 'must'",
            self._workspace,
            ids,
        )
        kinds = [("must", must)] if cannot is None or cannot == must else [("must", must), ("cannot", cannot)]
        for kind, problem_id in kinds:
            await self._driver.execute(
                "INSERT INTO link (workspace, feedback_id, problem_id, kind, correction_id)"
                " SELECT $1, f, $3, $4, $5 FROM unnest($2::uuid[]) AS f"
                " ON CONFLICT (workspace, feedback_id, problem_id) DO UPDATE SET kind = excluded.kind,"
                " correction_id = excluded.correction_id",
                self._workspace,
                ids,
                problem_id,
                kind,
                correction_id,
            )

    async def keep_apart(self, problem_id: UUID, other: UUID, *, correction_id: UUID) -> None:
        """What stays in a problem does not belong to the one that was split off."""
        await self._driver.execute(
            "INSERT INTO link (workspace, feedback_id, problem_id, kind, correction_id)"
            " SELECT $1, feedback_id, $3, 'cannot', $4 FROM evidence WHERE workspace = $1 AND problem_id = $2"
            " ON CONFLICT (workspace, feedback_id, problem_id) DO UPDATE SET kind = 'cannot',"
            " correction_id = excluded.correction_id",
            self._workspace,
            problem_id,
            other,
            correction_id,
        )

    async def leave_behind(self, problem_id: UUID, feedback_ids: Collection[UUID] | None = None) -> None:
        """Keep what a problem has, and also these, as what comes back to it if it is taken apart again."""
        await self._driver.execute(
            "INSERT INTO former_evidence (workspace, problem_id, feedback_id)"
            " SELECT $1, $2, feedback_id FROM evidence WHERE workspace = $1 AND problem_id = $2"
            " UNION SELECT $1, $2, unnest($3::uuid[]) ON CONFLICT DO NOTHING",
            self._workspace,
            problem_id,
            list(feedback_ids or ()),
        )

    async def left_behind(self, problem_id: UUID, *, since: datetime) -> list[UUID]:
        """What a problem had then, but for what a person has placed elsewhere since."""
        rows = await self._driver.fetch(
            "SELECT feedback_id FROM former_evidence f JOIN evidence e USING (workspace, feedback_id)"
            " WHERE workspace = $1 AND f.problem_id = $2 AND NOT EXISTS (SELECT FROM link JOIN correction c"
            "  USING (workspace, correction_id) WHERE link.workspace = $1 AND link.feedback_id = f.feedback_id"
            "  AND link.kind = 'must' AND c.kind <> 'unmerge' AND c.made_at > $3) ORDER BY position",
            self._workspace,
            problem_id,
            since,
        )
        return [row[0] for row in rows]

    async def take_back(self, problem_id: UUID) -> None:
        """What a problem had has come back to it."""
        await self._driver.execute(
            "DELETE FROM former_evidence WHERE workspace = $1 AND problem_id = $2", self._workspace, problem_id
        )

    async def merge(self, problem_id: UUID, into: UUID) -> None:
        """Links to a merged problem mean its survivor; one that now forbids where its feedback is was overruled.

        Where feedback had a link to both, 'must' is what remains. Call it after the evidence was merged.
        """
        await self._driver.execute(
            "DELETE FROM link gone USING link kept WHERE gone.workspace = $1 AND kept.workspace = $1"
            " AND gone.feedback_id = kept.feedback_id AND gone.problem_id <> kept.problem_id"
            " AND gone.problem_id IN ($2, $3) AND kept.problem_id IN ($2, $3)"
            " AND gone.kind = 'cannot' AND (kept.kind = 'must' OR gone.problem_id = $2)",
            self._workspace,
            problem_id,
            into,
        )
        await self._driver.execute(
            "UPDATE link SET problem_id = $3 WHERE workspace = $1 AND problem_id = $2",
            self._workspace,
            problem_id,
            into,
        )
        await self._driver.execute(
            "DELETE FROM link USING evidence e WHERE link.workspace = $1 AND e.workspace = $1"
            " AND link.feedback_id = e.feedback_id AND link.problem_id = $2 AND e.problem_id = $2 AND kind = 'cannot'",
            self._workspace,
            into,
        )

    async def broken(self) -> int:
        """How many links the present assignments violate: none, ever."""
        found = await self._driver.fetchval(
            "SELECT count(*)::int FROM link JOIN evidence e USING (workspace, feedback_id) WHERE workspace = $1 AND ("
            " (kind = 'must' AND e.problem_id IS DISTINCT FROM link.problem_id)"
            " OR (kind = 'cannot' AND e.problem_id = link.problem_id))",
            self._workspace,
        )
        return found or 0
