"""Problems: where they stand, what became of them, and the ranked list."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.triage.domain import LIVING, NO_WORDS, Standing, Sums

_SORTED_BY = {"opportunity": "rank", "recent": "last_seen", "reports": "reports"}


@dataclass(frozen=True, slots=True)
class Head:
    """A problem without its evidence. `stated_at` is the number of reports when the statement was chosen."""

    problem_id: UUID
    status: str
    merged_into: UUID | None
    statement: str
    stated_by: UUID | None
    stated_at: int
    standing: Standing
    told_customer: float | None
    told_business: float | None
    first_seen: datetime
    last_seen: datetime
    opened_at: datetime
    rank: float
    merged_at: datetime | None = None

    @property
    def living(self) -> bool:
        """Whether evidence can belong to it: it was neither merged nor dismissed."""
        return self.status in LIVING


@dataclass(frozen=True, slots=True)
class NewProblem:
    """A problem about to be stored, stated by one piece of feedback."""

    problem_id: UUID
    statement: str
    stated_by: UUID


@dataclass(frozen=True, slots=True)
class Settled:
    """A problem's new standing and statement, and the values that were last told."""

    problem_id: UUID
    standing: Standing
    first_seen: datetime
    last_seen: datetime
    statement: str
    stated_by: UUID | None
    stated_at: int
    told_customer: float | None
    told_business: float | None


_SUMS = {
    "reports": "int",
    "customers": "int",
    "reach": "float8",
    "warmth": "float8",
    "worth": "float8",
    "displeasure": "float8",
    "rated": "int",
}
_BESIDE = {"objectives": "float8", "wording": "float8", "half_life": "float8", "revenue_weight": "float8"}
_SAID = {
    "statement": "text",
    "stated_by": "uuid",
    "stated_at": "int",
    "told_customer": "float8",
    "told_business": "float8",
    "first_seen": "timestamptz",
    "last_seen": "timestamptz",
}
_SETTLED = {"problem_id": "uuid", **_SUMS, **_BESIDE, "rank": "float8", "revenue": "text", **_SAID}
_HEAD = ", ".join(["status", "merged_into", "opened_at", "merged_at", *_SETTLED]).replace("revenue,", "revenue::text,")
_NOTHING = ", ".join(f"{name} = 0" for name in _SUMS) + ", revenue = '{}', objectives = 0, rank = -1e9"
_SETTLE = f"""
UPDATE problem p SET {", ".join(f"{name} = n.{name}" for name in _SETTLED if name not in ("problem_id", "revenue"))},
    revenue = n.revenue::jsonb
FROM unnest({", ".join(f"${place}::{kind}[]" for place, kind in enumerate(_SETTLED.values(), 2))})
    AS n ({", ".join(_SETTLED)}) WHERE p.workspace = $1 AND p.problem_id = n.problem_id
"""


class Problems:
    """The problems of one workspace."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def heads(self, problem_ids: Collection[UUID]) -> dict[UUID, Head]:
        rows = await self._driver.fetch(
            f"SELECT {_HEAD} FROM problem WHERE workspace = $1 AND problem_id = ANY($2::uuid[])",
            self._workspace,
            list(problem_ids),
        )
        return {row["problem_id"]: _head(row) for row in rows}

    async def open(self, problems: Sequence[NewProblem], *, now: datetime) -> None:
        await self._driver.execute(
            "INSERT INTO problem (workspace, problem_id, statement, stated_by, first_seen, last_seen, opened_at,"
            " look_due_at) SELECT $1, *, $5, $5, $5, $5 FROM unnest($2::uuid[], $3::text[], $4::uuid[])",
            self._workspace,
            [problem.problem_id for problem in problems],
            [problem.statement for problem in problems],
            [problem.stated_by for problem in problems],
            now,
        )

    async def settle(self, settled: Sequence[Settled]) -> None:
        columns: list[list[Any]] = [[one.problem_id for one in settled]]
        columns += [[getattr(one.standing.sums, name) for one in settled] for name in _SUMS]
        columns += [[getattr(one.standing, name) for one in settled] for name in (*_BESIDE, "rank")]
        columns.append([json.dumps(dict(one.standing.sums.revenue)) for one in settled])
        columns += [[getattr(one, name) for one in settled] for name in _SAID]
        await self._driver.execute(_SETTLE, self._workspace, *columns)

    async def merge(self, problem_id: UUID, into: UUID, *, now: datetime) -> None:
        """Redirect a problem, and all that redirect to it, to its survivor; what was drawn of it is forgotten."""
        await self._undraw(problem_id)
        await self._driver.execute(
            f"UPDATE problem SET status = 'merged', merged_into = $3, {_NOTHING},"
            " merged_with = CASE WHEN problem_id = $2 THEN $3 ELSE merged_with END,"
            " merged_at = CASE WHEN problem_id = $2 THEN $4 ELSE merged_at END"
            " WHERE workspace = $1 AND (problem_id = $2 OR merged_into = $2)",
            self._workspace,
            problem_id,
            into,
            now,
        )
        await self._driver.execute(
            "UPDATE problem SET status = 'decided' WHERE workspace = $1 AND problem_id = $2 AND status = 'open'"
            " AND EXISTS (SELECT FROM decision d JOIN problem f ON f.workspace = $1 AND f.problem_id = d.problem_id"
            " WHERE d.workspace = $1 AND (f.problem_id = $2 OR f.merged_into = $2))",
            self._workspace,
            into,
        )

    async def unmerge(self, problem_id: UUID) -> None:
        """A merged problem lives again, and what had been merged into it before that redirects to it again."""
        await self._driver.execute(
            "WITH RECURSIVE family AS (SELECT problem_id FROM problem WHERE workspace = $1 AND problem_id = $2"
            " UNION SELECT p.problem_id FROM problem p JOIN family ON p.merged_with = family.problem_id"
            "  WHERE p.workspace = $1 AND p.status = 'merged')"
            " UPDATE problem SET merged_into = $2 FROM family WHERE workspace = $1"
            " AND problem.problem_id = family.problem_id AND problem.problem_id <> $2",
            self._workspace,
            problem_id,
        )
        await self._driver.execute(
            "UPDATE problem SET merged_into = NULL, merged_with = NULL, merged_at = NULL, told_customer = NULL,"
            " told_business = NULL, stated_by = NULL, status = CASE WHEN EXISTS (SELECT FROM decision d JOIN problem f"
            " ON f.workspace = $1 AND f.problem_id = d.problem_id WHERE d.workspace = $1"
            " AND (f.problem_id = $2 OR f.merged_into = $2)) THEN 'decided' ELSE 'open' END"
            " WHERE workspace = $1 AND problem_id = $2",
            self._workspace,
            problem_id,
        )

    async def dismiss(self, problem_id: UUID) -> None:
        """A person said that this is no problem; it keeps its statement, so that it can be found.

        What was drawn of it is forgotten: it is made of evidence, of which `former_evidence` keeps what there was, and
        would be drawn anew if a problem ever came back. Nothing that is undone needs it.
        """
        await self._undraw(problem_id)
        await self._driver.execute(
            f"UPDATE problem SET status = 'dismissed', {_NOTHING} WHERE workspace = $1 AND problem_id = $2",
            self._workspace,
            problem_id,
        )

    async def _undraw(self, problem_id: UUID) -> None:
        """Forget the portrait, the name and the trend of a problem that has no evidence any more."""
        for table in ("portrait", "naming", "trend"):
            await self._driver.execute(
                f"DELETE FROM {table} WHERE workspace = $1 AND problem_id = $2", self._workspace, problem_id
            )

    async def missing(self, problem_ids: Collection[UUID]) -> set[UUID]:
        """Those that are not here."""
        rows = await self._driver.fetch(
            "SELECT p FROM unnest($2::uuid[]) AS p EXCEPT SELECT problem_id FROM problem WHERE workspace = $1",
            self._workspace,
            list(problem_ids),
        )
        return {row[0] for row in rows}

    async def gone(self, problem_ids: Collection[UUID]) -> dict[UUID, UUID | None]:
        """Those of them that were merged or dismissed, with the living problem that has their evidence now, if any."""
        rows = await self._driver.fetch(
            "SELECT p.problem_id, s.problem_id FROM problem p LEFT JOIN problem s ON s.workspace = $1"
            " AND s.problem_id = p.merged_into AND s.status = ANY($3::text[])"
            " WHERE p.workspace = $1 AND p.problem_id = ANY($2::uuid[]) AND p.status <> ALL($3::text[])",
            self._workspace,
            list(problem_ids),
            list(LIVING),
        )
        return {row[0]: row[1] for row in rows}

    async def lose_statements(self, feedback_ids: Collection[UUID]) -> None:
        """Blank every statement, also of merged problems, that was taken from this feedback."""
        await self._driver.execute(
            "UPDATE problem SET stated_by = NULL, statement = $3 WHERE workspace = $1 AND stated_by = ANY($2::uuid[])",
            self._workspace,
            list(feedback_ids),
            NO_WORDS,
        )

    async def survivor_of(self, problem_id: UUID) -> UUID:
        """Where a problem's evidence is now: itself, or what it was merged into; an unknown id as it is."""
        found = await self._driver.fetchval(
            "SELECT coalesce(merged_into, problem_id) FROM problem WHERE workspace = $1 AND problem_id = $2",
            self._workspace,
            problem_id,
        )
        return found or problem_id

    async def page(
        self,
        *,
        sort: str,
        statuses: Sequence[str],
        segment: str | None,
        words: str | None,
        stems: Sequence[str],
        after: tuple[Any, UUID] | None,
        limit: int,
    ) -> list[Head]:
        """One page, best first; `words` are looked for in statements, `stems` together in any piece of evidence."""
        column = _SORTED_BY[sort]
        arguments: list[Any] = [self._workspace, list(statuses), segment, words, list(stems), limit]
        where = ""
        if after:
            where, arguments = f"AND ({column}, problem_id) < ($7, $8)", [*arguments, *after]
        rows = await self._driver.fetch(
            f"SELECT {_HEAD} FROM problem p WHERE workspace = $1 AND status = ANY($2::text[])"
            " AND (reports > 0 OR status IN ('merged', 'dismissed'))"
            " AND ($3::text IS NULL OR EXISTS (SELECT FROM voice v WHERE v.workspace = $1"
            "  AND v.problem_id = p.problem_id AND v.segment = $3))"
            " AND ($4::text IS NULL OR strpos(lower(statement), lower($4)) > 0"
            "  OR (cardinality($5::text[]) > 0 AND problem_id IN (SELECT e.problem_id FROM evidence e"
            "   WHERE e.workspace = $1 AND e.terms @> $5::text[])))"
            f" {where} ORDER BY {column} DESC, problem_id DESC LIMIT $6",
            *arguments,
        )
        return [_head(row) for row in rows]


def _head(row: asyncpg.Record) -> Head:
    sums = Sums(**{name: row[name] for name in _SUMS}, revenue=json.loads(row["revenue"]))
    return Head(
        problem_id=row["problem_id"],
        status=row["status"],
        merged_into=row["merged_into"],
        standing=Standing(sums, **{name: row[name] for name in _BESIDE}),
        opened_at=row["opened_at"],
        rank=row["rank"],
        merged_at=row["merged_at"],
        **{name: row[name] for name in _SAID},
    )
