"""Objectives, decisions and positions of one workspace."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from contracts.alignment import Position
from services.alignment.domain.decisions import (
    Decision,
    Made,
    NewObjective,
    Outcome,
    Proposal,
    Reviewed,
    Status,
)

_DECISION = (
    "SELECT id, status, proposal::text AS proposal, proposed_by, proposed_at, made_by, made_at, review_on,"
    " answer_to_concerns, reviewed_by, reviewed_at, outcome, learned FROM decision WHERE workspace = $1"
)


class Decisions:
    """What the business wants and what was decided."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def set_objective(self, new_id: UUID, objective: NewObjective, *, at: datetime) -> tuple[UUID, bool]:
        """Keep the objective of this name; returns its id and whether it is new."""
        row = await self._driver.fetchrow(
            "INSERT INTO objective (id, workspace, name, weight, description, problem_ids, set_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (workspace, name) DO UPDATE SET"
            " weight = excluded.weight, description = excluded.description, problem_ids = excluded.problem_ids,"
            " set_at = excluded.set_at RETURNING id",
            new_id,
            self._workspace,
            objective.name,
            objective.weight,
            objective.description,
            list(objective.problem_ids),
            at,
        )
        assert row is not None
        return row["id"], row["id"] == new_id

    async def objectives(self, *, after: tuple[float, UUID] | None, limit: int) -> list[dict[str, Any]]:
        """Objectives, the weightiest first, after the one with this weight and id."""
        rows = await self._driver.fetch(
            "SELECT id, name, weight, description, problem_ids, set_at FROM objective WHERE workspace = $1"
            " AND ($2::float8 IS NULL OR (weight, id) < ($2, $3::uuid)) ORDER BY weight DESC, id DESC LIMIT $4",
            self._workspace,
            *(after or (None, None)),
            limit,
        )
        return [dict(row) for row in rows]

    async def unknown_objectives(self, ids: Collection[UUID]) -> set[UUID]:
        """Those of `ids` that are no objective of this workspace."""
        rows = await self._driver.fetch(
            "SELECT id FROM objective WHERE workspace = $1 AND id = ANY($2::uuid[])", self._workspace, list(ids)
        )
        return set(ids) - {row["id"] for row in rows}

    async def add(self, decision: Decision) -> None:
        await self._driver.execute(
            "INSERT INTO decision (id, workspace, status, problem_id, title, proposal, proposed_by, proposed_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            decision.id,
            self._workspace,
            decision.status,
            decision.proposal.problem_id,
            decision.proposal.title,
            decision.proposal.model_dump_json(exclude_defaults=True),
            decision.proposed_by,
            decision.proposed_at,
        )

    async def find(self, decision_id: UUID, *, lock: bool = False) -> Decision | None:
        """The decision with its positions; with `lock`, nobody else changes either until the transaction ends."""
        row = await self._driver.fetchrow(
            f"{_DECISION} AND id = $2 {'FOR UPDATE' if lock else ''}", self._workspace, decision_id
        )
        return (await self._with_positions([row]))[0] if row else None

    async def newest(
        self, *, status: Status | None, problem_id: UUID | None, before: UUID | None, limit: int
    ) -> list[Decision]:
        rows = await self._driver.fetch(
            f"{_DECISION} AND ($2::text IS NULL OR status = $2) AND ($3::uuid IS NULL OR problem_id = $3)"
            " AND ($4::uuid IS NULL OR id < $4) ORDER BY id DESC LIMIT $5",
            self._workspace,
            status,
            problem_id,
            before,
            limit,
        )
        return await self._with_positions(rows)

    async def take_position(self, decision_id: UUID, position: Position, *, at: datetime) -> None:
        """Keep a stakeholder's position instead of their earlier one. The caller holds the decision's lock."""
        await self._driver.execute(
            "INSERT INTO position (decision_id, stakeholder, position, comment, taken_at) VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT (decision_id, stakeholder) DO UPDATE SET position = excluded.position,"
            " comment = excluded.comment, taken_at = excluded.taken_at",
            decision_id,
            position.stakeholder,
            position.position,
            position.comment,
            at,
        )

    async def make(self, decision_id: UUID, made: Made) -> None:
        await self._driver.execute(
            "UPDATE decision SET status = 'made', made_by = $3, made_at = $4, review_on = $5, answer_to_concerns = $6"
            " WHERE workspace = $1 AND id = $2",
            self._workspace,
            decision_id,
            made.by,
            made.at,
            made.review_on,
            made.answer_to_concerns,
        )

    async def review(self, decision_id: UUID, reviewed: Reviewed, status: Status) -> None:
        await self._driver.execute(
            "UPDATE decision SET status = $3, reviewed_by = $4, reviewed_at = $5, outcome = $6, learned = $7"
            " WHERE workspace = $1 AND id = $2",
            self._workspace,
            decision_id,
            status,
            reviewed.by,
            reviewed.at,
            reviewed.outcome,
            reviewed.learned,
        )

    async def problems_of(self, decision_ids: Collection[UUID]) -> dict[UUID, UUID]:
        """Which problem each of these decisions is about."""
        rows = await self._driver.fetch(
            "SELECT id, problem_id FROM decision WHERE workspace = $1 AND id = ANY($2::uuid[])",
            self._workspace,
            list(decision_ids),
        )
        return {row["id"]: row["problem_id"] for row in rows}

    async def _with_positions(self, rows: Sequence[asyncpg.Record]) -> list[Decision]:
        found = await self._driver.fetch(
            "SELECT decision_id, stakeholder, position, comment FROM position WHERE decision_id = ANY($1::uuid[])"
            " ORDER BY taken_at, stakeholder",
            [row["id"] for row in rows],
        )
        taken: dict[UUID, list[Position]] = {}
        for row in found:
            position = Position(stakeholder=row["stakeholder"], position=row["position"], comment=row["comment"])
            taken.setdefault(row["decision_id"], []).append(position)
        return [_decision(row, tuple(taken.get(row["id"], ()))) for row in rows]


def _decision(row: asyncpg.Record, positions: tuple[Position, ...]) -> Decision:
    made = reviewed = None
    if row["made_at"] is not None:
        made = Made(row["made_by"], row["made_at"], row["review_on"], row["answer_to_concerns"])
    if row["reviewed_at"] is not None:
        outcome: Outcome = row["outcome"]
        reviewed = Reviewed(row["reviewed_by"], row["reviewed_at"], outcome, row["learned"])
    return Decision(
        id=row["id"],
        status=row["status"],
        proposal=Proposal.model_validate(json.loads(row["proposal"])),
        proposed_by=row["proposed_by"],
        proposed_at=row["proposed_at"],
        positions=positions,
        made=made,
        reviewed=reviewed,
    )
