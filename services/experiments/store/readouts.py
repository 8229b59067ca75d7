"""When each experiment's readout is looked at again, what it last added up to, and what was already told about it."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg


@dataclass(frozen=True)
class Due:
    """An experiment whose readout should be looked at."""

    experiment_id: UUID
    workspace: str


@dataclass(frozen=True)
class Kept:
    """What is kept between looks: how many there were, the last tally, the one decision, and what was told.

    `before` is what the last look of the background job said, to be told beside what is new.
    """

    looks: int
    tally: dict[str, Any] | None
    decision: dict[str, Any] | None
    told: frozenset[str]
    before: dict[str, Any] | None


async def due_readouts(driver: asyncpg.Connection, *, limit: int) -> list[Due]:
    """Experiments of every workspace that are due and have facts that nothing was told of, the longest waiting first.

    Such facts may have been counted already: by somebody who read the readout before its turn came.
    """
    rows = await driver.fetch(
        "SELECT experiment_id, workspace FROM readout WHERE due_at <= now()"
        " AND (untold OR EXISTS (SELECT FROM unsettled u WHERE u.experiment_id = readout.experiment_id))"
        " ORDER BY due_at LIMIT $1",
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

    async def claim(self, experiment_id: UUID, *, wait: bool) -> Kept | None:
        """Take a readout for this transaction: nobody else settles its blocks or looks meanwhile.

        Without `wait`, only if it is due; None when it is not, or another replica has it, or there is none.
        """
        how = "FOR UPDATE" if wait else "AND due_at <= now() FOR UPDATE SKIP LOCKED"
        row = await self._driver.fetchrow(
            "SELECT looks, tally::text, decision::text, told, before::text FROM readout"
            f" WHERE workspace = $1 AND experiment_id = $2 {how}",
            self._workspace,
            experiment_id,
        )
        if row is None:
            return None
        tally, decision, before = (json.loads(row[name]) if row[name] else None for name in (1, 2, 4))
        return Kept(row[0], tally, decision, frozenset(row[3]), before)

    async def looked(
        self, experiment_id: UUID, *, looks: int, tally: dict[str, Any] | None, decision: dict[str, Any] | None
    ) -> None:
        """Remember a look: the tally only if it is given, because it has changed."""
        await self._driver.execute(
            "UPDATE readout SET looks = $3, tally = coalesce($4, tally), decision = $5,"
            " untold = untold OR $4 IS NOT NULL WHERE workspace = $1 AND experiment_id = $2",
            self._workspace,
            experiment_id,
            looks,
            json.dumps(tally) if tally else None,
            json.dumps(decision) if decision else None,
        )

    async def told(
        self, experiment_id: UUID, *, told: Collection[str], before: dict[str, Any], due_at: datetime
    ) -> None:
        """Remember what has been told, what it was told of, and when to look again at the earliest."""
        await self._driver.execute(
            "UPDATE readout SET told = $3, before = $4, due_at = $5, untold = false"
            " WHERE workspace = $1 AND experiment_id = $2",
            self._workspace,
            experiment_id,
            sorted(told),
            json.dumps(before),
            due_at,
        )

    async def forget_tally(self, experiment_id: UUID) -> None:
        """Have the blocks added up again at the next look."""
        await self._driver.execute(
            "UPDATE readout SET tally = NULL WHERE workspace = $1 AND experiment_id = $2",
            self._workspace,
            experiment_id,
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
