"""How many distinct voices report a problem week by week, and whether that is an onset."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from services.triage.domain.onset import WEEKS, Look

EVERY = timedelta(days=1)
_LEASE = timedelta(minutes=2)

# Weeks end at the moment of the look. Those before a problem was first seen are no past of it.
_WEEKLY = f"""
SELECT w.week, count(DISTINCT e.voice) FILTER (WHERE customer_id IS NOT NULL)::int AS named, coalesce((
    SELECT sum(floor(sqrt(n))) FROM (SELECT count(*) AS n FROM evidence a WHERE a.workspace = $1 AND a.problem_id = $2
     AND a.customer_id IS NULL AND a.occurred_at <= $3::timestamptz - w.week * interval '7 days'
     AND a.occurred_at > $3::timestamptz - (w.week + 1) * interval '7 days' GROUP BY a.voice) anonymous), 0)::int
FROM generate_series(0, {WEEKS}) AS w (week)
LEFT JOIN evidence e ON e.workspace = $1 AND e.problem_id = $2
 AND e.occurred_at <= $3::timestamptz - w.week * interval '7 days'
 AND e.occurred_at > $3::timestamptz - (w.week + 1) * interval '7 days'
GROUP BY w.week ORDER BY w.week
"""


@dataclass(frozen=True, slots=True)
class Trend:
    """What was seen when a problem was last looked at."""

    surging_since: datetime | None = None
    voices: int = 0
    expected: float | None = None
    probability: float | None = None
    looked_at: datetime | None = None


class Trends:
    """The trends of one workspace's problems."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def ask(self, problem_ids: Collection[UUID], *, now: datetime) -> None:
        """These were reported: look at them, but not more than once a day."""
        await self._driver.execute(
            "INSERT INTO trend AS t (workspace, problem_id, due_at) SELECT $1, unnest($2::uuid[]), $3::timestamptz"
            " ON CONFLICT (workspace, problem_id) DO UPDATE SET due_at = greatest($3, t.looked_at + $4::interval)"
            " WHERE t.due_at IS NULL",
            self._workspace,
            sorted(problem_ids),
            now,
            EVERY,
        )

    async def claim(self, *, now: datetime, most: int) -> list[UUID]:
        """Take some that are due from other replicas; one that is not finished within two minutes is due again."""
        rows = await self._driver.fetch(
            "UPDATE trend SET due_at = $3 WHERE workspace = $1 AND problem_id IN (SELECT problem_id FROM trend"
            " WHERE workspace = $1 AND due_at <= $2 ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED)"
            " RETURNING problem_id",
            self._workspace,
            now,
            now + _LEASE,
            most,
        )
        return [row[0] for row in rows]

    async def weekly(self, problem_id: UUID, *, now: datetime) -> list[int]:
        """Distinct voices of the last 7 days, the 7 before, and so on, 13 in all.

        A customer is one voice a week; of those who gave no name, a source has the square root of what they said.
        """
        rows = await self._driver.fetch(_WEEKLY, self._workspace, problem_id, now)
        return [row[1] + row[2] for row in rows]

    async def find(self, problem_id: UUID) -> Trend:
        row = await self._driver.fetchrow(
            "SELECT surging_since, voices, expected, probability, looked_at FROM trend"
            " WHERE workspace = $1 AND problem_id = $2",
            self._workspace,
            problem_id,
        )
        return Trend(*row) if row else Trend()

    async def keep(self, problem_id: UUID, seen: Look, since: datetime | None, *, now: datetime) -> None:
        """What this look found. Look again tomorrow while anything can change: it was reported, or is surging."""
        again = now + EVERY if seen.voices or since else None
        await self._driver.execute(
            "UPDATE trend SET due_at = $3, surging_since = $4, voices = $5, expected = $6, probability = $7,"
            " looked_at = $8 WHERE workspace = $1 AND problem_id = $2",
            self._workspace,
            problem_id,
            again,
            since,
            seen.voices,
            seen.expected,
            seen.probability,
            now,
        )


def past_of(weekly: Sequence[int], first_seen: datetime, now: datetime) -> list[int]:
    """Of the weeks before the last 7 days, those in which the problem was already known from beginning to end."""
    whole = (now - first_seen) // timedelta(days=7) - 1
    return list(weekly[1 : 1 + max(0, whole)])


async def workspaces_to_look_at(driver: asyncpg.Connection) -> list[str]:
    rows = await driver.fetch("SELECT DISTINCT workspace FROM trend WHERE due_at <= now()")
    return [row[0] for row in rows]
