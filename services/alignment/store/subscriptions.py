"""Who wants to be told."""

import json
from datetime import datetime
from uuid import UUID

import asyncpg

from services.alignment.domain.subscriptions import Filter, Subscription

_SUBSCRIPTION = (
    "SELECT id, name, channel, url, filter::text AS filter, secret, created_at, disabled_at, disabled_reason"
    " FROM subscription WHERE workspace = $1 AND deleted_at IS NULL"
)


class Subscriptions:
    """The subscriptions of one workspace; a deleted one is never seen again."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def add(self, subscription: Subscription) -> None:
        await self._driver.execute(
            "INSERT INTO subscription (id, workspace, name, channel, url, filter, secret, created_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            subscription.id,
            self._workspace,
            subscription.name,
            subscription.channel,
            subscription.url,
            subscription.filter.model_dump_json(exclude_defaults=True),
            subscription.secret,
            subscription.created_at,
        )

    async def find(self, subscription_id: UUID) -> Subscription | None:
        row = await self._driver.fetchrow(f"{_SUBSCRIPTION} AND id = $2", self._workspace, subscription_id)
        return _subscription(row) if row else None

    async def newest(self, *, before: UUID | None, limit: int) -> list[Subscription]:
        rows = await self._driver.fetch(
            f"{_SUBSCRIPTION} AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
            self._workspace,
            before,
            limit,
        )
        return [_subscription(row) for row in rows]

    async def told_by_webhook(self) -> list[Subscription]:
        """The subscriptions that get a delivery now; a disabled one gets none until it is enabled again."""
        rows = await self._driver.fetch(
            f"{_SUBSCRIPTION} AND channel = 'webhook' AND disabled_at IS NULL ORDER BY id", self._workspace
        )
        return [_subscription(row) for row in rows]

    async def delete(self, subscription_id: UUID, *, at: datetime) -> None:
        """Forget the subscription and its secret; what was delivered to it stays on record."""
        await self._driver.execute(
            "UPDATE subscription SET deleted_at = $3, secret = '' WHERE workspace = $1 AND id = $2",
            self._workspace,
            subscription_id,
            at,
        )

    async def enable(self, subscription_id: UUID) -> None:
        await self._driver.execute(
            "UPDATE subscription SET disabled_at = NULL, disabled_reason = NULL, exhausted_in_row = 0"
            " WHERE workspace = $1 AND id = $2",
            self._workspace,
            subscription_id,
        )

    async def disable(self, subscription_id: UUID, reason: str, *, at: datetime) -> None:
        await self._driver.execute(
            "UPDATE subscription SET disabled_at = $3, disabled_reason = $4"
            " WHERE workspace = $1 AND id = $2 AND disabled_at IS NULL",
            self._workspace,
            subscription_id,
            at,
            reason,
        )

    async def count_exhausted(self, subscription_id: UUID) -> int:
        """One more delivery in a row was given up; returns how many."""
        counted = await self._driver.fetchval(
            "UPDATE subscription SET exhausted_in_row = exhausted_in_row + 1 WHERE workspace = $1 AND id = $2"
            " RETURNING exhausted_in_row",
            self._workspace,
            subscription_id,
        )
        assert counted is not None  # a deleted subscription keeps its row
        return counted

    async def was_told(self, subscription_id: UUID) -> None:
        await self._driver.execute(
            "UPDATE subscription SET exhausted_in_row = 0 WHERE workspace = $1 AND id = $2 AND exhausted_in_row > 0",
            self._workspace,
            subscription_id,
        )


def _subscription(row: asyncpg.Record) -> Subscription:
    known = {name: row[name] for name in ("id", "name", "channel", "url", "secret", "created_at")}
    return Subscription(
        **known,
        filter=Filter.model_validate(json.loads(row["filter"])),
        disabled_at=row["disabled_at"],
        disabled_reason=row["disabled_reason"],
    )
