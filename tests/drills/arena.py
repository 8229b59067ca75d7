"""Where drills happen: a platform of its own, two workers that can be killed, and the count of what came through."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import nats

from deploy.embedded.home import temporary_home
from deploy.embedded.infrastructure import Infrastructure, infrastructure
from libs.messaging.schema import REVISION_1
from libs.messaging.topology import apply, consumer_config, durables

ROOT = Path(__file__).parents[2]


class Worker:
    """One worker process; `start` after `kill` makes a new one of the same role."""

    def __init__(self, role: str, environment: dict[str, str]) -> None:
        self.role = role
        self._environment = environment
        self.accepted: list[UUID] = []
        self.reconnects = 0
        self.exits: list[int] = []
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.drills.worker", self.role,
            cwd=ROOT, env=self._environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self._ready = asyncio.Event()
        self._reading = asyncio.create_task(self._read(self._process))
        async with asyncio.timeout(60):
            await self._ready.wait()

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            word, _, rest = line.decode().strip().partition(" ")
            if word == "ready":
                self._ready.set()
            elif word == "accepted":
                self.accepted.append(UUID(rest))
            elif word == "reconnect":
                self.reconnects += 1

    def send(self, *lines: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write("".join(f"{line}\n" for line in lines).encode())

    async def kill(self) -> None:
        """kill -9, and wait until it is gone and everything that it said was read."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGKILL)
        await self._gone()

    async def died(self) -> bool:
        """Whether the process ended by itself."""
        if self._process is None or self._process.returncode is None:
            return False
        await self._gone()
        return True

    async def _gone(self) -> None:
        assert self._process is not None
        self.exits.append(await self._process.wait())
        await self._reading


@dataclass
class Tally:
    """What a drill injected and what came of it. `lost` and `doubled` count effects of accepted events."""

    name: str
    faults: int = 0
    accepted: int = 0
    lost: int = 0
    doubled: int = 0
    dead: int = 0
    notes: list[str] = field(default_factory=list)


class Arena:
    """Platform and workers of one drill."""

    def __init__(self, parts: Infrastructure) -> None:
        self.parts = parts
        self.intake = Worker("intake", self._environment("intake"))
        self.triage = Worker("triage", self._environment("triage"))

    def _environment(self, role: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DRILL_RECONNECT_WAIT": "0.02",
            "WHYSTREAM_DATABASE_URL": self.parts.database_url(role),
            "WHYSTREAM_NATS_URL": self.parts.nats_url(role),
        }

    async def effects(self) -> list[UUID]:
        return [row[0] for row in await self.query("triage", "SELECT id FROM effect")]

    async def query(self, role: str, statement: str, *arguments: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.parts.database_url(role))
        try:
            return await connection.fetch(statement, *arguments)
        finally:
            await connection.close()

    async def settle(self, wanted: Sequence[UUID], *, seconds: float = 120) -> list[UUID]:
        """Wait until every wanted effect is there and both outboxes are empty; returns all effects. Bounded."""
        missing = set(wanted)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while missing or await self._waiting():
                    await asyncio.sleep(0.2)
                    missing = set(wanted) - set(await self.effects())
        await asyncio.sleep(1.0)  # what would double an effect gets its chance
        return await self.effects()

    async def _waiting(self) -> int:
        return sum(
            [
                (await self.query(role, "SELECT count(*) FROM outbox WHERE published_at IS NULL"))[0][0]
                for role in ("intake", "triage")
            ]
        )

    async def messages_in(self, stream: str) -> int:
        client = await nats.connect(self.parts.nats_url("admin"))
        try:
            return (await client.jetstream().stream_info(stream)).state.messages
        finally:
            await client.close()

    async def has_dead_letters(self, number: int) -> bool:
        return len(await self.dead_letters()) >= number

    async def dead_letters(self) -> list[asyncpg.Record]:
        return await self.query("triage", "SELECT reason, error, body, attempts FROM dead_letter ORDER BY opened_at")


@asynccontextmanager
async def arena() -> AsyncIterator[Arena]:
    """A fresh platform; its workers are started, and killed at the end."""
    with temporary_home() as home:
        async with infrastructure(home) as parts:
            await make_topology(parts)
            for role in ("intake", "triage"):
                connection = await asyncpg.connect(parts.database_url(role))
                await connection.execute(REVISION_1)
                if role == "triage":
                    await connection.execute("CREATE TABLE effect (id uuid NOT NULL)")
                await connection.close()
            found = Arena(parts)
            await asyncio.gather(found.intake.start(), found.triage.start())
            try:
                yield found
            finally:
                await asyncio.gather(found.intake.kill(), found.triage.kill())


async def make_topology(parts: Infrastructure) -> None:
    """The catalogue's topology, but messages of a killed consumer come again after 2 s instead of 30."""
    client = await nats.connect(parts.nats_url("admin"))
    js = client.jetstream()
    await apply(js)
    durable = next(found for found in durables("triage") if found.stream == "INTAKE")
    await js.add_consumer("INTAKE", replace(consumer_config(durable), ack_wait=2.0))
    await client.close()


async def until(condition: Callable[[], Awaitable[bool]], what: str, *, seconds: float = 60) -> None:
    """Wait until `condition` holds; fails with `what` was waited for. Bounded."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not await condition():
        assert loop.time() < deadline, f"waited {seconds:.0f} s for {what}"
        await asyncio.sleep(0.1)


def identities(count: int) -> list[UUID]:
    return [uuid4() for _ in range(count)]


def count(tally: Tally, wanted: Sequence[UUID], effects: Sequence[UUID]) -> None:
    """Fill in what was accepted, lost and doubled."""
    tally.accepted = len(wanted)
    tally.lost = len(set(wanted) - set(effects))
    tally.doubled = len(effects) - len(set(effects))
