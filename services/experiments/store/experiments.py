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
    "id, problem_id, status, plan::text AS plan, created_at, planned_units, units_per_day, planned_days, risk, version,"
    " previous_id, revised_because, counts_from, started_at, stopped_at, concluded_at, conclusion::text AS conclusion"
)
# Each with the value of the same place in `_registered`.
_REGISTERED = (
    "id",
    "workspace",
    "key",
    "problem_id",
    "assumption_id",
    "risk",
    "kind",
    "plan",
    "planned_units",
    "units_per_day",
    "planned_days",
    "arms",
    "metrics",
    "outcome_window",
    "look_back",
)
_TRAFFIC = """
SELECT max(units)::float8 / 7 FROM (
    SELECT sum(block_units) AS units FROM (
        SELECT b.experiment_id, (SELECT sum(one) FROM unnest(b.units) AS one) AS block_units
        FROM block b JOIN experiment x ON x.id = b.experiment_id
        WHERE x.workspace = $1 AND x.status IN ('running', 'stopped') AND b.hour >= $2
    ) AS per_block GROUP BY experiment_id
) AS per_experiment
"""


class Experiments:
    """The experiments of one workspace."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def add(self, experiment: Experiment) -> None:
        """Raises KeyTaken when another experiment has the key and version."""
        columns = (*_REGISTERED, "status", "created_at", "version", "previous_id", "revised_because")
        places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
        added = await self._driver.fetchval(
            f"INSERT INTO experiment ({', '.join(columns)}) VALUES ({places})"
            " ON CONFLICT (workspace, key, version) DO NOTHING RETURNING 1",
            *self._registered(experiment),
            experiment.status,
            experiment.created_at,
            experiment.version,
            experiment.previous_id,
            experiment.revised_because,
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
        changes = ", ".join(f"{name} = ${number}" for number, name in enumerate(_REGISTERED[2:], 3))
        try:
            await self._driver.execute(
                f"UPDATE experiment SET {changes} WHERE id = $1 AND workspace = $2", *self._registered(experiment)
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

    async def of_problem(self, problem_id: UUID, *, limit: int) -> list[Experiment]:
        """Every version of every experiment about a problem, newest first."""
        rows = await self._driver.fetch(
            f"SELECT {_COLUMNS} FROM experiment WHERE workspace = $1 AND problem_id = $2 ORDER BY id DESC LIMIT $3",
            self._workspace,
            problem_id,
            limit,
        )
        return [_experiment(row) for row in rows]

    async def still_open(self) -> list[Open]:
        """Those that take in what is observed: running, stopped and waiting for what is late, or looking back."""
        rows = await self._driver.fetch(
            "SELECT id, key, arms, metrics, coalesce(counts_from, created_at) - look_back, counts_from, stopped_at"
            " FROM experiment WHERE workspace = $1"
            " AND (status IN ('running', 'stopped') OR status = 'draft' AND look_back > '0')",
            self._workspace,
        )
        return [Open(row[0], row[1], frozenset(row[2]), frozenset(row[3]), *row[4:]) for row in rows]

    async def traffic(self, *, now: datetime) -> float | None:
        """Units per day of the workspace's busiest experiment over the last week; None without any."""
        return await self._driver.fetchval(_TRAFFIC, self._workspace, int(now.timestamp() // 3_600) - 7 * 24)

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
            experiment.risk,
            plan.kind,
            plan.model_dump_json(),
            experiment.planned_units,
            experiment.units_per_day,
            experiment.planned_days,
            [arm.name for arm in plan.arms],
            plan.outcomes if plan.traits.observed else [],
            plan.outcome_window,
            plan.look_back,
        )


def _experiment(row: asyncpg.Record) -> Experiment:
    fields = dict(row)
    plan = Plan.model_validate_json(fields.pop("plan"))
    conclusion = fields.pop("conclusion")
    return Experiment(
        plan=plan.model_copy(update={"problem_id": fields.pop("problem_id")}),
        conclusion=json.loads(conclusion) if conclusion else None,
        **fields,
    )
