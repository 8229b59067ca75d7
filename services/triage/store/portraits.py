"""Problems as a person reads them: what was drawn, what must be drawn anew, and the samples to draw from."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

_LEASE = timedelta(minutes=2)
_GROWN = 1.25


@dataclass(frozen=True, slots=True)
class Due:
    """A problem whose portrait is to be drawn, as it was claimed."""

    problem_id: UUID
    lease: datetime
    generation: int


@dataclass(frozen=True, slots=True)
class Sampled:
    """One piece of a problem's evidence, as far as a portrait needs it. `vector` is `embedder`'s, float16, or None."""

    feedback_id: UUID
    text: str
    voice: str
    named: bool
    language: str | None
    vector: bytes | None
    embedder: str | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A portrait as it is stored. Terms are (word, z, voices), `request` is (text, id, voices).

    `centroid` is float16, and can be compared with those of the same `embedder`.
    """

    reports: int = 0
    terms: Sequence[tuple[str, float, int]] = ()
    quotes: Sequence[UUID] = ()
    request: tuple[str, UUID, int] | None = None
    wording: float = 0.0
    voices: int = 0
    signs: Mapping[str, int] = field(default_factory=dict)
    languages: Mapping[str, int] = field(default_factory=dict)
    centroid: bytes | None = None
    embedder: str | None = None
    drawn_at: datetime | None = None


class Portraits:
    """The portraits of one workspace's problems."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def ask(self, reports: Mapping[UUID, int], *, now: datetime, corrected: bool) -> None:
        """Draw these anew where they have a quarter more reports than when they were drawn; all of them if corrected.

        `corrected`: evidence was taken out, so that what is being drawn at this moment must not be kept.
        """
        ids = sorted(reports)
        await self._driver.execute(
            "INSERT INTO portrait AS p (workspace, problem_id, due_at)"
            " SELECT $1, id, $4::timestamptz FROM unnest($2::uuid[], $3::int[]) AS given (id, n)"
            " LEFT JOIN portrait had ON had.workspace = $1 AND had.problem_id = id"
            " WHERE $5::int = 1 OR had.problem_id IS NULL OR had.reports * $6::float8 <= n"
            " ON CONFLICT (workspace, problem_id) DO UPDATE SET due_at = least(p.due_at, excluded.due_at),"
            " generation = p.generation + $5::int",
            self._workspace,
            ids,
            [reports[identity] for identity in ids],
            now,
            int(corrected),
            _GROWN,
        )

    async def blank(self, problem_ids: Collection[UUID], *, now: datetime) -> list[UUID]:
        """Forget what was drawn of these, names too, and draw them anew: words in it were erased.

        Returns those of which anything had been drawn.
        """
        ids = sorted(problem_ids)
        rows = await self._driver.fetch(
            "UPDATE portrait SET terms = '[]', quotes = '{}', request = NULL, signs = '{}', languages = '{}',"
            " centroid = NULL, due_at = $3, generation = generation + 1"
            " WHERE workspace = $1 AND problem_id = ANY($2::uuid[]) RETURNING problem_id, drawn_at IS NOT NULL",
            self._workspace,
            ids,
            now,
        )
        await self._driver.execute(
            "UPDATE naming SET name = NULL, named_by = NULL, named_at = NULL, quotes = '{}', error = NULL,"
            " due_at = NULL WHERE workspace = $1 AND problem_id = ANY($2::uuid[])",
            self._workspace,
            ids,
        )
        return [row[0] for row in rows if row[1]]

    async def claim(self, *, now: datetime, most: int) -> list[Due]:
        """Take some that are due from other replicas; one that is not finished within two minutes is due again."""
        rows = await self._driver.fetch(
            "UPDATE portrait SET due_at = $3 WHERE workspace = $1 AND problem_id IN (SELECT problem_id FROM portrait"
            " WHERE workspace = $1 AND due_at <= $2 ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED)"
            " RETURNING problem_id, due_at, generation",
            self._workspace,
            now,
            now + _LEASE,
            most,
        )
        return [Due(*row) for row in rows]

    async def sample(self, problem_id: UUID, *, most: int) -> list[Sampled]:
        """The newest words of each voice first, then more of each; so no voice crowds out another."""
        rows = await self._driver.fetch(
            "SELECT feedback_id, left(text, 4000), voice, customer_id IS NOT NULL, language, vector, embedder FROM ("
            " SELECT *, row_number() OVER (PARTITION BY voice ORDER BY occurred_at DESC, feedback_id DESC) AS turn"
            " FROM ( SELECT * FROM evidence WHERE workspace = $1 AND problem_id = $2"
            "  ORDER BY occurred_at DESC, feedback_id DESC LIMIT 2000) newest"
            " ) said ORDER BY turn, occurred_at DESC, feedback_id DESC LIMIT $3",
            self._workspace,
            problem_id,
            most,
        )
        return [Sampled(*row) for row in rows]

    async def newest(self, *, most: int) -> list[tuple[UUID | None, list[str]]]:
        """The stems of the workspace's newest words with their problems: what others say."""
        rows = await self._driver.fetch(
            "SELECT problem_id, terms FROM evidence WHERE workspace = $1 AND erased_at IS NULL"
            " ORDER BY feedback_id DESC LIMIT $2",  # ids grow with time, and have an index
            self._workspace,
            most,
        )
        return [(row[0], row[1]) for row in rows]

    async def keep(self, due: Due, drawn: Drawn, *, reports: int, now: datetime) -> bool:
        """Store what was drawn, unless words were taken out meanwhile; due again if something else changed."""
        kept = await self._driver.fetchval(
            "UPDATE portrait SET due_at = CASE WHEN due_at = $3 THEN NULL ELSE due_at END, drawn_at = $5, reports = $6,"
            " terms = $7::jsonb, quotes = $8, request = $9::jsonb, wording = $10, voices = $11, signs = $12::jsonb,"
            " languages = $13::jsonb, centroid = $14, embedder = $15"
            " WHERE workspace = $1 AND problem_id = $2 AND generation = $4 RETURNING 1",
            self._workspace,
            due.problem_id,
            due.lease,
            due.generation,
            now,
            reports,
            json.dumps(list(drawn.terms)),
            list(drawn.quotes),
            json.dumps([drawn.request[0], str(drawn.request[1]), drawn.request[2]]) if drawn.request else None,
            drawn.wording,
            drawn.voices,
            json.dumps(dict(drawn.signs)),
            json.dumps(dict(drawn.languages)),
            drawn.centroid,
            drawn.embedder,
        )
        return kept is not None

    async def give_up(self, due: Due) -> None:
        """It cannot be drawn as it is now; the next change asks again."""
        await self._driver.execute(
            "UPDATE portrait SET due_at = NULL WHERE workspace = $1 AND problem_id = $2 AND due_at = $3",
            self._workspace,
            due.problem_id,
            due.lease,
        )

    async def find(self, problem_id: UUID) -> Drawn:
        """What was drawn of a problem; nothing but defaults before that."""
        row = await self._driver.fetchrow(
            "SELECT reports, terms::text, quotes, request::text, wording, voices, signs::text, languages::text,"
            " centroid, embedder, drawn_at FROM portrait WHERE workspace = $1 AND problem_id = $2",
            self._workspace,
            problem_id,
        )
        if row is None:
            return Drawn()
        asked = json.loads(row[3]) if row[3] else None
        terms = [(word, z, voices) for word, z, voices in json.loads(row[1])]
        request = (asked[0], UUID(asked[1]), asked[2]) if asked else None
        signs, languages = _most_first(row[6]), _most_first(row[7])
        return Drawn(row[0], terms, row[2], request, row[4], row[5], signs, languages, row[8], row[9], row[10])

    async def words(self, feedback_ids: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
        """What is shown of a quote; erased ones are missing."""
        rows = await self._driver.fetch(
            "SELECT feedback_id, text, source, customer_id, segment, plan, occurred_at FROM evidence"
            " WHERE workspace = $1 AND feedback_id = ANY($2::uuid[]) AND erased_at IS NULL",
            self._workspace,
            list(feedback_ids),
        )
        return {row[0]: dict(row) for row in rows}

    async def centroids(self, embedder: str, *, but: UUID, most: int) -> list[tuple[UUID, str, int, bytes]]:
        """That embedder's centroids of the best ranked other problems: id, statement, reports and centroid."""
        rows = await self._driver.fetch(
            "SELECT problem_id, statement, p.reports, centroid FROM problem p"
            " JOIN portrait USING (workspace, problem_id) WHERE workspace = $1 AND problem_id <> $2"
            " AND status IN ('open', 'decided') AND p.reports > 0 AND portrait.embedder = $3"
            " ORDER BY rank DESC LIMIT $4",
            self._workspace,
            but,
            embedder,
            most,
        )
        return [(row[0], row[1], row[2], row[3]) for row in rows]


async def workspaces_to_draw(driver: asyncpg.Connection) -> list[str]:
    rows = await driver.fetch("SELECT DISTINCT workspace FROM portrait WHERE due_at <= now()")
    return [row[0] for row in rows]


def _most_first(counts: str) -> dict[str, int]:
    """Counts out of a JSON document, which keeps no order of its own."""
    return dict(sorted(json.loads(counts).items(), key=lambda item: (-item[1], item[0])))
