"""When each experiment's readout is looked at again, and what was already told about it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from contracts.experiments import Recommendation


@dataclass(frozen=True)
class Due:
    """An experiment whose readout should be looked at."""

    experiment_id: UUID
    workspace: str


@dataclass(frozen=True)
class Told:
    """What has been told about an experiment: the names of onsets, and the last recommendation."""

    onsets: frozenset[str]
    recommendation: Recommendation | None


async def due_readouts(driver: asyncpg.Connection, *, limit: int) -> list[Due]:
    """Experiments of every workspace that are due and have new facts, the longest waiting first."""
    rows = await driver.fetch(
        "SELECT experiment_id, workspace FROM readout WHERE due_at <= now()"
        " AND EXISTS (SELECT FROM wake WHERE wake.experiment_id = readout.experiment_id) ORDER BY due_at LIMIT $1",
        limit,
    )
    return [Due(row[0], row[1]) for row in rows]


class Readouts:
    """The readouts of one workspace's experiments."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def begin(self, experiment_id: UUID, *, at: datetime) -> None:
        await self._driver.execute(
            "INSERT INTO readout (experiment_id, workspace, due_at) VALUES ($1, $2, $3)",
            experiment_id,
            self._workspace,
            at,
        )

    async def claim(self, experiment_id: UUID) -> Told | None:
        """Take a due readout for this transaction; None when another replica has it, or it is no longer due.

        The marks of new facts go with it: every fact that one of them stands for is visible to what is read next.
        """
        row = await self._driver.fetchrow(
            "SELECT told, recommendation FROM readout WHERE workspace = $1 AND experiment_id = $2 AND due_at <= now()"
            " FOR UPDATE SKIP LOCKED",
            self._workspace,
            experiment_id,
        )
        if row is None:
            return None
        await self._driver.execute("DELETE FROM wake WHERE experiment_id = $1", experiment_id)
        return Told(frozenset(row[0]), row[1])

    async def keep(
        self, experiment_id: UUID, *, told: Collection[str], recommendation: Recommendation, due_at: datetime
    ) -> None:
        """Remember what has been told, and when to look again at the earliest."""
        await self._driver.execute(
            "UPDATE readout SET told = $3, recommendation = $4, due_at = $5"
            " WHERE workspace = $1 AND experiment_id = $2",
            self._workspace,
            experiment_id,
            sorted(told),
            recommendation,
            due_at,
        )

    async def put_off(self, experiment_id: UUID, *, until: datetime) -> None:
        await self._driver.execute(
            "UPDATE readout SET due_at = $3 WHERE workspace = $1 AND experiment_id = $2",
            self._workspace,
            experiment_id,
            until,
        )

    async def end(self, experiment_id: UUID) -> None:
        """No more looking: the experiment is concluded."""
        await self._driver.execute(
            "DELETE FROM readout WHERE workspace = $1 AND experiment_id = $2", self._workspace, experiment_id
        )
