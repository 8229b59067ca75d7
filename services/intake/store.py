"""Every SQL statement of intake."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from libs.messaging.work import Work
from services.intake.domain import Submission


@dataclass(frozen=True)
class Stored:
    """One feedback as the vault has it."""

    id: UUID
    submission: Submission
    received_at: datetime
    quarantine_reason: str | None
    released_at: datetime | None


class Vault:
    """The words of one workspace."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def add(self, items: Sequence[tuple[UUID, Submission, str | None]], *, received_at: datetime) -> set[UUID]:
        """Store (id, submission, quarantine reason); returns the ids that are new by their natural key.

        Waits for another transaction that holds the same natural key. One order for everybody avoids deadlocks.
        """
        ordered = sorted(items, key=lambda item: item[1].natural_key or ("", ""))
        rows = await self._driver.fetch(
            "INSERT INTO feedback (id, workspace, source, external_id, text, customer_id, contact, item, occurred_at,"
            " received_at, quarantine_reason)"
            " SELECT id, $1, source, external_id, text, customer_id, contact, item, occurred_at, $2, reason"
            " FROM unnest("
            " $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::jsonb[], $10::timestamptz[],"
            " $11::text[]) AS new (id, source, external_id, text, customer_id, contact, item, occurred_at, reason)"
            " ON CONFLICT (workspace, source, md5(external_id)) WHERE external_id IS NOT NULL DO NOTHING RETURNING id",
            self._workspace,
            received_at,
            [identity for identity, _, _ in ordered],
            [item.source for _, item, _ in ordered],
            [item.external_id for _, item, _ in ordered],
            [item.text for _, item, _ in ordered],
            [item.customer.id if item.customer else None for _, item, _ in ordered],
            [item.customer.contact if item.customer else None for _, item, _ in ordered],
            [item.model_dump_json(exclude_defaults=True, exclude={"text": True}) for _, item, _ in ordered],
            [item.occurred_at or received_at for _, item, _ in ordered],
            [reason for _, _, reason in ordered],
        )
        return {row[0] for row in rows}

    async def ids_of(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], UUID]:
        """The ids under which these natural keys are stored."""
        rows = await self._driver.fetch(
            "SELECT source, external_id, id FROM feedback JOIN unnest($2::text[], $3::text[]) AS key (s, e)"
            " ON source = s AND md5(external_id) = md5(e) AND external_id IS NOT NULL WHERE workspace = $1",
            self._workspace,
            [source for source, _ in keys],
            [external_id for _, external_id in keys],
        )
        return {(row[0], row[1]): row[2] for row in rows}

    async def find(self, feedback_id: UUID, *, lock: bool = False) -> Stored | None:
        row = await self._driver.fetchrow(
            "SELECT id, text, item::text AS item, received_at, quarantine_reason, released_at FROM feedback"
            f" WHERE workspace = $1 AND id = $2 {'FOR UPDATE' if lock else ''}",
            self._workspace,
            feedback_id,
        )
        return _stored(row) if row else None

    async def release(self, feedback_id: UUID, *, at: datetime) -> None:
        await self._driver.execute(
            "UPDATE feedback SET released_at = $3 WHERE workspace = $1 AND id = $2", self._workspace, feedback_id, at
        )


def _stored(row: asyncpg.Record) -> Stored:
    item: dict[str, Any] = json.loads(row["item"]) | {"text": row["text"]}
    return Stored(
        row["id"], Submission.model_validate(item), row["received_at"], row["quarantine_reason"], row["released_at"]
    )


class IntakeWork(Work):
    """An open transaction of intake."""

    async def vault(self) -> Vault:
        return Vault(await self.driver(), self.workspace)
