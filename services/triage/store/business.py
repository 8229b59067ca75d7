"""What the business wants and what was decided, as far as a problem's weight and status depend on it."""

from datetime import datetime
from uuid import UUID

import asyncpg

from contracts.alignment import DecisionMade, ObjectiveSet

MOST_WEIGHT = 1e6  # an endless weight would make every sum endless


class Business:
    """Objectives and decisions of one workspace, as triage knows them."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def set_objective(self, objective: ObjectiveSet, *, sequence: int, at: datetime) -> set[UUID]:
        """Keep the objective unless a newer state of it is here; returns the problems it served or serves now."""
        before = await self._driver.fetchrow(
            "SELECT problem_ids FROM objective WHERE workspace = $1 AND objective_id = $2",
            self._workspace,
            objective.objective_id,
        )
        kept = await self._driver.fetchval(
            "INSERT INTO objective AS o (workspace, objective_id, name, weight, problem_ids, sequence, set_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (workspace, objective_id) DO UPDATE SET"
            " name = excluded.name, weight = excluded.weight, problem_ids = excluded.problem_ids,"
            " sequence = excluded.sequence, set_at = excluded.set_at"
            " WHERE (o.sequence, o.set_at) < (excluded.sequence, excluded.set_at) RETURNING 1",
            self._workspace,
            objective.objective_id,
            objective.name,
            min(objective.weight, MOST_WEIGHT),
            list(objective.problem_ids),
            sequence,
            at,
        )
        if not kept:
            return set()
        return {*objective.problem_ids, *(before[0] if before else ())}

    async def objectives_of(self, problem_id: UUID) -> list[tuple[UUID, str, float]]:
        """The objectives that this problem, or one merged into it, serves: id, name and weight."""
        rows = await self._driver.fetch(
            "SELECT objective_id, name, weight FROM objective WHERE workspace = $1 AND problem_ids && ARRAY("
            " SELECT problem_id FROM problem WHERE workspace = $1 AND (problem_id = $2 OR merged_into = $2))"
            " ORDER BY weight DESC, name",
            self._workspace,
            problem_id,
        )
        return [(row[0], row[1], row[2]) for row in rows]

    async def decide(self, decision: DecisionMade, *, at: datetime) -> None:
        """Keep the decision, and mark its problem, or what that was merged into, as decided."""
        await self._driver.execute(
            "INSERT INTO decision (workspace, decision_id, problem_id, title, made_at) VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT DO NOTHING",
            self._workspace,
            decision.decision_id,
            decision.problem_id,
            decision.title,
            at,
        )
        await self._driver.execute(
            "UPDATE problem SET status = 'decided' WHERE workspace = $1 AND status = 'open' AND problem_id IN ("
            " SELECT coalesce(merged_into, problem_id) FROM problem WHERE workspace = $1 AND problem_id = $2)",
            self._workspace,
            decision.problem_id,
        )

    async def decisions_of(self, problem_id: UUID) -> list[tuple[UUID, str, datetime]]:
        """The decisions about this problem or one merged into it, oldest first: id, title and moment."""
        rows = await self._driver.fetch(
            "SELECT decision_id, title, made_at FROM decision WHERE workspace = $1 AND problem_id IN ("
            " SELECT problem_id FROM problem WHERE workspace = $1 AND (problem_id = $2 OR merged_into = $2))"
            " ORDER BY made_at, decision_id",
            self._workspace,
            problem_id,
        )
        return [(row[0], row[1], row[2]) for row in rows]
