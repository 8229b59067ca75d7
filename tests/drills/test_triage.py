"""Two replicas of triage on one workspace, killed in the middle of batches and of looks back."""

import asyncio
import json
import os
import random
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import asyncpg
import nats
import pytest
from uuid_utils.compat import uuid7

from contracts.envelope import parse, read, wrap
from contracts.feedback import Customer, FeedbackReceived
from contracts.problems import FeedbackTriaged, ProblemMerged, ProblemOpened, ProblemSplit
from deploy.embedded.home import temporary_home
from deploy.embedded.infrastructure import Infrastructure, infrastructure
from libs.messaging.publisher import Outgoing, publish_batch
from tests.drills.arena import ROOT, Tally, make_topology, until
from tests.support.plugin import _migrate

pytestmark = pytest.mark.drill
WORKSPACE = "drill"
SAMPLE = ROOT / "libs" / "command" / "demo" / "feedback.jsonl"


class Replica:
    """One process of triage; `start` after `kill` makes a new one."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self.process: asyncio.subprocess.Process

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.drills.replica",
            cwd=ROOT, env=self._environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert await self._line() == ["ready"]

    async def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        await self.process.wait()

    async def digests(self) -> list[str]:
        """Of the engine in its memory, and of the same engine read anew."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{WORKSPACE}\n".encode())
        return (await self._line())[1:]

    async def _line(self) -> list[str]:
        assert self.process.stdout is not None
        async with asyncio.timeout(60):
            return (await self.process.stdout.readline()).decode().split()


@asynccontextmanager
async def two_replicas() -> AsyncIterator[tuple[Infrastructure, list[Replica]]]:
    with temporary_home() as home:
        async with infrastructure(home) as parts:
            await make_topology(parts)
            await asyncio.to_thread(_migrate, parts, "triage")
            environment = {
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(ROOT),
                "OPENBLAS_NUM_THREADS": "1",
                "WHYSTREAM_EMBEDDER": "light",
                "WHYSTREAM_HOME": str(home.folder),
                "WHYSTREAM_DATABASE_URL": parts.database_url("triage"),
                "WHYSTREAM_NATS_URL": parts.nats_url("triage"),
            }
            replicas = [Replica(environment), Replica(environment)]
            await asyncio.gather(*(one.start() for one in replicas))
            try:
                yield parts, replicas
            finally:
                await asyncio.gather(*(one.kill() for one in replicas))


async def test_kill_nine_of_two_replicas_in_the_middle_of_batches(tally: Tally) -> None:
    chance = random.Random(4)
    async with two_replicas() as (parts, replicas):
        words = feedback(2_000)
        client = await nats.connect(parts.nats_url("admin"))
        for start in range(0, len(words), 100):
            await publish_batch(client, [_outgoing(one) for one in words[start : start + 100]])
            await asyncio.sleep(chance.uniform(0.05, 0.4))
            victim = chance.choice(replicas)
            await victim.kill()
            tally.faults += 1
            await victim.start()
        await client.close()

        async def all_there() -> bool:
            return (await rows(parts, "SELECT count(*) FROM evidence"))[0][0] >= len(words)

        await until(all_there, "every piece of feedback in triage", seconds=120)
        await asyncio.sleep(2.0)  # what would double an effect gets its chance
        at = {row[0]: row[1] for row in await rows(parts, "SELECT feedback_id, problem_id FROM evidence")}
        tally.accepted, tally.lost = len(words), len({one.feedback_id for one in words} - at.keys())
        assert await rows(parts, "SELECT count(*) FROM dead_letter") == [(0,)]
        first, told, known = await events(parts)
        tally.doubled = sum(number - 1 for number in first.values())
        assert told == await places(parts)
        assert {problem for problem in at.values() if problem} <= known
        counted = Counter(problem for problem in (await places(parts)).values() if problem)
        stored = await rows(parts, "SELECT problem_id, reports FROM problem WHERE reports > 0")
        assert dict(counted) == {row[0]: row[1] for row in stored}
        digests = {digest for one in replicas for digest in await one.digests()}
        tally.notes.append(f"{len(counted)} problems; both memories and a fresh one agree")
        assert len(digests) == 1
    assert (tally.lost, tally.doubled) == (0, 0)


def feedback(count: int) -> list[FeedbackReceived]:
    """The demo's words, again and again with a few others in between."""
    texts = [json.loads(line)["text"] for line in Path(SAMPLE).read_text().splitlines()]
    others, chance, now = " ".join(texts).split(), random.Random(1), datetime.now(UTC)
    return [
        FeedbackReceived(
            feedback_id=UUID(str(uuid7())),
            text=f"{chance.choice(texts)} {' '.join(chance.choices(others, k=3))}",
            source="drill",
            received_at=now,
            occurred_at=now,
            customer=Customer(id=f"c-{number % 97}"),
        )
        for number in range(count)
    ]


def _outgoing(event: FeedbackReceived) -> Outgoing:
    envelope = wrap(event, service="intake", workspace=WORKSPACE)
    return Outgoing(envelope.nats_subject, envelope.to_bytes(), {"Nats-Msg-Id": envelope.id})


async def rows(parts: Infrastructure, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(parts.database_url("triage"))
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()


async def places(parts: Infrastructure) -> dict[UUID, UUID | None]:
    return {row[0]: row[1] for row in await rows(parts, "SELECT feedback_id, problem_id FROM evidence")}


async def events(parts: Infrastructure) -> tuple[dict[UUID, int], dict[UUID, UUID | None], set[UUID]]:
    """How often each item's arrival was told, where a reader would say that it is, and which problems were told of."""
    arrivals: defaultdict[UUID, int] = defaultdict(int)
    newest: dict[UUID, tuple[int, UUID | None]] = {}
    merged: dict[UUID, UUID] = {}
    known: set[UUID] = set()
    for (body,) in await rows(parts, "SELECT envelope FROM outbox ORDER BY position"):
        envelope = parse(body)
        match read(envelope):
            case FeedbackTriaged() as one:
                sequence = envelope.sequence or 0
                arrivals[one.feedback_id] += sequence == 0
                if one.feedback_id not in newest or newest[one.feedback_id][0] < sequence:
                    newest[one.feedback_id] = sequence, one.problem_id
            case ProblemMerged() as one:
                merged[one.problem_id] = one.into
            case ProblemOpened() as one:
                known.add(one.problem_id)
            case ProblemSplit() as one:
                known.add(one.new_problem_id)
    return arrivals, {key: _survivor(problem, merged) for key, (_, problem) in newest.items()}, known


def _survivor(problem: UUID | None, merged: dict[UUID, UUID]) -> UUID | None:
    return _survivor(merged[problem], merged) if problem is not None and problem in merged else problem
