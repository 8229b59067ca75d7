"""What operations ask a service: is it alive, is it ready, and how is it doing. Never routed by the front door."""

from typing import Any

import httpx
import structlog
from alembic.script import ScriptDirectory
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text

from libs.messaging.topology import TopologyDrift, verify
from libs.runtime.migrate import configuration

log = structlog.get_logger("probes")
router = APIRouter(include_in_schema=False)


class NotReady(Exception):
    """A condition of readiness does not hold; the message says which and what to do."""


@router.get("/livez")
async def live() -> dict[str, str]:
    return {"status": "alive"}


@router.get("/metrics")
async def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@router.get("/readyz")
async def ready(request: Request) -> JSONResponse:
    """200 when the schema is at head, NATS is connected and syncs every write, keys and consumers are in place."""
    failed: dict[str, str] = {}
    for name, check in _CHECKS.items():
        try:
            await check(request.app.state)
        except NotReady as error:
            failed[name] = str(error)
        except Exception as error:
            failed[name] = f"{_UNEXPECTED[name]} ({type(error).__name__}: {error})"
    if failed:
        return JSONResponse({"status": "not ready", "failed": failed}, 503)
    return JSONResponse({"status": "ready", "checks": list(_CHECKS)})


async def _schema(state: Any) -> None:
    head = ScriptDirectory.from_config(configuration(state.service)).get_current_head()
    async with state.engine.connect() as connection:
        known = (await connection.execute(text("SELECT to_regclass('alembic_version')"))).scalar_one()
        found = await connection.execute(text("SELECT version_num FROM alembic_version")) if known else None
        present = found.scalar_one_or_none() if found else None
    if present != head:
        raise NotReady(
            f"schema is at {present or 'no revision'}, the code needs {head};"
            f" run `python -m libs.runtime.migrate {state.service}`"
        )


async def _nats(state: Any) -> None:
    if not state.client.is_connected:
        raise NotReady("not connected to NATS, trying every second; start it, or correct WHYSTREAM_NATS_URL")


async def _durable_writes(state: Any) -> None:
    async with httpx.AsyncClient(timeout=3) as client:
        answer = await client.get(f"{state.settings.nats_monitor_url}/varz")
    config = answer.json().get("jetstream", {}).get("config", {})
    if not config.get("sync_always"):
        raise NotReady("NATS acknowledges before it syncs to disk; set `sync_interval: always` in its jetstream block")


async def _topology(state: Any) -> None:
    await _nats(state)  # or each question would wait for its timeout
    try:
        await verify(state.client.jetstream(), state.service)
    except TopologyDrift as drift:
        raise NotReady(str(drift)) from drift


async def _keys(state: Any) -> None:
    if not state.keys.loaded.is_set():
        raise NotReady("access keys are not loaded yet; wait a moment, or see in the log why they cannot be read")


_CHECKS = {
    "schema": _schema,
    "nats": _nats,
    "durable_writes": _durable_writes,
    "topology": _topology,
    "keys": _keys,
}
_UNEXPECTED = {
    "schema": "Postgres does not answer; start it, or correct WHYSTREAM_DATABASE_URL",
    "nats": "NATS does not answer; start it, or correct WHYSTREAM_NATS_URL",
    "durable_writes": "NATS's monitoring does not answer; start NATS, or correct WHYSTREAM_NATS_MONITOR_URL",
    "topology": "JetStream does not answer; see NATS's log",
    "keys": "access keys cannot be read; see the log",
}
