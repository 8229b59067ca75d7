"""`whystream dead`: what could not be handled, why, and once more."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from contracts.catalog import SERVICES
from deploy.embedded.home import Home
from libs.client import AsyncWhystream, Call, Conflict, NotFound
from libs.client.calls import write
from libs.command.errors import EXIT_FAILED, CommandError
from libs.command.installation import caller
from libs.command.tail import safe

app = typer.Typer(no_args_is_help=True, help="List, show and replay what could not be handled.")
T = TypeVar("T")
Url = Annotated[str | None, typer.Option(envvar="WHYSTREAM_URL", help="The platform (default: this home's).")]
Key = Annotated[str | None, typer.Option(envvar="WHYSTREAM_KEY", help="An admin key (default: this home's).")]


class LetterUnknown(CommandError):
    """No service keeps a dead letter with this id."""

    def __init__(self, identity: UUID) -> None:
        super().__init__(f"no service keeps a dead letter {identity}; `whystream dead list` shows those that there are")


@app.command("list")
def show_all(url: Url = None, key: Key = None) -> None:
    """List the dead letters of every service, oldest first."""
    letters = _run(_letters, url, key)
    if not letters:
        print("no dead letters")
        return
    table = Table("id", "service", "opened", "subject", "reason", "error", box=None, header_style="bold")
    for letter in letters:
        opened = str(letter["opened_at"])[:19]
        table.add_row(
            letter["id"], letter["service"], opened, letter["subject"], letter["reason"], safe(letter["error"])
        )
    Console(soft_wrap=True, highlight=False).print(table)


@app.command("show")
def show(identity: Annotated[UUID, typer.Argument(metavar="ID")], url: Url = None, key: Key = None) -> None:
    """Show one dead letter whole, as JSON."""
    letter = _run(lambda client: _find(client, identity), url, key)
    print(json.dumps(letter, indent=2, ensure_ascii=True))


@app.command("replay")
def replay(
    identity: Annotated[UUID | None, typer.Argument(metavar="[ID]")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every dead letter there is.")] = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Handle a dead letter once more, after its cause was mended. What was handled already has no second effect."""
    if (identity is None) != everything:
        raise typer.BadParameter("give the id of one dead letter, or --all")
    if not _run(lambda client: _replay(client, identity), url, key):
        raise SystemExit(EXIT_FAILED)


async def _replay(client: AsyncWhystream, identity: UUID | None) -> bool:
    letters = await _letters(client) if identity is None else [await _find(client, identity)]
    good = True
    for letter in letters:
        path = f"{_path(letter['service'])}/{letter['id']}/replay"
        try:
            await client.send(write("POST", path))
            print(f"{letter['id']} handled by {letter['service']}")
        except Conflict as refused:
            good = False
            print(f"{letter['id']} stays: {safe(refused.detail, 300)}")
    return good


async def _letters(client: AsyncWhystream) -> list[dict[str, Any]]:
    found = [
        letter
        for name in SERVICES
        for letter in (await client.send(Call("GET", _path(name), params={"limit": 500})))["items"]
    ]
    return sorted(found, key=lambda letter: str(letter["opened_at"]))


async def _find(client: AsyncWhystream, identity: UUID) -> dict[str, Any]:
    for service in SERVICES:
        try:
            return await client.send(Call("GET", f"{_path(service)}/{identity}"))
        except NotFound:
            continue
    raise LetterUnknown(identity)


def _path(service: str) -> str:
    return f"/v1/services/{service}/dead-letters"


def _run(work: Callable[[AsyncWhystream], Awaitable[T]], url: str | None, key: str | None) -> T:
    async def run() -> T:
        async with caller(Home.from_environment(), url, key, patient=False) as client:
            return await work(client)

    return asyncio.run(run())
