"""Who speaks about a problem, and what that adds up to."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.triage.domain import COLDEST, EPOCH, Report, Standing, Weights, severity_of

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
_ADD = (
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
_WEIGHT = "CASE WHEN named THEN 1 ELSE sqrt(reports) END"
_WARMTH = f"""({_WEIGHT} * power(2::float8, greatest($3::float8,
            extract(epoch FROM last_at - $4::timestamptz)::float8 / $5::float8)))"""
_STANDINGS = f"""
WITH sums AS (
    SELECT problem_id, sum(reports)::int AS reports, count(*) FILTER (WHERE named)::int AS customers,
        sum({_WEIGHT}) AS reach, sum({_WARMTH}) AS warmth,
        sum({_WARMTH} * coalesce(($6::jsonb ->> segment)::float8, 1)) AS worth,
        coalesce(sum(1 - rating_sum / ratings) FILTER (WHERE ratings > 0), 0) AS displeasure,
        count(*) FILTER (WHERE ratings > 0)::int AS rated, min(first_at) AS first_at, max(last_at) AS last_at
    FROM voice WHERE workspace = $1 AND problem_id = ANY($2::uuid[]) GROUP BY problem_id
), money AS (
    SELECT problem_id, json_object_agg(currency, amount)::text AS revenue FROM (
        SELECT problem_id, currency, sum(revenue) AS amount FROM voice
        WHERE workspace = $1 AND problem_id = ANY($2::uuid[]) AND revenue IS NOT NULL GROUP BY problem_id, currency
    ) per_currency GROUP BY problem_id
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


class Voices:
    """The distinct voices of one workspace's problems."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def add(self, feedback_ids: Sequence[UUID]) -> None:
        """Count evidence that was just stored."""
        await self._driver.execute(_ADD, self._workspace, list(feedback_ids))

    async def recount(self, problem_ids: Collection[UUID]) -> None:
        """Count these problems' evidence from the beginning, after a correction or an erasure."""
        chosen = list(problem_ids)
        await self._driver.execute(
            "DELETE FROM voice WHERE workspace = $1 AND problem_id = ANY($2::uuid[])", self._workspace, chosen
        )
        await self._driver.execute(
            _FROM_EVIDENCE.format(chosen="problem_id = ANY($2::uuid[])"), self._workspace, chosen
        )

    async def known(self, pairs: Collection[tuple[UUID, Report]]) -> set[tuple[UUID, str]]:
        """Which of these voices have spoken about these problems before."""
        rows = await self._driver.fetch(
            "SELECT problem_id, voice FROM voice JOIN unnest($2::uuid[], $3::text[]) AS asked (p, v)"
            " ON problem_id = p AND voice = v WHERE workspace = $1",
            self._workspace,
            [problem_id for problem_id, _ in pairs],
            [report.voice for _, report in pairs],
        )
        return {(row[0], row[1]) for row in rows}

    async def standings(
        self, problem_ids: Collection[UUID], weights: Weights
    ) -> dict[UUID, tuple[Standing, datetime | None, datetime | None]]:
        """Each problem's numbers, with when it was first and last seen; all zero for one that nobody reports."""
        rows = await self._driver.fetch(
            _STANDINGS,
            self._workspace,
            list(problem_ids),
            COLDEST,
            EPOCH,
            weights.half_life * 86_400,
            json.dumps(dict(weights.segments)),
        )
        return {row[0]: (_standing(row, weights), row["first_at"], row["last_at"]) for row in rows}

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


def _standing(row: asyncpg.Record, weights: Weights) -> Standing:
    warmth, wording = float(row["warmth"] or 0), float(row["wording"] or 0)
    return Standing(
        reports=row["reports"] or 0,
        customers=row["customers"] or 0,
        reach=float(row["reach"] or 0),
        warmth=warmth,
        severity=severity_of(float(row["displeasure"] or 0), row["rated"] or 0, wording),
        revenue={currency: int(amount) for currency, amount in json.loads(row["revenue"] or "{}").items()},
        objectives=weights.objectives * float(row["objectives"] or 0),
        wording=wording,
        segment=float(row["worth"] or 0) / warmth if warmth else 1.0,
        half_life=weights.half_life,
        revenue_weight=weights.revenue,
    )
