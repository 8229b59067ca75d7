"""Answers to batches of observations that came with an Idempotency-Key, in messaging's table for such answers."""

from dataclasses import dataclass

import asyncpg


@dataclass(frozen=True)
class Answer:
    """What was sent before under a key; `body` is None while its answer is still outstanding."""

    request_hash: bytes
    body: bytes | None


class Answers:
    """The kept answers of one workspace."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def enter(self, key: str, request_hash: bytes) -> Answer:
        """What is kept under `key`, entering this request if nothing was."""
        await self._driver.execute(
            "INSERT INTO idempotency (workspace, key, request_hash) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            self._workspace,
            key,
            request_hash,
        )
        row = await self._driver.fetchrow(
            "SELECT request_hash, body FROM idempotency WHERE workspace = $1 AND key = $2", self._workspace, key
        )
        assert row is not None  # entered above, or by somebody before
        return Answer(row[0], row[1])

    async def keep(self, key: str, status: int, body: bytes) -> None:
        await self._driver.execute(
            "UPDATE idempotency SET status = $3, body = $4 WHERE workspace = $1 AND key = $2",
            self._workspace,
            key,
            status,
            body,
        )
