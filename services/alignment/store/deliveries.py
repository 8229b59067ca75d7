"""What is to be delivered to whom, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from libs.messaging.tracing import TraceCarrier
from services.alignment.domain.deliveries import Answer, Delivery, DeliveryRules, DeliveryStatus

_DELIVERY = (
    "SELECT d.id, d.subscription_id, s.name AS subscriber, d.event_id, f.name AS event_name, f.about, d.status,"
    " d.attempts, d.created_at, d.due_at, d.settled_at, d.last_status, d.last_error"
    " FROM delivery d JOIN subscription s ON s.id = d.subscription_id JOIN feed f ON f.event_id = d.event_id"
    " WHERE d.workspace = $1"
)

_CLAIM = """
WITH due AS (
    SELECT next.id FROM subscription s
    CROSS JOIN LATERAL (
        SELECT count(*) AS open FROM delivery
        WHERE subscription_id = s.id AND status = 'waiting' AND lease IS NOT NULL AND due_at > now()
    ) busy
    CROSS JOIN LATERAL (
        SELECT id, due_at FROM delivery
        WHERE subscription_id = s.id AND status = 'waiting' AND due_at <= now()
        ORDER BY due_at, id LIMIT greatest($2::int - busy.open, 0)
    ) next
    WHERE s.channel = 'webhook' AND s.disabled_at IS NULL AND s.deleted_at IS NULL
    ORDER BY next.due_at, next.id LIMIT $1
), mine AS (
    SELECT id FROM delivery WHERE id IN (SELECT id FROM due) AND status = 'waiting' AND due_at <= now()
    FOR UPDATE SKIP LOCKED
)
UPDATE delivery d SET lease = gen_random_uuid(), attempts = d.attempts + 1, due_at = now() + $3::interval
FROM mine, subscription s, feed f
WHERE d.id = mine.id AND s.id = d.subscription_id AND f.event_id = d.event_id
RETURNING d.id, d.lease, d.attempts, d.workspace, d.subscription_id, s.name AS subscriber, s.url, s.secret, f.envelope,
    f.traceparent, f.tracestate
"""


@dataclass(frozen=True)
class Claimed:
    """One attempt that belongs to this process until its lease ends: where to, what, and how to sign it."""

    id: UUID
    lease: UUID
    attempts: int
    workspace: str
    subscription_id: UUID
    subscriber: str
    url: str
    secret: str
    envelope: bytes
    trace: TraceCarrier


class Deliveries:
    """The deliveries of one workspace; `claim` alone works for all of them."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def add(self, pairs: Sequence[tuple[UUID, UUID]], *, at: datetime) -> None:
        """Have each (subscription, event) delivered, due now; one that is there already stays as it is."""
        await self._driver.execute(
            "INSERT INTO delivery (id, workspace, subscription_id, event_id, status, due_at, created_at)"
            " SELECT id, $1, subscription_id, event_id, 'waiting', $2, $2"
            " FROM unnest($3::uuid[], $4::uuid[], $5::uuid[]) AS new (id, subscription_id, event_id)"
            " ON CONFLICT (subscription_id, event_id) DO NOTHING",
            self._workspace,
            at,
            [uuid7() for _ in pairs],
            [subscription_id for subscription_id, _ in pairs],
            [event_id for _, event_id in pairs],
        )

    async def claim(self, count: int, rules: DeliveryRules) -> list[Claimed]:
        """Begin up to `count` due attempts, of any workspace, the longest due first; each counts as made."""
        lease = timedelta(seconds=rules.lease)
        rows = await self._driver.fetch(_CLAIM, count, rules.per_subscription, lease)
        found = [dict(row) for row in rows]
        return [Claimed(trace=TraceCarrier(row.pop("traceparent"), row.pop("tracestate")), **row) for row in found]

    async def release(self, claimed: Claimed) -> None:
        """Give an attempt back that this process will not end, so that nobody has to wait for its lease."""
        await self._driver.execute(
            "UPDATE delivery SET lease = NULL, due_at = now()"
            " WHERE workspace = $1 AND id = $2 AND lease = $3 AND status = 'waiting'",
            self._workspace,
            claimed.id,
            claimed.lease,
        )

    async def settle(
        self, claimed: Claimed, status: DeliveryStatus, answer: Answer, *, at: datetime, due_at: datetime | None = None
    ) -> bool:
        """Record what came of an attempt; False if it no longer belongs to this process, and nothing was recorded.

        A delivery that was cancelled meanwhile becomes `delivered` if it was, and otherwise stays cancelled.
        """
        changed = await self._driver.execute(
            "UPDATE delivery SET status = $4, lease = NULL, due_at = $5, last_status = $6, last_error = $7,"
            " settled_at = CASE WHEN $4 = 'waiting' THEN NULL ELSE $8::timestamptz END"
            " WHERE workspace = $1 AND id = $2 AND lease = $3 AND (status = 'waiting' OR $4 = 'delivered')",
            self._workspace,
            claimed.id,
            claimed.lease,
            status,
            due_at,
            answer.status,
            None if answer.told else answer.describe(),
            at,
        )
        return changed == "UPDATE 1"

    async def cancel_of(self, subscription_id: UUID, *, at: datetime) -> None:
        """Attempt nothing more for this subscription."""
        await self._driver.execute(
            "UPDATE delivery SET status = 'cancelled', due_at = NULL, settled_at = $3"
            " WHERE workspace = $1 AND subscription_id = $2 AND status = 'waiting'",
            self._workspace,
            subscription_id,
            at,
        )

    async def replay(self, delivery_id: UUID, *, at: datetime) -> None:
        """Begin again from the first attempt, now; an attempt that is under way no longer counts."""
        await self._driver.execute(
            "UPDATE delivery SET status = 'waiting', attempts = 0, lease = NULL, due_at = $3, settled_at = NULL"
            " WHERE workspace = $1 AND id = $2",
            self._workspace,
            delivery_id,
            at,
        )

    async def find(self, delivery_id: UUID, *, lock: bool = False) -> Delivery | None:
        row = await self._driver.fetchrow(
            f"{_DELIVERY} AND d.id = $2 {'FOR UPDATE OF d' if lock else ''}", self._workspace, delivery_id
        )
        return Delivery(**dict(row)) if row else None

    async def newest(
        self, *, status: DeliveryStatus | None, subscription_id: UUID | None, before: UUID | None, limit: int
    ) -> list[Delivery]:
        rows = await self._driver.fetch(
            f"{_DELIVERY} AND ($2::text IS NULL OR d.status = $2)"
            " AND ($3::uuid IS NULL OR d.subscription_id = $3) AND ($4::uuid IS NULL OR d.id < $4)"
            " ORDER BY d.id DESC LIMIT $5",
            self._workspace,
            status,
            subscription_id,
            before,
            limit,
        )
        return [Delivery(**dict(row)) for row in rows]
