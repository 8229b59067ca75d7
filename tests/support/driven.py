"""A service driven through its edges with real Postgres: events in, HTTP in, and what it said out."""

import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import asyncpg
import httpx
import nats
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from contracts.catalog import entry_of
from contracts.envelope import Envelope, parse, read, wrap
from contracts.event import Event
from deploy.embedded.infrastructure import Infrastructure
from libs.messaging.delivered import Delivered
from libs.messaging.handlers import Handlers
from libs.messaging.processor import Again, Processor, decode_event
from libs.messaging.work import Transactions
from libs.runtime.keys import Access, KeyRing, digest_of
from libs.runtime.service import Service
from libs.runtime.settings import Settings

E = TypeVar("E", bound=Event)
_sequence = iter(range(1, 10**9))


class Driven:
    """What a test holds of a service. `receives` goes through the real processor; `http` through the real routes."""

    def __init__(self, service: Service[Any], engine: AsyncEngine, settings: Settings, workspace: str) -> None:
        self.service, self.engine, self.settings, self.workspace = service, engine, settings, workspace
        self.transactions: Transactions[Any] = Transactions(engine, service.name, service.work)
        self.http: httpx.AsyncClient
        self.app: Any
        self._keys: KeyRing

    def processor(self, handlers: Handlers | None = None, **options: Any) -> Processor[Any]:
        return Processor(self.transactions, handlers or self.service.handlers, **options)

    async def receives(self, *events: Event, cause: Envelope | None = None) -> list[Envelope]:
        """Deliver events as their owners would say them, in one batch; fails if any was not handled."""
        envelopes = [
            wrap(event, service=entry_of(type(event)).owner, workspace=self.workspace, cause=cause) for event in events
        ]
        outcomes = await self.deliver(*envelopes)
        assert outcomes == [None] * len(events), outcomes
        return envelopes

    async def deliver(self, *envelopes: Envelope, deliveries: int = 1) -> list[Again | None]:
        raw = [delivered(envelope, deliveries=deliveries) for envelope in envelopes]
        return await self.processor(decode=decode_event).process(raw, "TEST")

    async def said_envelopes(self) -> list[Envelope]:
        """Everything the service recorded for this test's workspace, in order."""
        connection = await asyncpg.connect(self.settings.database_url)
        try:
            rows = await connection.fetch(
                "SELECT envelope FROM outbox WHERE subject LIKE '%.' || $1 ORDER BY position", self.workspace
            )
        finally:
            await connection.close()
        return [parse(row[0]) for row in rows]

    async def said(self, kind: type[E] = Event) -> list[E]:
        """The events of one class (or all) that it said, oldest first."""
        events = [read(envelope) for envelope in await self.said_envelopes()]
        return [event for event in events if isinstance(event, kind)]

    async def last_said(self, kind: type[E] = Event) -> E:
        found = await self.said(kind)
        assert found, f"{self.service.name} said no {kind.__name__}"
        return found[-1]

    def allow(self, key: str, *scopes: str, workspace: str | None = None) -> dict[str, str]:
        """Make `key` valid and return the header that carries it."""
        self._keys._known[digest_of(key)] = Access(workspace or self.workspace, "test", scopes)
        return {"Authorization": f"Bearer {key}"}


def delivered(envelope: Envelope, *, deliveries: int = 1) -> Delivered:
    """The envelope as a message of a stream."""
    return Delivered(
        subject=envelope.nats_subject,
        body=envelope.to_bytes(),
        stream="TEST",
        stream_sequence=next(_sequence),
        stored_at=datetime.now(UTC),
        deliveries=deliveries,
    )


def settings_for(platform: Infrastructure, service: str, port: int = 1) -> Settings:
    return Settings.from_environment(
        {
            "WHYSTREAM_DATABASE_URL": platform.database_url(service),
            "WHYSTREAM_NATS_URL": platform.nats_url(service),
            "WHYSTREAM_NATS_MONITOR_URL": platform.nats_monitor_url,
            "WHYSTREAM_LISTEN": f"127.0.0.1:{port}",
        }
    )


def service_named(name: str) -> Service[Any]:
    return importlib.import_module(f"services.{name}.main").SERVICE


@asynccontextmanager
async def driven_service(name: str, platform: Infrastructure, workspace: str) -> AsyncIterator[Driven]:
    settings, service = settings_for(platform, name), service_named(name)
    engine = create_async_engine(settings.sqlalchemy_url, pool_size=5)
    driven = Driven(service, engine, settings, workspace)
    client = await nats.connect(settings.nats_url, inbox_prefix=f"_INBOX_{name}")
    app = service.app(settings)
    driven.app, driven._keys = app, KeyRing(client)
    app.state.engine, app.state.client, app.state.keys = engine, client, driven._keys
    app.state.transactions = driven.transactions
    app.state.processors = {"TEST": driven.processor()}
    headers = driven.allow(f"ws_{workspace}_admin", "admin")
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as http:
            driven.http = http
            yield driven
    finally:
        await client.close()
        await engine.dispose()
