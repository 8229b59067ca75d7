"""The words, and where they belong."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.triage.domain import Report
from services.triage.grouping.grouper import Assignment, Evidence, Pinned, Place, Seen

MOST_PINNED = 500
_COLUMNS = (
    *("workspace", "feedback_id", "problem_id", "profile_id", "text", "terms", "voice", "source", "customer_id"),
    *("segment", "plan", "revenue", "currency", "rating", "occurred_at", "score", "reason", "algorithm"),
    *("assigned_by", "assigned_at", "nearest"),
)


@dataclass(frozen=True, slots=True)
class Placed:
    """A report with what was decided about it. `place` is the engine's, or that of the problem it opened."""

    report: Report
    item: Evidence
    assignment: Assignment
    place: Place | None
    nearest: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a piece of evidence is now."""

    feedback_id: UUID
    problem_id: UUID | None
    assigned_by: str
    text: str
    terms: frozenset[str]
    voice: str


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
        report, found, place = placed.report, placed.assignment, placed.place
        return (
            self._workspace,
            report.feedback_id,
            place.problem_id if place else None,
            place.profile_id if place else None,
            report.text,
            list(placed.item.terms),
            report.voice,
            report.source,
            report.customer_id,
            report.segment,
            report.plan,
            report.revenue,
            report.currency,
            report.rating,
            report.occurred_at,
            found.score,
            found.reason,
            found.algorithm,
            "engine",
            now,
            list(placed.nearest),
        )

    async def count_words(self, items: Iterable[Iterable[str]], *, sign: int = 1) -> None:
        """Add these items' stems to the workspace's counts, or with sign -1 take them off and forget unused stems."""
        counts: Counter[str] = Counter()
        reports = 0
        for terms in items:
            counts.update(list(terms))  # a mapping would be added value by value
            reports += 1
        ordered = sorted(counts)
        amounts = [sign * counts[term] for term in ordered]
        await self._driver.execute(
            "INSERT INTO term AS t (workspace, term, reports) SELECT $1, * FROM unnest($2::text[], $3::int[])"
            " ON CONFLICT (workspace, term) DO UPDATE SET reports = t.reports + excluded.reports",
            self._workspace,
            ordered,
            amounts,
        )
        await self._driver.execute(
            "INSERT INTO tally AS t (workspace, reports) VALUES ($1, $2)"
            " ON CONFLICT (workspace) DO UPDATE SET reports = greatest(0, t.reports + excluded.reports)",
            self._workspace,
            sign * reports,
        )
        if sign < 0:
            await self._driver.execute(
                "DELETE FROM term WHERE workspace = $1 AND term = ANY($2::text[]) AND reports <= 0",
                self._workspace,
                ordered,
            )

    async def seen(self, terms: Collection[str]) -> Seen:
        rows = await self._driver.fetch(
            "SELECT term, reports FROM term WHERE workspace = $1 AND term = ANY($2::text[])",
            self._workspace,
            list(terms),
        )
        total = await self._driver.fetchval("SELECT reports FROM tally WHERE workspace = $1", self._workspace)
        return Seen(total or 0, {row[0]: row[1] for row in rows})

    async def pinned(self, terms: Collection[str]) -> list[Pinned]:
        """The newest evidence that persons placed, or kept in place, and that shares a stem with these."""
        rows = await self._driver.fetch(
            "SELECT feedback_id, problem_id, profile_id, terms FROM evidence"
            " WHERE workspace = $1 AND pinned AND terms && $2::text[]"
            " ORDER BY assigned_at DESC, feedback_id LIMIT $3",
            self._workspace,
            list(terms),
            MOST_PINNED,
        )
        return [Pinned(row[0], Place(row[2], row[1]) if row[1] else None, frozenset(row[3])) for row in rows]

    async def newest_of(
        self, problem_ids: Collection[UUID], *, most: int
    ) -> dict[UUID, list[tuple[UUID, str, frozenset[str]]]]:
        """Per problem its newest evidence: id, text and stems."""
        rows = await self._driver.fetch(
            "SELECT p, e.feedback_id, e.text, e.terms FROM unnest($2::uuid[]) AS p CROSS JOIN LATERAL ("
            " SELECT feedback_id, text, terms FROM evidence WHERE workspace = $1 AND problem_id = p"
            " ORDER BY occurred_at DESC, feedback_id DESC LIMIT $3) e",
            self._workspace,
            list(problem_ids),
            most,
        )
        found: dict[UUID, list[tuple[UUID, str, frozenset[str]]]] = {}
        for problem_id, feedback_id, text, terms in rows:
            found.setdefault(problem_id, []).append((feedback_id, text, frozenset(terms)))
        return found

    async def find(self, feedback_ids: Collection[UUID]) -> dict[UUID, Stored]:
        """These, where they are here and their words were not erased."""
        rows = await self._driver.fetch(
            "SELECT feedback_id, problem_id, assigned_by, text, terms, voice FROM evidence"
            " WHERE workspace = $1 AND feedback_id = ANY($2::uuid[]) AND erased_at IS NULL",
            self._workspace,
            list(feedback_ids),
        )
        return {row[0]: Stored(row[0], row[1], row[2], row[3], frozenset(row[4]), row[5]) for row in rows}

    async def profiles_of(self, feedback_ids: Collection[UUID]) -> set[UUID]:
        """The profiles that this evidence counts for."""
        rows = await self._driver.fetch(
            "SELECT DISTINCT profile_id FROM evidence WHERE workspace = $1 AND feedback_id = ANY($2::uuid[])"
            " AND profile_id IS NOT NULL",
            self._workspace,
            list(feedback_ids),
        )
        return {row[0] for row in rows}

    async def place(self, feedback_ids: Collection[UUID], place: Place | None, *, reason: str, now: datetime) -> None:
        """A person puts evidence there; its like will follow."""
        await self._driver.execute(
            "UPDATE evidence SET problem_id = $3, profile_id = $4, score = 1, reason = $5, algorithm = 'person',"
            " assigned_by = 'person', assigned_at = $6, pinned = true, nearest = '{}'"
            " WHERE workspace = $1 AND feedback_id = ANY($2::uuid[])",
            self._workspace,
            list(feedback_ids),
            place.problem_id if place else None,
            place.profile_id if place else None,
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

    async def merge(self, problem_id: UUID, into: UUID) -> None:
        """All evidence of one problem belongs to the other; each keeps the profile it was recognised by."""
        await self._driver.execute(
            "UPDATE evidence SET problem_id = $3 WHERE workspace = $1 AND problem_id = $2",
            self._workspace,
            problem_id,
            into,
        )

    async def erase(self, feedback_ids: Collection[UUID], *, now: datetime) -> None:
        """Blank everything but the id, for good; an id not seen yet is remembered, so that late words stay out."""
        await self._driver.execute(
            "INSERT INTO evidence (workspace, feedback_id, text, terms, reason, algorithm, assigned_by, assigned_at,"
            " erased_at) SELECT $1, f, '', '{}', 'erased', 'none', 'engine', $3, $3 FROM unnest($2::uuid[]) AS f"
            " ON CONFLICT (workspace, feedback_id) DO UPDATE SET problem_id = NULL, profile_id = NULL, text = '',"
            " terms = '{}', voice = NULL, source = NULL, customer_id = NULL, segment = NULL, plan = NULL,"
            " revenue = NULL, currency = NULL, rating = NULL,"
            " occurred_at = NULL, score = 0, reason = 'erased', algorithm = 'none',"
            " assigned_by = 'engine', pinned = false, nearest = '{}', erased_at = $3",
            self._workspace,
            list(feedback_ids),
            now,
        )
        await self._driver.execute(
            "DELETE FROM link WHERE workspace = $1 AND feedback_id = ANY($2::uuid[])",
            self._workspace,
            list(feedback_ids),
        )

    async def page(self, problem_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int) -> list[dict[str, Any]]:
        """A problem's evidence, newest first."""
        where, arguments = "", [self._workspace, problem_id, limit]
        if after:
            where, arguments = "AND (occurred_at, feedback_id) < ($4, $5)", [*arguments, *after]
        rows = await self._driver.fetch(
            "SELECT feedback_id, text, source, customer_id, segment, plan, occurred_at, score, reason, algorithm,"
            f" assigned_by, nearest FROM evidence WHERE workspace = $1 AND problem_id = $2 {where}"
            " ORDER BY occurred_at DESC, feedback_id DESC LIMIT $3",
            *arguments,
        )
        return [dict(row) for row in rows]
