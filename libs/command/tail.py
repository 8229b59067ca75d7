"""`whystream tail`: what the services say, live, one readable line each."""

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Annotated, Any

import typer
from nats.aio.msg import Msg
from rich.console import Console
from rich.text import Text

from contracts.catalog import CATALOG
from contracts.envelope import Envelope, EnvelopeInvalid, parse
from deploy.embedded.home import Home
from libs.command.errors import EXIT_INTERRUPTED, NotRunning, UsageWrong
from libs.command.installation import admin_connection

LONGEST = 110
# The field that says most about an event; the first that is there is shown.
_TELLING = ("text", "statement", "title", "summary", "answer", "hypothesis", "name", "reason", "outcome", "why_not")


def tail(
    types: Annotated[
        list[str] | None, typer.Argument(metavar="[TYPE]...", help="For example decision.made, or 'problem.*'.")
    ] = None,
    workspace: Annotated[str, typer.Option("--workspace", "-w", help="Only this one (default: all).")] = "*",
    count: Annotated[int | None, typer.Option("--count", "-n", min=1, help="End after so many events.")] = None,
) -> None:
    """Show events live, one line each, until Ctrl-C.

    Observations, which come by the thousand, are shown only when asked for: `whystream tail 'observation.*'`.
    """
    patterns = [pattern_of(one) for one in types or []]
    try:
        asyncio.run(_tail(Home.from_environment(), patterns, workspace, count))
    except KeyboardInterrupt:
        raise SystemExit(EXIT_INTERRUPTED) from None


async def _tail(home: Home, patterns: list[str], workspace: str, count: int | None) -> None:
    console = Console(soft_wrap=True, highlight=False)
    lost = asyncio.Event()
    async with admin_connection(home) as client:
        arrived: asyncio.Queue[Msg] = asyncio.Queue()
        await client.subscribe("whystream.>", cb=arrived.put)
        await client.flush()
        Console(stderr=True).print(f"listening in {home.folder}; Ctrl-C ends it", style="dim")
        left = count
        while left is None or left > 0:
            message = await _next(arrived, lambda: client.is_connected)
            if message is None:
                lost.set()
                break
            line = readable(message.subject, message.data, patterns, workspace)
            if line is not None:
                console.print(line)
                left = None if left is None else left - 1
    if lost.is_set():
        raise NotRunning("the connection to NATS ended")


async def _next(arrived: asyncio.Queue[Msg], connected: Any) -> Msg | None:
    while connected():
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(arrived.get(), 1.0)
    return None


def readable(subject: str, body: bytes, patterns: list[str], workspace: str) -> Text | None:
    """The line for one message; None when it was not asked for."""
    type_, _, where = subject.rpartition(".")
    if workspace not in ("*", where) or not wanted(type_, patterns):
        return None
    try:
        return line_of(parse(body))
    except EnvelopeInvalid as error:
        return Text(f"{subject}: {error}", style="red")


def wanted(type_: str, patterns: list[str]) -> bool:
    """Whether an event of this type was asked for; with no pattern, everything but observations."""
    if not patterns:
        return not type_.startswith("whystream.observation.")
    return any(fnmatchcase(type_, pattern) for pattern in patterns)


def line_of(envelope: Envelope, zone: Any = None) -> Text:
    """Time, type, workspace, what it is about, and its most telling words."""
    at: datetime = envelope.time.astimezone(zone)
    kind, _, identity = envelope.subject.partition("/")
    return Text.assemble(
        (f"{at:%H:%M:%S} ", "dim"),
        (f"{short(envelope.type):<24} ", "bold"),
        (f"{envelope.workspace} {kind}/…{identity[-6:]} ", "dim"),
        telling(envelope.data),
    )


def telling(data: Mapping[str, Any]) -> str:
    """The words of an event that say most, on one line and safe for a terminal."""
    found = next((str(data[name]) for name in _TELLING if data.get(name)), "")
    if isinstance(data.get("position"), Mapping):
        position = data["position"]
        found = f"{position.get('stakeholder')}: {position.get('position')} {position.get('comment', '')}"
    if "reports" in data:
        found = f"{data['reports']} reports, {data.get('customers', '?')} customers: {found}"
    return safe(found)


def safe(words: str, longest: int = LONGEST) -> str:
    """One printable line: customers' words must not steer the terminal."""
    line = "".join(one if one.isprintable() else " " for one in " ".join(words.split()))
    return line if len(line) <= longest else line[: longest - 1] + "…"


def short(type_: str) -> str:
    """`whystream.decision.made.v1` → `decision.made`."""
    return type_.removeprefix("whystream.").rpartition(".v")[0]


def pattern_of(asked: str) -> str:
    pattern = asked if asked.startswith("whystream.") else f"whystream.{asked}"
    if pattern.rpartition(".")[2][:1] != "v" or not pattern[-1].isdigit():
        pattern += ".v*"
    if not any(fnmatchcase(entry.type, pattern) for entry in CATALOG):
        known = ", ".join(short(entry.type) for entry in CATALOG)
        raise UsageWrong(f"no event is called {asked!r}; known are {known}")
    return pattern
