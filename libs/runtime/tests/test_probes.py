"""Readiness: red for each thing that a service cannot do without, and each time it says what to do."""

import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import nats
import pytest_asyncio
from fastapi import FastAPI
from nats.aio.client import Client
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from deploy.embedded.infrastructure import Infrastructure
from libs.messaging.topology import apply
from libs.runtime import probes
from libs.runtime.keys import KeyRing
from tests.support.driven import settings_for

SERVICE = "triage"
NOWHERE = "postgresql+asyncpg://triage:hunter2@127.0.0.1:1/whystream"


@pytest_asyncio.fixture(loop_scope="session")
async def app(platform: Infrastructure) -> AsyncIterator[FastAPI]:
    """An application with everything in place."""
    found = FastAPI()
    found.include_router(probes.router)
    state: Any = found.state
    state.service, state.settings = SERVICE, settings_for(platform, SERVICE)
    state.engine = create_async_engine(state.settings.sqlalchemy_url)
    state.client = await nats.connect(platform.nats_url(SERVICE), inbox_prefix=f"_INBOX_{SERVICE}")
    state.keys = KeyRing(state.client)
    state.keys.loaded.set()
    yield found
    await state.engine.dispose()
    await state.client.close()


async def get(app: FastAPI, path: str = "/readyz") -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        return await http.get(path)


async def failed(app: FastAPI) -> dict[str, str]:
    answer = await get(app)
    assert answer.status_code == 503
    assert "hunter2" not in answer.text
    return answer.json()["failed"]


async def test_green_when_everything_is_in_place(app: FastAPI) -> None:
    assert (await get(app)).json() == {
        "status": "ready",
        "checks": ["schema", "nats", "durable_writes", "topology", "keys"],
    }
    assert (await get(app, "/livez")).status_code == 200
    assert "# HELP" in (await get(app, "/metrics")).text


async def test_red_when_the_schema_is_not_at_head(app: FastAPI) -> None:
    engine = app.state.engine
    async with engine.begin() as connection:
        head = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar_one()
        await connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    try:
        said = (await failed(app))["schema"]
        assert said == f"schema is at 0000, the code needs {head}; run `python -m libs.runtime.migrate triage`"
    finally:
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": head})
    assert (await get(app)).status_code == 200


async def test_red_when_there_is_no_schema_yet(app: FastAPI, platform: Infrastructure) -> None:
    app.state.engine = create_async_engine(platform.superuser_url.replace("postgresql:", "postgresql+asyncpg:"))
    found = await failed(app)
    await app.state.engine.dispose()
    assert list(found) == ["schema"]
    assert "schema is at no revision" in found["schema"]
    assert "libs.runtime.migrate triage" in found["schema"]


async def test_red_without_postgres(app: FastAPI) -> None:
    app.state.engine = create_async_engine(NOWHERE)
    found = await failed(app)
    assert list(found) == ["schema"]
    assert "start it, or correct WHYSTREAM_DATABASE_URL" in found["schema"]


async def test_red_and_quick_without_nats(app: FastAPI) -> None:
    await app.state.client.close()
    answer = await get(app)
    assert answer.elapsed.total_seconds() < 2
    found = answer.json()["failed"]
    assert set(found) == {"nats", "topology"}
    assert all("start it, or correct WHYSTREAM_NATS_URL" in said for said in found.values())


@contextmanager
def monitor(varz: bytes) -> Iterator[str]:
    """A NATS monitoring port that answers this."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(varz)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


async def test_red_when_nats_acknowledges_before_it_syncs(app: FastAPI) -> None:
    for varz in ({}, {"jetstream": {}}, {"jetstream": {"config": {"sync_interval": 120_000_000_000}}}):
        with monitor(json.dumps(varz).encode()) as url:
            app.state.settings = replace(app.state.settings, nats_monitor_url=url)
            found = await failed(app)
        assert list(found) == ["durable_writes"]
        assert "set `sync_interval: always`" in found["durable_writes"]


async def test_red_when_nobody_can_say_how_nats_syncs(app: FastAPI) -> None:
    with monitor(b"<html>") as url:
        app.state.settings = replace(app.state.settings, nats_monitor_url=url)
        assert "correct WHYSTREAM_NATS_MONITOR_URL" in (await failed(app))["durable_writes"]
    assert "correct WHYSTREAM_NATS_MONITOR_URL" in (await failed(app))["durable_writes"]  # nothing listens there now


async def test_red_when_a_consumer_drifted_or_is_gone(app: FastAPI, admin: Client) -> None:
    stream = admin.jetstream()
    config = (await stream.consumer_info("INTAKE", SERVICE)).config
    await stream.add_consumer("INTAKE", config.evolve(ack_wait=5))
    said = (await failed(app))["topology"]
    assert "consumer triage of INTAKE: ack_wait is 5" in said
    assert "Run `python -m libs.messaging.topology`" in said
    assert await apply(stream) == ["updated consumer triage of INTAKE"]
    assert (await get(app)).status_code == 200
    await stream.delete_consumer("INTAKE", SERVICE)
    assert "consumer triage of INTAKE is missing" in (await failed(app))["topology"]
    await apply(stream)
    assert (await get(app)).status_code == 200


async def test_red_until_the_access_keys_are_loaded(app: FastAPI) -> None:
    app.state.keys = KeyRing(app.state.client)
    assert "access keys are not loaded yet; wait a moment" in (await failed(app))["keys"]
