"""The messaging core on the public images of Postgres and NATS: outbox → stream → inbox, each effect once."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import cast
from uuid import UUID, uuid4

import asyncpg
import docker
import nats
import pytest
from nats.aio.client import Client
from sqlalchemy.ext.asyncio import create_async_engine
from testcontainers.core.container import DockerContainer

from contracts.catalog import SERVICES
from contracts.feedback import FeedbackReceived
from deploy.containers.setup import Wanted, set_up
from deploy.nats.users import password_variable
from libs.messaging.consumer import Consumer
from libs.messaging.handlers import Handlers, on
from libs.messaging.processor import Processor
from libs.messaging.relay import Relay
from libs.messaging.topology import nats_permissions
from libs.messaging.work import Message, Transactions, Work

pytestmark = pytest.mark.containers

NATS_CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nats"
PASSWORD = "onlyForThisTest"
EVENTS = 50


@pytest.fixture(scope="module")
def servers(engine: docker.DockerClient) -> Iterator[Wanted]:
    """A Postgres and a NATS, as the images come, with NATS configured as in docker-compose.yml."""
    postgres = DockerContainer("pgvector/pgvector:pg18").with_env("POSTGRES_PASSWORD", PASSWORD)
    broker = (
        DockerContainer("nats:2")
        .with_command(["--config", "/etc/whystream/nats.conf"])
        .with_volume_mapping(str(NATS_CONFIGURATION), "/etc/whystream", "ro")
        .with_envs(**{password_variable(user): PASSWORD for user in nats_permissions()})
    )
    with _on_loopback(postgres, 5432), _on_loopback(broker, 4222, 8222):
        database = f"127.0.0.1:{postgres.get_exposed_port(5432)}"
        yield Wanted(
            superuser_url=f"postgresql://postgres:{PASSWORD}@{database}/postgres",
            nats_url=f"nats://admin:{PASSWORD}@127.0.0.1:{broker.get_exposed_port(4222)}",
            nats_monitor_url=f"http://127.0.0.1:{broker.get_exposed_port(8222)}",
            passwords=dict.fromkeys(SERVICES, PASSWORD),
        )


async def test_what_is_written_to_the_outbox_has_its_effect_once(servers: Wanted) -> None:
    await set_up(servers)
    await _query(servers, "triage", "CREATE TABLE effect (id uuid NOT NULL)")
    wanted = [uuid4() for _ in range(EVENTS)]
    async with _relaying(servers), _consuming(servers):
        await _record(servers, wanted)
        await _until_effects(servers, EVENTS)
        # The mark is lost, as in a crash after the stream took the batch: the relay sends everything again.
        await _query(servers, "intake", "UPDATE outbox SET published_at = NULL")
        await _until_published(servers)
    effects = [row[0] for row in await _query(servers, "triage", "SELECT id FROM effect")]
    assert sorted(effects) == sorted(wanted)
    assert (await _query(servers, "triage", "SELECT count(*) FROM inbox"))[0][0] == EVENTS
    assert await _messages_in(servers, "INTAKE") == EVENTS


async def note_effects(messages: Sequence[Message[FeedbackReceived]], work: Work) -> None:
    driver = await work.driver()
    await driver.execute("INSERT INTO effect SELECT unnest($1::uuid[])", [m.event.feedback_id for m in messages])


async def _record(servers: Wanted, identities: Sequence[UUID]) -> None:
    engine = create_async_engine(_sqlalchemy_url(servers, "intake"))
    now = datetime.now(UTC)
    async with Transactions(engine, "intake", Work).begin("containers") as work:
        for identity in identities:
            said = FeedbackReceived(feedback_id=identity, text="words", source="test", received_at=now, occurred_at=now)
            work.record(said, first=True)
    await engine.dispose()


@asynccontextmanager
async def _relaying(servers: Wanted) -> AsyncIterator[None]:
    async with _connected(servers, "intake") as client:
        relaying = asyncio.create_task(Relay(servers.database_url("intake"), client, "intake").run())
        try:
            yield
        finally:
            await _ended(relaying)


@asynccontextmanager
async def _consuming(servers: Wanted) -> AsyncIterator[None]:
    engine = create_async_engine(_sqlalchemy_url(servers, "triage"))
    handlers = Handlers(on(FeedbackReceived, note_effects, together=True))
    async with _connected(servers, "triage") as client:
        processor = Processor(Transactions(engine, "triage", Work), handlers)
        consuming = asyncio.create_task(Consumer(client, processor, "INTAKE", "triage").run())
        try:
            yield
        finally:
            await _ended(consuming)
    await engine.dispose()


@asynccontextmanager
async def _connected(servers: Wanted, user: str) -> AsyncIterator[Client]:
    url = servers.nats_url.replace("//admin:", f"//{user}:")
    client = await nats.connect(url, inbox_prefix=f"_INBOX_{user}".encode())
    try:
        yield client
    finally:
        await client.close()


async def _ended(task: asyncio.Task[None]) -> None:
    failed = task.exception() if task.done() else None
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert failed is None, failed


async def _until_effects(servers: Wanted, number: int) -> None:
    await _until_counted(servers, "triage", "SELECT count(*) FROM effect", number)


async def _until_published(servers: Wanted) -> None:
    await _until_counted(servers, "intake", "SELECT count(*) FROM outbox WHERE published_at IS NULL", 0)


async def _until_counted(servers: Wanted, role: str, query: str, wanted: int, within: float = 60.0) -> None:
    deadline = time.monotonic() + within
    while (found := (await _query(servers, role, query))[0][0]) != wanted:
        assert time.monotonic() < deadline, f"{query} is {found} after {within:g} s, not {wanted}"
        await asyncio.sleep(0.2)


async def _query(servers: Wanted, role: str, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(servers.database_url(role), timeout=10)
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()


async def _messages_in(servers: Wanted, stream: str) -> int:
    async with _connected(servers, "admin") as client:
        return (await client.jetstream().stream_info(stream)).state.messages


def _sqlalchemy_url(servers: Wanted, role: str) -> str:
    return servers.database_url(role).replace("postgresql://", "postgresql+asyncpg://", 1)


def _on_loopback(container: DockerContainer, *ports: int) -> DockerContainer:
    """Publish these ports on 127.0.0.1 only; `with_exposed_ports` would open them to the network."""
    # The engine's client takes a pair of address and port, which the wrapper's annotation leaves out.
    container.ports = cast("dict[str, int | None]", {f"{port}/tcp": ("127.0.0.1", None) for port in ports})
    return container
