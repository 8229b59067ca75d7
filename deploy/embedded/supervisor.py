"""`whystream up`: everything of one home in one supervised process tree, from start to a clean stop."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import nats as nats_client

from contracts.catalog import SERVICES
from deploy.embedded import caddy, nats, postgres
from deploy.embedded.credentials import keep_admin_key
from deploy.embedded.home import Home
from deploy.embedded.infrastructure import Infrastructure
from deploy.embedded.ports import front_door
from deploy.embedded.processes import ProcessTree, Program, Say, run_once
from deploy.embedded.survivors import stop_survivors
from deploy.embedded.waiting import side_by_side, until_status
from libs.messaging.topology import nats_permissions
from libs.runtime.keys import create_key

WORKSPACE = "default"
JOB_WITHIN = 120.0
READY_WITHIN = 90.0


async def up(home: Home, *, on_progress: Say) -> None:
    """Run everything of this home until SIGINT, SIGTERM or SIGHUP, then stop it all in order and return.

    `on_progress` gets one line of text at a time; the one that begins with `ready http://` says that every service
    takes requests. Raises EmbeddedError, whose message says what to do, when something cannot start; whatever had
    started by then is stopped first. Call it in the main thread: the children die with the thread that started them.
    """
    with home.lock(), _stop_signals(on_progress) as stop:
        for survivor in await stop_survivors(home.processes_file):
            on_progress(f"stopped {survivor.name} (pid {survivor.pid}), left over from an earlier run")
        with front_door(home.front_port) as door:
            processes = ProcessTree(home.processes_file, say=on_progress)
            try:
                starting = asyncio.create_task(_start(home, processes, door, on_progress))
                if await _finished_before(starting, stop):
                    await stop.wait()
            finally:
                await _stop(processes, door)
                on_progress("stopped")


async def _start(home: Home, processes: ProcessTree, door: socket.socket, say: Say) -> None:
    began = time.monotonic()
    parts = Infrastructure(home, processes, nats_permissions(), say)
    say(f"starting Whystream in {home.folder}")
    # The two sides do not need one another: one is not to wait for the other.
    await side_by_side(_start_postgres_side(parts, say), _start_nats_side(parts, say))
    with _timed("services and front door", say):
        await side_by_side(*(_start_service(parts, service) for service in SERVICES), _start_front_door(parts, door))
    say(f"started in {time.monotonic() - began:.1f} s")
    _show_admin_key(parts, say)
    say(f"ready {home.url}")


async def _start_postgres_side(parts: Infrastructure, say: Say) -> None:
    with _timed("postgres, roles and schemas", say):
        await parts.start_postgres()
    with _timed("migrations", say):
        await run_once(_migrations(parts), JOB_WITHIN)


async def _start_nats_side(parts: Infrastructure, say: Say) -> None:
    with _timed("nats", say):
        await parts.start_nats()
    with _timed("streams and consumers", say):
        await run_once(_topology(parts), JOB_WITHIN)
        await _ensure_admin_key(parts)


async def _start_service(parts: Infrastructure, service: str) -> None:
    child = await parts.processes.start(_service(parts, service))
    await until_status(child, f"http://127.0.0.1:{parts.ports.services[service]}/readyz", 200, READY_WITHIN)


async def _start_front_door(parts: Infrastructure, door: socket.socket) -> None:
    child = await parts.processes.start(caddy.caddy_program(parts.home, parts.ports, door))
    await caddy.wait_until_ready(child, parts.home.url)


async def _ensure_admin_key(parts: Infrastructure) -> None:
    # Before the services start, because a service is ready only when it knows all keys.
    if parts.credentials.admin_key:
        return
    connection = await nats_client.connect(parts.nats_url("admin"))
    try:
        key = await create_key(connection, WORKSPACE, "first admin", ["admin"])
    finally:
        await connection.close()
    parts.credentials = keep_admin_key(parts.home.credentials_file, parts.credentials, key, shown=False)


def _show_admin_key(parts: Infrastructure, say: Say) -> None:
    key, file = parts.credentials.admin_key, parts.home.credentials_file
    if key and not parts.credentials.admin_key_shown:
        say(f"admin key {key} (shown this once; kept in {file})")
        parts.credentials = keep_admin_key(file, parts.credentials, key, shown=True)


async def _stop(processes: ProcessTree, door: socket.socket) -> None:
    # From the outside in: nobody is asked for anything after what it stands on has gone.
    await processes.stop(caddy.NAME)
    door.close()
    await processes.stop(*SERVICES)
    await processes.stop(nats.NAME)
    await processes.stop(postgres.NAME)


async def _finished_before(task: asyncio.Task[None], stop: asyncio.Event) -> bool:
    """Whether the task came to its end before the stop; its error is raised, and it is cancelled at a stop."""
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([task, stopped], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
            return True
        return False
    finally:
        for one in (task, stopped):
            one.cancel()
        await asyncio.wait([task, stopped])


@contextmanager
def _stop_signals(say: Say) -> Iterator[asyncio.Event]:
    stop = asyncio.Event()

    def on_signal() -> None:
        say("already stopping" if stop.is_set() else "stopping")
        stop.set()

    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, on_signal)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


@contextmanager
def _timed(step: str, say: Say, now: Callable[[], float] = time.monotonic) -> Iterator[None]:
    began = now()
    yield
    say(f"  {step:<28} {now() - began:5.1f} s")


def _topology(parts: Infrastructure) -> Program:
    return _python("topology", "libs.messaging.topology", parts, {"WHYSTREAM_NATS_URL": parts.nats_url("admin")})


def _migrations(parts: Infrastructure) -> Program:
    urls = json.dumps({service: parts.database_url(service) for service in SERVICES})
    return _python("migrations", "deploy.embedded.migrate_all", parts, {"WHYSTREAM_DATABASE_URLS": urls})


def _service(parts: Infrastructure, service: str) -> Program:
    settings = {
        "WHYSTREAM_DATABASE_URL": parts.database_url(service),
        "WHYSTREAM_NATS_URL": parts.nats_url(service),
        "WHYSTREAM_NATS_MONITOR_URL": parts.nats_monitor_url,
        "WHYSTREAM_LISTEN": f"127.0.0.1:{parts.ports.services[service]}",
        "WHYSTREAM_PUBLIC_URL": os.environ.get("WHYSTREAM_PUBLIC_URL") or parts.home.url,
        "WHYSTREAM_HOME": str(parts.home.folder),
    }
    return _python(service, f"services.{service}.main", parts, settings)


def _python(name: str, module: str, parts: Infrastructure, settings: dict[str, str]) -> Program:
    # PG* would change what asyncpg connects to. Unbuffered, so that a killed service's last words are in its log.
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    return Program(
        name=name,
        # -P: the home is the working folder, and nothing in it may shadow a module.
        command=(sys.executable, "-P", "-m", module),
        log=parts.home.log(name),
        folder=parts.home.folder,
        environment=inherited | {"PYTHONUNBUFFERED": "1"} | settings,
        # A service drains: open requests first, then the batch in hand.
        stop_within=30.0,
    )
