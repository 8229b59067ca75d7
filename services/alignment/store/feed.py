"""What happened, in one order per workspace, and what is known of the problems it is about."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.messaging.tracing import TraceCarrier
from services.alignment.domain.feed import FeedEntry
from services.alignment.domain.subject import Subject
from services.alignment.domain.subscriptions import Wanted


@dataclass(frozen=True)
class Told:
    """One event on its way into the feed: the CloudEvent's bytes as they came, and the trace that they came in."""

    event_id: UUID
    name: str
    about: str
    subject: Subject
    envelope: bytes
    trace: TraceCarrier


class Feed:
    """The feed of one workspace."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def reserve(self, count: int) -> int:
        """Take the next `count` numbers and return the first; other writers of this workspace wait until commit."""
        last = await self._driver.fetchval(
            "INSERT INTO feed_head AS h (workspace, last) VALUES ($1, $2)"
            " ON CONFLICT (workspace) DO UPDATE SET last = h.last + excluded.last RETURNING last",
            self._workspace,
            count,
        )
        assert last is not None
        return last - count + 1

    async def append(self, first: int, told: Sequence[Told], *, at: datetime) -> None:
        """Enter events under the numbers that were reserved for them."""
        columns = "workspace number event_id name about decision_id problem_ids envelope traceparent tracestate told_at"
        await self._driver.copy_records_to_table(
            "feed",
            columns=columns.split(),
            records=[
                (
                    self._workspace,
                    number,
                    item.event_id,
                    item.name,
                    item.about,
                    item.subject.decision_id,
                    item.subject.problem_ids,
                    item.envelope,
                    item.trace.traceparent,
                    item.trace.tracestate,
                    at,
                )
                for number, item in enumerate(told, first)
            ],
        )

    async def head(self) -> int:
        """The newest number. Every number up to it is there to be read: numbers are given out in order of commit."""
        last = await self._driver.fetchval("SELECT last FROM feed_head WHERE workspace = $1", self._workspace)
        return last or 0

    async def read(self, *, after: int, up_to: int, wanted: Wanted, limit: int) -> list[FeedEntry]:
        """Wanted entries with numbers in (after, up_to], in order."""
        rows = await self._driver.fetch(
            "SELECT f.number, f.name, f.envelope, f.told_at, p.statement AS problem, d.title AS decision FROM feed f"
            " LEFT JOIN problem p ON p.workspace = f.workspace AND p.id = f.problem_ids[1]"
            " LEFT JOIN decision d ON d.workspace = f.workspace AND d.id = f.decision_id"
            " WHERE f.workspace = $1 AND f.number > $2 AND f.number <= $3 AND f.name = ANY($4::text[])"
            " AND (cardinality($5::uuid[]) + cardinality($6::uuid[]) = 0"
            " OR f.problem_ids && $5 OR f.decision_id = ANY($6)) ORDER BY f.number LIMIT $7",
            self._workspace,
            after,
            up_to,
            list(wanted.names),
            list(wanted.problem_ids),
            list(wanted.decision_ids),
            limit,
        )
        return [FeedEntry(**dict(row)) for row in rows]


class Problems:
    """Triage's problems as far as they were heard of, in whatever order the news came."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def learn(self, statements: Mapping[UUID, tuple[str, int]]) -> None:
        """Keep the newest statement of each problem, by the sequence of the event that said it."""
        known = sorted(statements.items())
        await self._driver.execute(
            "INSERT INTO problem AS p (workspace, id, statement, sequence)"
            " SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::int[])"
            " ON CONFLICT (workspace, id) DO UPDATE SET statement = excluded.statement, sequence = excluded.sequence"
            " WHERE p.statement IS NULL OR p.sequence < excluded.sequence",
            self._workspace,
            [problem_id for problem_id, _ in known],
            [statement for _, (statement, _) in known],
            [sequence for _, (_, sequence) in known],
        )

    async def merge(self, merged: Iterable[tuple[UUID, UUID | None]]) -> None:
        """Remember what each problem became a part of; None: of nothing, it stands by itself again."""
        pairs = sorted(dict(merged).items())
        await self._driver.execute(
            "INSERT INTO problem (workspace, id, merged_into) SELECT $1, * FROM unnest($2::uuid[], $3::uuid[])"
            " ON CONFLICT (workspace, id) DO UPDATE SET merged_into = excluded.merged_into",
            self._workspace,
            [problem_id for problem_id, _ in pairs],
            [into for _, into in pairs],
        )

    async def now_known_as(self, problem_ids: Collection[UUID]) -> dict[UUID, frozenset[UUID]]:
        """Each problem with all that it was merged into: who follows a problem follows where it went."""
        rows = await self._driver.fetch(
            "WITH RECURSIVE became (origin, id) AS ("
            " SELECT id, id FROM unnest($2::uuid[]) AS asked (id) UNION"
            " SELECT b.origin, p.merged_into FROM became b JOIN problem p ON p.workspace = $1 AND p.id = b.id"
            " WHERE p.merged_into IS NOT NULL)"
            " SELECT origin, array_agg(id) AS ids FROM became GROUP BY origin",
            self._workspace,
            list(problem_ids),
        )
        return {row["origin"]: frozenset(row["ids"]) for row in rows}
