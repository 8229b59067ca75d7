"""What every service gets in one call: settings, logs, telemetry, database, NATS, keys, relay, consumers, HTTP, drain.

SERVICE = Service(name="triage", work=TriageWork, router=router, handlers=handlers)
if __name__ == "__main__":
    serve(SERVICE)
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import structlog
import uvicorn
from fastapi import APIRouter, FastAPI
from fastapi.telemetry import TelemetryConfig
from faststream.nats import NatsBroker
from nats.aio.client import Client
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from libs.messaging import housekeeping
from libs.messaging.advisories import watch_advisories
from libs.messaging.connection import withstand_any_bytes
from libs.messaging.consumer import Consumer
from libs.messaging.handlers import Handlers
from libs.messaging.processor import Decode, Processor, decode_event
from libs.messaging.relay import Relay
from libs.messaging.topology import ADVISORY_STREAM, durables, verify
from libs.messaging.work import Transactions, Work
from libs.runtime import dead_letter_routes, probes
from libs.runtime.body import BodyTaken
from libs.runtime.garbage import look_for_garbage_less_often
from libs.runtime.keys import KeyRing
from libs.runtime.logs import configure_logs
from libs.runtime.problems import install_problem_handlers
from libs.runtime.settings import Settings, SettingsInvalid
from libs.runtime.telemetry import configure_telemetry, flush_telemetry

log = structlog.get_logger("runtime")
W = TypeVar("W", bound=Work)

# FastAPI's own server spans and metrics. Not its records of exceptions, which could hold a customer's words, nor a span
# for each step inside a request; and probes, asked every few seconds, are no traffic.
_TELEMETRY: TelemetryConfig = {
    "operation_spans": False,
    "logs": False,
    "exclude": lambda scope: scope.get("path") in ("/livez", "/readyz", "/metrics"),
}


@dataclass
class Running(Generic[W]):
    """A service's parts while it runs, for its background jobs and its tests."""

    settings: Settings
    engine: AsyncEngine
    client: Client
    broker: NatsBroker
    transactions: Transactions[W]


Background = Callable[[Running[Any]], Awaitable[None]]


@dataclass(frozen=True)
class Service(Generic[W]):
    """A service's composition: its transaction, its HTTP routes, its event handlers, and jobs that run beside them.

    `decoders` read the messages of a stream that does not carry catalogue events (intake's ingress). `batch` is how
    many messages are handled in one transaction at most.
    """

    name: str
    work: type[W]
    router: APIRouter
    handlers: Handlers
    background: tuple[Background, ...] = ()
    decoders: Mapping[str, Decode] = field(default_factory=dict)
    batch: int = 500

    def app(self, settings: Settings) -> FastAPI:
        """The ASGI application; its lifespan starts and drains everything else."""
        app = FastAPI(
            title=f"Whystream {self.name}",
            version="1",
            lifespan=_lifespan(self, settings),
            telemetry=_TELEMETRY,
            redirect_slashes=False,
            # Pages about the API would load a third party's scripts, at the front door's own origin.
            docs_url=None,
            redoc_url=None,
        )
        app.add_middleware(BodyTaken)
        app.state.service = self.name
        app.state.settings = settings
        install_problem_handlers(app)
        app.include_router(probes.router)
        app.include_router(dead_letter_routes.router(self.name))
        app.include_router(self.router)
        return app


def serve(service: Service[Any]) -> None:
    """Run one service until SIGTERM or SIGINT, then drain: finish open requests and the batch in hand, and close."""
    try:
        settings = Settings.from_environment()
    except SettingsInvalid as error:
        raise SystemExit(f"{service.name}: {error}") from None
    configure_logs(service.name)
    configure_telemetry(service.name)
    look_for_garbage_less_often()
    uvicorn.run(
        service.app(settings),
        host=settings.listen_host,
        port=settings.listen_port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=10,
    )


def _lifespan(service: Service[Any], settings: Settings) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(service, settings) as parts:
            keys = KeyRing(parts.client)
            app.state.engine, app.state.client = parts.engine, parts.client
            app.state.transactions, app.state.keys = parts.transactions, keys
            processors = _processors(service, parts.transactions)
            app.state.processors = processors
            consumers = [
                Consumer(parts.client, processors[bound.stream], bound.stream, bound.name, batch=service.batch)
                for bound in _bound(service)
            ]
            relay = Relay(settings.database_url, parts.client, service.name)
            watch_advisories(parts.broker, parts.engine, service.name)
            await parts.broker.start()
            tasks = [asyncio.create_task(_guard(keys.run(), "keys")), asyncio.create_task(_guard(relay.run(), "relay"))]
            tasks.append(asyncio.create_task(_guard(housekeeping.run(parts.engine), "housekeeping")))
            tasks += [asyncio.create_task(_guard(job(parts), "background")) for job in service.background]
            reading = [asyncio.create_task(_guard(consumer.run(), "consumer")) for consumer in consumers]
            await asyncio.wait_for(keys.loaded.wait(), 30)
            log.info("ready", listen=f"{settings.listen_host}:{settings.listen_port}")
            yield
            log.info("draining")
            for consumer in consumers:
                consumer.stop()
            await asyncio.wait(reading, timeout=15) if reading else None
            for task in (*tasks, *reading):
                task.cancel()
            await asyncio.gather(*tasks, *reading, return_exceptions=True)
        flush_telemetry()

    return lifespan


@asynccontextmanager
async def running(service: Service[W], settings: Settings) -> AsyncIterator[Running[W]]:
    """Connections of one service, opened and closed; refuses to start when the topology has drifted."""
    engine = create_async_engine(
        settings.sqlalchemy_url, pool_size=10, max_overflow=10, pool_pre_ping=True, hide_parameters=True
    )
    broker = NatsBroker(
        settings.nats_url,
        name=service.name,
        apply_types=True,
        allow_reconnect=True,
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        pending_size=64 * 1024 * 1024,
        inbox_prefix=f"_INBOX_{service.name}",
        closed_cb=_end_process,
        logger=None,
    )
    try:
        client = await broker.connect()
        withstand_any_bytes(client)
        await verify(client.jetstream(), service.name)
        yield Running(settings, engine, client, broker, Transactions(engine, service.name, service.work))
    finally:
        _closing.add(service.name)
        await broker.stop()
        await engine.dispose()


_closing: set[str] = set()


async def _end_process() -> None:
    """A NATS connection that is closed for good never comes back: end the process, so that it is started anew."""
    if not _closing:
        log.error("NATS connection closed for good, ending the process")
        os.kill(os.getpid(), signal.SIGTERM)


async def _guard(task: Any, what: str) -> None:
    """Run a part that must not end: if it fails, end the process rather than run on without it."""
    try:
        await task
    except Exception:
        log.exception("a part of the service failed, ending the process", part=what)
        os.kill(os.getpid(), signal.SIGTERM)


def _bound(service: Service[Any]) -> list[Any]:
    return [durable for durable in durables(service.name) if durable.stream != ADVISORY_STREAM]


def _processors(service: Service[W], transactions: Transactions[W]) -> dict[str, Processor[W]]:
    return {
        durable.stream: Processor(
            transactions, service.handlers, decode=service.decoders.get(durable.stream, decode_event)
        )
        for durable in _bound(service)
    }
