"""Options and their assumptions."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from services.experiments.domain.option import Assumption, Option

_OPTION = "id, problem_id, kind, title, description, created_at"
_ASSUMPTION = "id, problem_id, option_id, risk, statement, importance, created_at"


class Options:
    """The options of one workspace's problems, each with what it assumes."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def add(self, option: Option) -> None:
        await self._driver.execute(
            f"INSERT INTO option (workspace, {_OPTION}) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            self._workspace,
            option.id,
            option.problem_id,
            option.kind,
            option.title,
            option.description,
            option.created_at,
        )

    async def find(self, option_id: UUID) -> Option | None:
        """The option, whose problem stays the same until this transaction ends."""
        row = await self._driver.fetchrow(
            f"SELECT {_OPTION} FROM option WHERE workspace = $1 AND id = $2 FOR SHARE", self._workspace, option_id
        )
        return Option(*row) if row else None

    async def of_problem(self, problem_id: UUID, *, after: UUID | None, limit: int) -> list[Option]:
        """Oldest first."""
        rows = await self._driver.fetch(
            f"SELECT {_OPTION} FROM option WHERE workspace = $1 AND problem_id = $2 AND ($3::uuid IS NULL OR id > $3)"
            " ORDER BY id LIMIT $4",
            self._workspace,
            problem_id,
            after,
            limit,
        )
        return [Option(*row) for row in rows]

    async def state(self, assumption: Assumption) -> None:
        await self._driver.execute(
            f"INSERT INTO assumption (workspace, {_ASSUMPTION}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            self._workspace,
            assumption.id,
            assumption.problem_id,
            assumption.option_id,
            assumption.risk,
            assumption.statement,
            assumption.importance,
            assumption.created_at,
        )

    async def find_assumption(self, assumption_id: UUID) -> Assumption | None:
        row = await self._driver.fetchrow(
            f"SELECT {_ASSUMPTION} FROM assumption WHERE workspace = $1 AND id = $2", self._workspace, assumption_id
        )
        return Assumption(*row) if row else None

    async def assumptions_of(
        self, option_ids: Sequence[UUID], *, after: UUID | None = None, limit: int
    ) -> list[Assumption]:
        """Oldest first."""
        rows = await self._driver.fetch(
            f"SELECT {_ASSUMPTION} FROM assumption WHERE workspace = $1 AND option_id = ANY($2::uuid[])"
            " AND ($3::uuid IS NULL OR id > $3) ORDER BY id LIMIT $4",
            self._workspace,
            list(option_ids),
            after,
            limit,
        )
        return [Assumption(*row) for row in rows]
