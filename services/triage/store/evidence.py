"""The words, and where they belong."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.triage.domain import Report

_COLUMNS = (
    *("workspace", "feedback_id", "position", "problem_id", "arrived_in", "text", "terms", "voice", "source"),
    *("customer_id", "segment", "plan", "revenue", "currency", "rating", "language", "occurred_at", "score", "margin"),
    *("confidence", "reason", "algorithm", "assigned_by", "assigned_at", "nearest", "vector", "embedder", "in_window"),
)


@dataclass(frozen=True, slots=True)
class Vector:
    """What the engine knows evidence by: float16 bytes, who made them, the order of arrival, its problem then."""

    vector: bytes
    embedder: str
    position: int
    arrived_in: UUID | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where evidence belongs, and why. `score` is 0 to 1; `nearest` are the ids of the evidence that decided."""

    problem_id: UUID | None
    score: float
    reason: str
    algorithm: str
    margin: float | None = None
    confidence: float | None = None
    nearest: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """A report with what was decided about it. `terms` are the stems that it is found by."""

    report: Report
    language: str
    terms: Sequence[str]
    vector: Vector
    place: Place


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a piece of evidence is now."""

    feedback_id: UUID
    problem_id: UUID | None
    assigned_by: str
    text: str
    voice: str
    named: bool


class EvidenceStore:
    """Evidence of one workspace. Erased evidence is a row with its id and nothing else."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def known(self, feedback_ids: Collection[UUID]) -> set[UUID]:
        """Those that are here already, also when their words were erased."""
        rows = await self._driver.fetch(
            "SELECT feedback_id FROM evidence WHERE workspace = $1 AND feedback_id = ANY($2::uuid[])",
            self._workspace,
            list(feedback_ids),
        )
        return {row[0] for row in rows}

    async def add(self, items: Sequence[Placed], *, now: datetime) -> None:
        """Store new evidence; the caller has made sure that none of it is known."""
        records = [self._record(placed, now) for placed in items]
        await self._driver.copy_records_to_table("evidence", records=records, columns=_COLUMNS)

    def _record(self, placed: Placed, now: datetime) -> tuple[Any, ...]:
        report, place, vector = placed.report, placed.place, placed.vector
        return (
            self._workspace,
            report.feedback_id,
            vector.position,
            place.problem_id,
            vector.arrived_in,
            report.text,
            list(placed.terms),
            report.voice,
            report.source,
            report.customer_id,
            report.segment,
            report.plan,
            report.revenue,
            report.currency,
            report.rating,
            placed.language,
            report.occurred_at,
            place.score,
            place.margin,
            place.confidence,
            place.reason,
            place.algorithm,
            "engine",
            now,
            list(place.nearest),
            vector.vector,
            vector.embedder,
            True,
        )

    async def put(self, places: Mapping[UUID, Place], *, now: datetime) -> None:
        """The engine says that this evidence belongs elsewhere now."""
        ordered = list(places.values())
        await self._driver.execute(
            "UPDATE evidence e SET problem_id = n.problem, score = n.score, margin = NULL, confidence = NULL,"
            " reason = n.reason, algorithm = n.algorithm, assigned_by = 'engine', assigned_at = $7, nearest = '{}'"
            " FROM unnest($2::uuid[], $3::uuid[], $4::float8[], $5::text[], $6::text[])"
            " AS n (id, problem, score, reason, algorithm) WHERE e.workspace = $1 AND e.feedback_id = n.id",
            self._workspace,
            list(places),
            [place.problem_id for place in ordered],
            [place.score for place in ordered],
            [place.reason for place in ordered],
            [place.algorithm for place in ordered],
            now,
        )

    async def newest_of(self, problem_ids: Collection[UUID], *, most: int) -> dict[UUID, list[tuple[UUID, str]]]:
        """Per problem its newest evidence: id and text."""
        rows = await self._driver.fetch(
            "SELECT p, e.feedback_id, e.text FROM unnest($2::uuid[]) AS p CROSS JOIN LATERAL ("
            " SELECT feedback_id, text FROM evidence WHERE workspace = $1 AND problem_id = p"
            " ORDER BY occurred_at DESC, feedback_id DESC LIMIT $3) e",
            self._workspace,
            list(problem_ids),
            most,
        )
        found: dict[UUID, list[tuple[UUID, str]]] = {}
        for problem_id, feedback_id, text in rows:
            found.setdefault(problem_id, []).append((feedback_id, text))
        return found

    async def find(self, feedback_ids: Collection[UUID]) -> dict[UUID, Stored]:
        """These, where they are here and their words were not erased."""
        rows = await self._driver.fetch(
            "SELECT feedback_id, problem_id, assigned_by, text, voice, customer_id IS NOT NULL FROM evidence"
            " WHERE workspace = $1 AND feedback_id = ANY($2::uuid[]) AND erased_at IS NULL",
            self._workspace,
            list(feedback_ids),
        )
        return {row[0]: Stored(*row) for row in rows}

    async def of_problem(self, problem_id: UUID) -> list[UUID]:
        """The ids of all of a problem's evidence, oldest first."""
        rows = await self._driver.fetch(
            "SELECT feedback_id FROM evidence WHERE workspace = $1 AND problem_id = $2 ORDER BY position",
            self._workspace,
            problem_id,
        )
        return [row[0] for row in rows]

    async def place(self, feedback_ids: Collection[UUID], to: UUID | None, *, reason: str, now: datetime) -> None:
        """A person puts evidence there; its like will follow."""
        await self._driver.execute(
            "UPDATE evidence SET problem_id = $3, score = 1, margin = NULL, confidence = NULL, reason = $4,"
            " algorithm = 'person', assigned_by = 'person', assigned_at = $5, pinned = true, nearest = '{}'"
            " WHERE workspace = $1 AND feedback_id = ANY($2::uuid[])",
            self._workspace,
            list(feedback_ids),
            to,
            reason,
            now,
        )

    async def keep(self, problem_id: UUID) -> None:
        """A person left this problem's evidence where it is when other evidence was taken out: its like will follow."""
        await self._driver.execute(
            "UPDATE evidence SET pinned = true WHERE workspace = $1 AND problem_id = $2 AND NOT pinned",
            self._workspace,
            problem_id,
        )

    async def hold(self, problem_id: UUID, *, most: int) -> list[UUID]:
        """The newest evidence of a problem stays in it whatever leaves; returns which."""
        rows = await self._driver.fetch(
            "UPDATE evidence SET pinned = true WHERE workspace = $1 AND feedback_id IN ("
            " SELECT feedback_id FROM evidence WHERE workspace = $1 AND problem_id = $2"
            " ORDER BY occurred_at DESC, feedback_id DESC LIMIT $3) RETURNING feedback_id",
            self._workspace,
            problem_id,
            most,
        )
        return [row[0] for row in rows]

    async def has_pinned(self, problem_id: UUID) -> bool:
        """Whether a person placed any of this problem's evidence."""
        found = await self._driver.fetchval(
            "SELECT EXISTS (SELECT FROM evidence WHERE workspace = $1 AND problem_id = $2 AND pinned)",
            self._workspace,
            problem_id,
        )
        return bool(found)

    async def merge(self, problem_id: UUID, into: UUID) -> None:
        """All evidence of one problem belongs to the other."""
        await self._driver.execute(
            "UPDATE evidence SET problem_id = $3 WHERE workspace = $1 AND problem_id = $2",
            self._workspace,
            problem_id,
            into,
        )

    async def erase(self, feedback_ids: Collection[UUID], *, now: datetime) -> None:
        """Blank everything but the id, for good; an id not seen yet is remembered, so that late words stay out."""
        ids = list(feedback_ids)
        await self._driver.execute(
            "INSERT INTO evidence (workspace, feedback_id, text, terms, reason, algorithm, assigned_by, assigned_at,"
            " erased_at) SELECT $1, f, '', '{}', 'erased', 'none', 'engine', $3, $3 FROM unnest($2::uuid[]) AS f"
            " ON CONFLICT (workspace, feedback_id) DO UPDATE SET problem_id = NULL, arrived_in = NULL, text = '',"
            " terms = '{}', voice = NULL, source = NULL, customer_id = NULL, segment = NULL, plan = NULL,"
            " revenue = NULL, currency = NULL, rating = NULL, language = NULL,"
            " occurred_at = NULL, score = 0, margin = NULL, confidence = NULL, reason = 'erased', algorithm = 'none',"
            " assigned_by = 'engine', pinned = false, nearest = '{}', vector = NULL, embedder = NULL,"
            " in_window = false, erased_at = $3",
            self._workspace,
            ids,
            now,
        )
        for table in ("link", "former_evidence", "regrouped_evidence"):
            await self._driver.execute(
                f"DELETE FROM {table} WHERE workspace = $1 AND feedback_id = ANY($2::uuid[])", self._workspace, ids
            )

    async def page(self, problem_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int) -> list[dict[str, Any]]:
        """A problem's evidence, newest first."""
        where, arguments = "", [self._workspace, problem_id, limit]
        if after:
            where, arguments = "AND (occurred_at, feedback_id) < ($4, $5)", [*arguments, *after]
        rows = await self._driver.fetch(
            "SELECT feedback_id, text, source, customer_id, segment, plan, occurred_at, score, margin, confidence,"
            f" reason, algorithm, assigned_by, nearest FROM evidence WHERE workspace = $1 AND problem_id = $2 {where}"
            " ORDER BY occurred_at DESC, feedback_id DESC LIMIT $3",
            *arguments,
        )
        return [dict(row) for row in rows]
