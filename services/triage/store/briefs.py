"""The eight questions of each problem: answers, suggestions, and nudges for what nobody answered."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from contracts.event import EvidenceRef
from contracts.problems import EvidenceGapFound, Question


@dataclass(frozen=True, slots=True)
class Answer:
    """One question's answer as it is stored."""

    question: Question
    answer: str
    assumption: bool
    evidence: tuple[EvidenceRef, ...]
    changed_by: str
    changed_at: datetime


class Briefs:
    """The briefs of one workspace."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def answers(self, problem_id: UUID) -> dict[str, Answer]:
        rows = await self._driver.fetch(
            "SELECT question, answer, assumption, evidence::text, changed_by, changed_at FROM answer"
            " WHERE workspace = $1 AND problem_id = $2",
            self._workspace,
            problem_id,
        )
        return {row[0]: Answer(row[0], row[1], row[2], _references(row[3]), row[4], row[5]) for row in rows}

    async def save(self, problem_id: UUID, answer: Answer) -> None:
        await self._driver.execute(
            "INSERT INTO answer (workspace, problem_id, question, answer, assumption, evidence, changed_by, changed_at)"
            " VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7, $8) ON CONFLICT (workspace, problem_id, question)"
            " DO UPDATE SET answer = excluded.answer, assumption = excluded.assumption, evidence = excluded.evidence,"
            " changed_by = excluded.changed_by, changed_at = excluded.changed_at",
            self._workspace,
            problem_id,
            answer.question,
            answer.answer,
            answer.assumption,
            json.dumps([reference.model_dump() for reference in answer.evidence]),
            answer.changed_by,
            answer.changed_at,
        )

    async def clarities(self, problem_ids: Collection[UUID]) -> dict[UUID, list[bool]]:
        """Per problem, for each answered question whether the answer is an assumption."""
        rows = await self._driver.fetch(
            "SELECT problem_id, array_agg(assumption) FROM answer"
            " WHERE workspace = $1 AND problem_id = ANY($2::uuid[]) GROUP BY problem_id",
            self._workspace,
            list(problem_ids),
        )
        return {row[0]: row[1] for row in rows}

    async def suggest(
        self, problem_id: UUID, questions: Sequence[Question], *, kind: str, ref: str, text: str, now: datetime
    ) -> None:
        """Offer something known as evidence for these questions; the same reference again replaces its text."""
        await self._driver.execute(
            "INSERT INTO suggestion (workspace, problem_id, question, kind, ref, text, made_at)"
            " SELECT $1, $2, q, $4, $5, $6, $7 FROM unnest($3::text[]) AS q"
            " ON CONFLICT (workspace, problem_id, question, ref) DO UPDATE SET text = excluded.text",
            self._workspace,
            problem_id,
            list(questions),
            kind,
            ref,
            text,
            now,
        )

    async def suggestions(self, problem_id: UUID) -> list[dict[str, Any]]:
        rows = await self._driver.fetch(
            "SELECT question, kind, ref, text FROM suggestion WHERE workspace = $1 AND problem_id = $2"
            " ORDER BY made_at, ref",
            self._workspace,
            problem_id,
        )
        return [dict(row) for row in rows]

    async def merge(self, problem_id: UUID, into: UUID) -> list[Answer]:
        """The survivor takes the answers and suggestions it lacks; returns the answers that it took."""
        rows = await self._driver.fetch(
            "INSERT INTO answer (workspace, problem_id, question, answer, assumption, evidence, changed_by, changed_at)"
            " SELECT workspace, $3, question, answer, assumption, evidence, changed_by, changed_at FROM answer"
            " WHERE workspace = $1 AND problem_id = $2 ON CONFLICT DO NOTHING"
            " RETURNING question, answer, assumption, evidence::text, changed_by, changed_at",
            self._workspace,
            problem_id,
            into,
        )
        await self._driver.execute(
            "INSERT INTO suggestion (workspace, problem_id, question, kind, ref, text, made_at)"
            " SELECT workspace, $3, question, kind, ref, text, made_at FROM suggestion"
            " WHERE workspace = $1 AND problem_id = $2 ON CONFLICT DO NOTHING",
            self._workspace,
            problem_id,
            into,
        )
        return [Answer(row[0], row[1], row[2], _references(row[3]), row[4], row[5]) for row in rows]

    async def due(self, *, now: datetime, reports: int, most: int) -> list[tuple[UUID, int]]:
        """Open problems whose brief must be looked at, claimed from other replicas; with their number of reports."""
        rows = await self._driver.fetch(
            "SELECT problem_id, reports FROM problem WHERE workspace = $1 AND status = 'open' AND look_due_at <= $2"
            " AND reports >= $3 ORDER BY look_due_at, problem_id LIMIT $4 FOR UPDATE SKIP LOCKED",
            self._workspace,
            now,
            reports,
            most,
        )
        return [(row[0], row[1]) for row in rows]

    async def look_again(self, problem_ids: Collection[UUID], *, at: datetime) -> None:
        await self._driver.execute(
            "UPDATE problem SET look_due_at = $3 WHERE workspace = $1 AND problem_id = ANY($2::uuid[])",
            self._workspace,
            list(problem_ids),
            at,
        )

    async def told(self, problem_ids: Collection[UUID], week: str) -> dict[UUID, list[str]]:
        """The gaps that were told of these problems in that week."""
        rows = await self._driver.fetch(
            "SELECT problem_id, array_agg(question) FROM gap WHERE workspace = $1 AND week = $3"
            " AND problem_id = ANY($2::uuid[]) GROUP BY problem_id",
            self._workspace,
            list(problem_ids),
            week,
        )
        return {row[0]: row[1] for row in rows}

    async def answered(self, problem_ids: Collection[UUID]) -> dict[UUID, list[str]]:
        rows = await self._driver.fetch(
            "SELECT problem_id, array_agg(question) FROM answer WHERE workspace = $1 AND problem_id = ANY($2::uuid[])"
            " GROUP BY problem_id",
            self._workspace,
            list(problem_ids),
        )
        return {row[0]: row[1] for row in rows}

    async def tell(self, gaps: Sequence[EvidenceGapFound]) -> set[tuple[UUID, str]]:
        """Remember that these are told; returns (problem, question) of those that nobody has told before."""
        rows = await self._driver.fetch(
            "INSERT INTO gap (workspace, problem_id, question, week)"
            " SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::text[]) ON CONFLICT DO NOTHING"
            " RETURNING problem_id, question",
            self._workspace,
            [gap.problem_id for gap in gaps],
            [gap.question for gap in gaps],
            [gap.week for gap in gaps],
        )
        return {(row[0], row[1]) for row in rows}


async def workspaces_due(driver: asyncpg.Connection, *, reports: int) -> list[str]:
    """Every workspace with a brief to look at: the one question that is asked across workspaces."""
    rows = await driver.fetch(
        "SELECT DISTINCT workspace FROM problem WHERE status = 'open' AND look_due_at <= now() AND reports >= $1",
        reports,
    )
    return [row[0] for row in rows]


def _references(document: str) -> tuple[EvidenceRef, ...]:
    return tuple(EvidenceRef.model_validate(reference) for reference in json.loads(document))
