"""Experiments: what was registered, and where in its life each is."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.experiments.domain.experiment import Experiment, KeyTaken, Status
from services.experiments.domain.observation import Open
from services.experiments.domain.plan import Plan

_COLUMNS = (
    "id, problem_id, status, plan::text AS plan, created_at, counts_from, started_at, stopped_at, concluded_at,"
    " conclusion::text AS conclusion"
)


class Experiments:
    """The experiments of one workspace."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def add(self, experiment: Experiment) -> None:
        """Raises KeyTaken when another experiment has the key."""
        added = await self._driver.fetchval(
            "INSERT INTO experiment (id, workspace, key, problem_id, assumption_id, plan, planned_units, arms, metrics,"
            " outcome_window, status, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'draft', $11)"
            " ON CONFLICT (workspace, key) DO NOTHING RETURNING 1",
            *self._registered(experiment),
            experiment.created_at,
        )
        if added is None:
            raise KeyTaken(experiment.plan.key)

    async def replace(self, experiment: Experiment) -> None:
        """Store another plan for a draft. Raises KeyTaken when another experiment has the key."""
        other = await self._driver.fetchval(
            "SELECT 1 FROM experiment WHERE workspace = $1 AND key = $2 AND id <> $3",
            self._workspace,
            experiment.plan.key,
            experiment.id,
        )
        if other:
            raise KeyTaken(experiment.plan.key)
        try:
            await self._driver.execute(
                "UPDATE experiment SET key = $3, problem_id = $4, assumption_id = $5, plan = $6, planned_units = $7,"
                " arms = $8, metrics = $9, outcome_window = $10 WHERE id = $1 AND workspace = $2",
                *self._registered(experiment),
            )
        except asyncpg.UniqueViolationError as error:
            raise KeyTaken(experiment.plan.key) from error

    async def find(self, experiment_id: UUID, *, lock: bool = False) -> Experiment | None:
        """With `lock`, nobody else changes its state until this transaction ends."""
        row = await self._driver.fetchrow(
            f"SELECT {_COLUMNS} FROM experiment WHERE workspace = $1 AND id = $2 {'FOR NO KEY UPDATE' if lock else ''}",
            self._workspace,
            experiment_id,
        )
        return _experiment(row) if row else None

    async def listed(
        self, *, before: UUID | None, limit: int, status: Status | None, problem_id: UUID | None
    ) -> list[Experiment]:
        """Newest first."""
        rows = await self._driver.fetch(
            f"SELECT {_COLUMNS} FROM experiment WHERE workspace = $1 AND ($2::uuid IS NULL OR id < $2)"
            " AND ($3::text IS NULL OR status = $3) AND ($4::uuid IS NULL OR problem_id = $4)"
            " ORDER BY id DESC LIMIT $5",
            self._workspace,
            before,
            status,
            problem_id,
            limit,
        )
        return [_experiment(row) for row in rows]

    async def still_open(self) -> list[Open]:
        """Those that count what is observed: running, or stopped and waiting for what is late."""
        rows = await self._driver.fetch(
            "SELECT id, key, arms, metrics, counts_from, stopped_at FROM experiment"
            " WHERE workspace = $1 AND status IN ('running', 'stopped')",
            self._workspace,
        )
        return [Open(row[0], row[1], frozenset(row[2]), frozenset(row[3]), row[4], row[5]) for row in rows]

    async def start(self, experiment_id: UUID, *, at: datetime, counts_from: datetime) -> None:
        await self._driver.execute(
            "UPDATE experiment SET status = 'running', started_at = $3, counts_from = $4"
            " WHERE workspace = $1 AND id = $2",
            self._workspace,
            experiment_id,
            at,
            counts_from,
        )

    async def stop(self, experiment_id: UUID, *, at: datetime) -> None:
        await self._driver.execute(
            "UPDATE experiment SET status = 'stopped', stopped_at = $3 WHERE workspace = $1 AND id = $2",
            self._workspace,
            experiment_id,
            at,
        )

    async def conclude(self, experiment_id: UUID, *, at: datetime, conclusion: dict[str, Any]) -> None:
        """Close it and keep `conclusion`, with the readout of this moment."""
        await self._driver.execute(
            "UPDATE experiment SET status = 'concluded', concluded_at = $3, conclusion = $4"
            " WHERE workspace = $1 AND id = $2",
            self._workspace,
            experiment_id,
            at,
            json.dumps(conclusion),
        )

    def _registered(self, experiment: Experiment) -> tuple[Any, ...]:
        plan = experiment.plan
        return (
            experiment.id,
            self._workspace,
            plan.key,
            plan.problem_id,
            plan.assumption_id,
            plan.model_dump_json(),
            plan.planned_units,
            [arm.name for arm in plan.arms],
            plan.metric_names,
            plan.outcome_window,
        )


def _experiment(row: asyncpg.Record) -> Experiment:
    plan = Plan.model_validate_json(row["plan"]).model_copy(update={"problem_id": row["problem_id"]})
    return Experiment(
        id=row["id"],
        plan=plan,
        status=row["status"],
        created_at=row["created_at"],
        counts_from=row["counts_from"],
        started_at=row["started_at"],
        stopped_at=row["stopped_at"],
        concluded_at=row["concluded_at"],
        conclusion=json.loads(row["conclusion"]) if row["conclusion"] else None,
    )
