"""A workspace's engine inside a transaction: equal to what is committed, and what it changes is written with it.

The engine in memory is a cache. Its version is compared with the database's under the workspace's lock: one that is
behind catches up with what other replicas changed; one whose change was rolled back, or is not there, is read anew.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from uuid import UUID

import asyncpg
import numpy as np
import structlog
from numpy.typing import NDArray

from services.triage.domain import opened_by
from services.triage.embedding.embedder import Embedder
from services.triage.grouping.engine import VERSION, Engine
from services.triage.grouping.items import EngineState, Row
from services.triage.store.memory import Memory, Remembered

log = structlog.get_logger("groups")
_LARGE = 5_000
_AT_ONCE = 4_096
_MOST_LOGGED = 2_000
_ROW = "feedback_id, vector, language, problem_id, pinned, arrived_in"


@dataclass(slots=True)
class Held:
    """An engine while it is being changed. `version` is the one that this change makes."""

    engine: Engine
    embedder: Embedder
    version: int
    settled_before: int
    whole: bool = False
    """Set it when more changed than a log of single rows can tell."""


@dataclass(frozen=True, slots=True)
class _State:
    version: int
    changed_in: int
    whole_since: int
    engine: EngineState
    embedder: str
    algorithm: str
    settled_before: int
    stale: bool


@dataclass(frozen=True, slots=True)
class _Before:
    """What the window was before a change, to find out what it changed."""

    keys: list[UUID]
    problems: list[UUID]
    slot: NDArray[np.int32]
    pinned: NDArray[np.bool_]


class Groups:
    """One workspace's engine. Call its methods with the workspace's lock held (`TriageWork.alone`)."""

    def __init__(self, driver: asyncpg.Connection, workspace: str, memory: Memory) -> None:
        self._driver = driver
        self._workspace = workspace
        self._memory = memory

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[Held]:
        """The engine, to be changed; at the end every row of its window in the database is as it is in the engine.

        What arrived is expected to be stored by the caller. Left by an exception, the engine is forgotten.
        """
        held, state = await self._current()
        before = _seen(held.engine)
        yield held
        changed, left = _difference(before, held.engine)
        await self._write(held.engine, changed, left)
        await self._finish(held, state, [*changed, *left])

    async def settled(self, before: int) -> set[UUID]:
        """Evidence of the window that arrived before this position."""
        rows = await self._driver.fetch(
            "SELECT feedback_id FROM evidence WHERE workspace = $1 AND in_window AND position < $2",
            self._workspace,
            before,
        )
        return {row[0] for row in rows}

    async def _current(self) -> tuple[Held, _State | None]:
        embedder, state = await self._memory.embedder(), await self._state()
        found = self._memory.take(self._workspace)
        if state is None:
            return Held(_new(embedder), embedder, 1, 0), None
        changed = state.embedder != embedder.version or state.algorithm != VERSION
        held = Held(_new(embedder), embedder, state.version + 1, state.engine.seen if changed else state.settled_before)
        if state.embedder != embedder.version:
            held.whole = True
            held.engine = await self._read(embedder, _for_other_vectors(state.engine))
        elif found and (found.version, found.changed_in) == (state.version, state.changed_in):
            held.engine = found.engine
        elif found and state.whole_since <= found.version < state.version and await self._committed(found):
            held.engine = await self._catch_up(found, state, embedder)
        else:
            held.engine = await self._read(embedder, replace(state.engine, trust=await self._trust()))
        return held, state

    async def _state(self) -> _State | None:
        row = await self._driver.fetchrow(
            "SELECT version, changed_in, whole_since, seen, looked_at, different, taken, languages, embedder,"
            " algorithm, settled_before, stale FROM grouping_state WHERE workspace = $1",
            self._workspace,
        )
        if row is None:
            return None
        engine = EngineState(row[3], row[4], row[5], row[6], tuple(row[7]))
        return _State(row[0], row[1], row[2], engine, row[8], row[9], row[10], row[11])

    async def _trust(self) -> bytes:
        kept = await self._driver.fetchval("SELECT trust FROM grouping_state WHERE workspace = $1", self._workspace)
        return kept or b""

    async def _committed(self, found: Remembered) -> bool:
        """Whether the change that left this engine in memory is one that others built upon."""
        status = await self._driver.fetchval("SELECT pg_xact_status(($1::bigint)::text::xid8)", found.changed_in)
        return status == "committed"

    async def _read(self, embedder: Embedder, state: EngineState) -> Engine:
        """The engine from the rows of its window; tells its progress when there are many."""
        began, rows = time.monotonic(), []
        async for row in self._driver.cursor(
            f"SELECT {_ROW} FROM evidence WHERE workspace = $1 AND in_window AND embedder = $2 ORDER BY position",
            self._workspace,
            embedder.version,
            prefetch=_AT_ONCE,
        ):
            rows.append(_row(row))
            if len(rows) % (_LARGE * 2) == 0:
                log.info("reading the engine's window", workspace=self._workspace, rows=len(rows))
        engine = _new(embedder)
        await asyncio.to_thread(engine.restore, state, rows)
        if len(rows) >= _LARGE:
            took = round(time.monotonic() - began, 2)
            log.info("the engine's window is read", workspace=self._workspace, rows=len(rows), seconds=took)
        return engine

    async def _catch_up(self, found: Remembered, state: _State, embedder: Embedder) -> Engine:
        """The same engine with what other processes changed since."""
        logged = await self._driver.fetch(
            "SELECT unnest(feedback_ids) FROM grouping_log WHERE workspace = $1 AND version > $2",
            self._workspace,
            found.version,
        )
        touched = {row[0] for row in logged}
        rows = await self._driver.fetch(
            f"SELECT {_ROW}, position FROM evidence WHERE workspace = $1 AND in_window AND embedder = $2"
            " AND (position >= $3 OR feedback_id = ANY($4::uuid[])) ORDER BY position",
            self._workspace,
            embedder.version,
            found.engine.seen,
            list(touched),
        )
        fresh = {row[0]: _row(row) for row in rows}
        engine = _new(embedder)
        await asyncio.to_thread(_replayed, found.engine, engine, state.engine, fresh, touched)
        return engine

    async def _write(self, engine: Engine, changed: Sequence[UUID], left: Sequence[UUID]) -> None:
        if changed:
            rows = engine.rows(changed)
            await self._driver.execute(
                "UPDATE evidence e SET problem_id = n.problem, pinned = n.pinned"
                " FROM unnest($2::uuid[], $3::uuid[], $4::bool[]) AS n (id, problem, pinned)"
                " WHERE e.workspace = $1 AND e.feedback_id = n.id"
                " AND (e.problem_id, e.pinned) IS DISTINCT FROM (n.problem, n.pinned)",
                self._workspace,
                [row.key for row in rows],
                [row.problem for row in rows],
                [row.pinned for row in rows],
            )
        if left:
            await self._driver.execute(
                "UPDATE evidence SET in_window = false WHERE workspace = $1 AND feedback_id = ANY($2::uuid[])",
                self._workspace,
                list(left),
            )

    async def _finish(self, held: Held, state: _State | None, changed: Sequence[UUID]) -> None:
        kept, whole = held.engine.state(), held.whole or len(changed) > _MOST_LOGGED
        stale = state is not None and (state.stale or state.embedder != held.embedder.version)
        changed_in = await self._driver.fetchval(
            "INSERT INTO grouping_state AS g (workspace, version, changed_in, whole_since, seen, looked_at, different,"
            " taken, languages, embedder, algorithm, settled_before, stale)"
            " VALUES ($1, $2, pg_current_xact_id()::text::bigint, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
            " ON CONFLICT (workspace) DO UPDATE SET version = excluded.version,"
            " changed_in = excluded.changed_in, whole_since = greatest(g.whole_since, excluded.whole_since),"
            " seen = excluded.seen, looked_at = excluded.looked_at, different = excluded.different,"
            " taken = excluded.taken,"
            " languages = excluded.languages, embedder = excluded.embedder, algorithm = excluded.algorithm,"
            " settled_before = excluded.settled_before, stale = excluded.stale RETURNING changed_in",
            self._workspace,
            held.version,
            held.version if whole else 0,
            kept.seen,
            kept.looked_at,
            kept.different,
            kept.taken,
            list(kept.languages),
            held.embedder.version,
            VERSION,
            held.settled_before,
            stale,
        )
        if held.whole:  # it changes with a look back only, and is too large to be written with every arrival
            await self._driver.execute(
                "UPDATE grouping_state SET trust = $2 WHERE workspace = $1", self._workspace, kept.trust
            )
        await self._note(held.version, changed, whole)
        if held.engine.due():
            await self._driver.execute(
                "INSERT INTO grouping_due (workspace, due_at) VALUES ($1, now()) ON CONFLICT DO NOTHING",
                self._workspace,
            )
        self._memory.keep(self._workspace, Remembered(held.engine, held.version, int(changed_in or 0)))

    async def _note(self, version: int, changed: Sequence[UUID], whole: bool) -> None:
        if whole:
            await self._driver.execute("DELETE FROM grouping_log WHERE workspace = $1", self._workspace)
        elif changed:
            await self._driver.execute(
                "INSERT INTO grouping_log (workspace, version, feedback_ids) VALUES ($1, $2, $3)",
                self._workspace,
                version,
                list(changed),
            )


def _new(embedder: Embedder) -> Engine:
    return Engine(embedder.dimensions, new_problem=opened_by, multilingual=embedder.multilingual)


def _row(row: asyncpg.Record) -> Row:
    return Row(row[0], row[1], row[2] or "und", *row[3:6])


def _for_other_vectors(state: EngineState) -> EngineState:
    """The state for vectors of another embedder: nothing is known of what they have in common."""
    return replace(state, taken=b"", languages=())


def _replayed(old: Engine, new: Engine, state: EngineState, fresh: dict[UUID, Row], touched: set[UUID]) -> None:
    rows = [fresh.pop(row.key, row) for row in old.rows() if row.key not in touched or row.key in fresh]
    new.restore(replace(state, trust=old.state().trust), [*rows, *fresh.values()])


def _seen(engine: Engine) -> _Before:
    window = engine.window
    return _Before(list(window.keys), list(window.problems), window.slot.copy(), window.pinned.copy())


def _difference(before: _Before, engine: Engine) -> tuple[list[UUID], list[UUID]]:
    """The rows that were there before and changed, and those that left; what arrived is in neither."""
    window, count = engine.window, len(before.keys)
    if window.keys[:count] == before.keys:  # nothing left, so that places have not moved
        different = np.flatnonzero((window.slot[:count] != before.slot) | (window.pinned[:count] != before.pinned))
        return [before.keys[row] for row in different.tolist()], []
    changed, left = [], []
    for key, slot, pinned in zip(before.keys, before.slot.tolist(), before.pinned.tolist(), strict=True):
        row = window.row_of.get(key)
        if row is None:
            left.append(key)
            continue
        problem = before.problems[slot] if slot >= 0 else None
        if (window.problem_at(int(window.slot[row])), bool(window.pinned[row])) != (problem, pinned):
            changed.append(key)
    return changed, left
