"""Who speaks about a problem, and what that adds up to."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.triage.domain import COLDEST, EPOCH, Standing, Sums, Weights

_FROM_EVIDENCE = """
INSERT INTO voice AS v (workspace, problem_id, voice, named, reports, first_at, last_at, rating_sum, ratings, revenue,
    currency, segment, plan)
SELECT $1, problem_id, voice, bool_or(customer_id IS NOT NULL), count(*), min(occurred_at), max(occurred_at),
    coalesce(sum(rating), 0), count(rating),
    (array_agg(revenue ORDER BY occurred_at DESC, feedback_id DESC) FILTER (WHERE revenue IS NOT NULL))[1],
    (array_agg(currency ORDER BY occurred_at DESC, feedback_id DESC) FILTER (WHERE currency IS NOT NULL))[1],
    (array_agg(segment ORDER BY occurred_at DESC, feedback_id DESC) FILTER (WHERE segment IS NOT NULL))[1],
    (array_agg(plan ORDER BY occurred_at DESC, feedback_id DESC) FILTER (WHERE plan IS NOT NULL))[1]
FROM evidence WHERE workspace = $1 AND problem_id IS NOT NULL AND {chosen}
GROUP BY problem_id, voice
"""
_UPSERT = (
    _FROM_EVIDENCE.format(chosen="feedback_id = ANY($2::uuid[])")
    + """
ON CONFLICT (workspace, problem_id, voice) DO UPDATE SET
    reports = v.reports + excluded.reports,
    first_at = least(v.first_at, excluded.first_at),
    last_at = greatest(v.last_at, excluded.last_at),
    rating_sum = v.rating_sum + excluded.rating_sum,
    ratings = v.ratings + excluded.ratings,
    revenue = CASE WHEN excluded.revenue IS NULL OR (v.revenue IS NOT NULL AND excluded.last_at < v.last_at)
        THEN v.revenue ELSE excluded.revenue END,
    currency = CASE WHEN excluded.revenue IS NULL OR (v.revenue IS NOT NULL AND excluded.last_at < v.last_at)
        THEN v.currency ELSE excluded.currency END,
    segment = CASE WHEN excluded.last_at < v.last_at THEN coalesce(v.segment, excluded.segment)
        ELSE coalesce(excluded.segment, v.segment) END,
    plan = CASE WHEN excluded.last_at < v.last_at THEN coalesce(v.plan, excluded.plan)
        ELSE coalesce(excluded.plan, v.plan) END
"""
)
# What a voice, a row of these names, adds to its problem's sums.
_REACH = "(CASE WHEN {v}.named THEN 1 ELSE sqrt({v}.reports) END)"
_WARMTH = f"""({_REACH} * power(2::float8, greatest($3::float8,
            extract(epoch FROM {{v}}.last_at - $4::timestamptz)::float8 / $5::float8)))"""
_ADDS = {
    "reports": "{v}.reports",
    "customers": "{v}.named::int",
    "reach": _REACH,
    "warmth": _WARMTH,
    "worth": f"({_WARMTH} * coalesce(($6::jsonb ->> {{v}}.segment)::float8, 1))",
    "displeasure": "(CASE WHEN {v}.ratings > 0 THEN 1 - {v}.rating_sum / {v}.ratings END)",
    "rated": "({v}.ratings > 0)::int",
}
_WHOLE = ("reports", "customers", "rated")
_MONEY = """
SELECT problem_id, json_object_agg(currency, amount)::text AS revenue FROM (
    SELECT problem_id, currency, sum(revenue) AS amount FROM {source} WHERE revenue IS NOT NULL
    GROUP BY problem_id, currency HAVING sum(revenue) <> 0
) per_currency GROUP BY problem_id
"""


def _sums(terms: Mapping[str, str]) -> str:
    return ", ".join(
        f"coalesce(sum({term}), 0)::{'int' if name in _WHOLE else 'float8'} AS {name}" for name, term in terms.items()
    )


_CHANGES = {
    name: f"coalesce({of.format(v='new')}, 0) - coalesce({of.format(v='old')}, 0)" for name, of in _ADDS.items()
}
_PAID_MORE = """
(SELECT problem_id, currency, revenue FROM changed UNION ALL SELECT problem_id, had_currency, -had FROM changed) paid
"""
_ADD = f"""
WITH changed AS ({_UPSERT} RETURNING new.problem_id, new.first_at, new.last_at, new.currency, new.revenue,
    old.currency AS had_currency, old.revenue AS had, {", ".join(f"{of} AS {name}" for name, of in _CHANGES.items())}
), money AS ({_MONEY.format(source=_PAID_MORE)}
), sums AS (
    SELECT problem_id, {_sums({name: name for name in _ADDS})}, min(first_at) AS first_at, max(last_at) AS last_at
    FROM changed GROUP BY problem_id
)
SELECT sums.*, revenue FROM sums LEFT JOIN money USING (problem_id)
"""
_PAID = "(SELECT * FROM voice WHERE workspace = $1 AND problem_id = ANY($2::uuid[])) paid"
_STANDINGS = f"""
WITH sums AS (
    SELECT problem_id, {_sums({name: of.format(v="voice") for name, of in _ADDS.items()})},
        min(first_at) AS first_at, max(last_at) AS last_at
    FROM voice WHERE workspace = $1 AND problem_id = ANY($2::uuid[]) GROUP BY problem_id
), money AS ({_MONEY.format(source=_PAID)}
), family AS (
    SELECT problem_id AS member, coalesce(merged_into, problem_id) AS problem_id FROM problem
    WHERE workspace = $1 AND (problem_id = ANY($2::uuid[]) OR merged_into = ANY($2::uuid[]))
), served AS (
    SELECT problem_id, sum(weight) AS weight FROM (
        SELECT DISTINCT family.problem_id, objective_id, weight FROM objective
        JOIN family ON family.member = ANY(objective.problem_ids) WHERE objective.workspace = $1
    ) once GROUP BY problem_id
)
SELECT p AS problem_id, sums.*, revenue, served.weight AS objectives, portrait.wording FROM unnest($2::uuid[]) AS p
LEFT JOIN sums ON sums.problem_id = p LEFT JOIN money ON money.problem_id = p LEFT JOIN served ON served.problem_id = p
LEFT JOIN portrait ON portrait.workspace = $1 AND portrait.problem_id = p
"""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What voices add up to, and when the first and the last of their reports was made; None when there is none."""

    sums: Sums
    first_at: datetime | None
    last_at: datetime | None


class Voices:
    """The distinct voices of one workspace's problems."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def add(self, feedback_ids: Sequence[UUID], weights: Weights) -> dict[UUID, Spoken]:
        """Count evidence that was just stored; returns what it adds to its problems' sums."""
        rows = await self._driver.fetch(_ADD, self._workspace, list(feedback_ids), *_weighed(weights))
        return {row["problem_id"]: _heard(row) for row in rows}

    async def recount(self, problem_ids: Collection[UUID]) -> None:
        """Count these problems' evidence from the beginning, after a correction or an erasure."""
        chosen = list(problem_ids)
        await self._driver.execute(
            "DELETE FROM voice WHERE workspace = $1 AND problem_id = ANY($2::uuid[])", self._workspace, chosen
        )
        await self._driver.execute(
            _FROM_EVIDENCE.format(chosen="problem_id = ANY($2::uuid[])"), self._workspace, chosen
        )

    async def standings(self, problem_ids: Collection[UUID], weights: Weights) -> dict[UUID, tuple[Standing, Spoken]]:
        """Each problem's numbers, with what its voices add up to, counted anew; all zero for one nobody reports."""
        rows = await self._driver.fetch(_STANDINGS, self._workspace, list(problem_ids), *_weighed(weights))
        found = {}
        for row in rows:
            heard = _heard(row)
            standing = Standing(
                heard.sums,
                objectives=weights.objectives * float(row["objectives"] or 0),
                wording=float(row["wording"] or 0),
                half_life=weights.half_life,
                revenue_weight=weights.revenue,
            )
            found[row[0]] = (standing, heard)
        return found

    async def composition(self, problem_id: UUID) -> dict[str, dict[str, int]]:
        """Distinct customers per segment and per plan, and reports per source."""
        rows = await self._driver.fetch(
            "SELECT 'segments' AS kind, segment AS name, count(*)::int AS n FROM voice"
            " WHERE workspace = $1 AND problem_id = $2 AND segment IS NOT NULL GROUP BY segment"
            " UNION ALL SELECT 'plans', plan, count(*)::int FROM voice"
            " WHERE workspace = $1 AND problem_id = $2 AND plan IS NOT NULL GROUP BY plan"
            " UNION ALL SELECT 'sources', source, count(*)::int FROM evidence"
            " WHERE workspace = $1 AND problem_id = $2 GROUP BY source ORDER BY 1, 3 DESC, 2",
            self._workspace,
            problem_id,
        )
        found: dict[str, dict[str, int]] = {"segments": {}, "plans": {}, "sources": {}}
        for kind, name, count in rows:
            found[kind][name] = count
        return found


def _weighed(weights: Weights) -> tuple[float, datetime, float, str]:
    return COLDEST, EPOCH, weights.half_life * 86_400, json.dumps(dict(weights.segments))


def _heard(row: asyncpg.Record) -> Spoken:
    numbers = {name: row[name] or 0 for name in _ADDS}
    revenue = {currency: int(amount) for currency, amount in json.loads(row["revenue"] or "{}").items()}
    return Spoken(Sums(**numbers, revenue=revenue), row["first_at"], row["last_at"])
