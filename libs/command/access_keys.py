"""`whystream keys`: who may call, and what they may do."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from deploy.embedded.home import Home
from libs.command.errors import CommandError, UsageWrong
from libs.command.installation import admin_connection
from libs.runtime.keys import (
    SCOPES,
    KeyEntry,
    NameInvalid,
    ScopeUnknown,
    WorkspaceInvalid,
    create_key,
    list_keys,
    revoke_key,
)

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke access keys.")
SHORT = 12


class KeyUnknown(CommandError):
    """No key begins like that."""

    def __init__(self) -> None:
        super().__init__(
            "no key was revoked: give the key or 8 or more characters of its id, which `whystream keys list` shows"
        )


@app.command("create", epilog="Scopes: " + ", ".join(SCOPES))
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is, for example 'support desk'.")],
    scope: Annotated[list[str], typer.Option("--scope", "-s", help="What it may do; may be given several times.")],
    workspace: Annotated[str, typer.Option("--workspace", "-w", help="The workspace that it opens.")] = "default",
) -> None:
    """Make a key and print it: the only time that it can be seen. It works within a second."""

    async def run() -> str:
        async with admin_connection(Home.from_environment()) as client:
            return await create_key(client, workspace, name, scope)

    try:
        print(asyncio.run(run()))
    except (NameInvalid, ScopeUnknown, WorkspaceInvalid) as error:
        raise UsageWrong(str(error)) from None


@app.command("list")
def show() -> None:
    """List every key that is valid now. The keys themselves are nowhere kept."""

    async def run() -> list[KeyEntry]:
        async with admin_connection(Home.from_environment()) as client:
            return await list_keys(client)

    table = Table("id", "workspace", "name", "scopes", "created", box=None, header_style="bold")
    for entry in asyncio.run(run()):
        table.add_row(entry.digest[:SHORT], entry.workspace, entry.name, " ".join(entry.scopes), entry.created_at)
    Console(soft_wrap=True).print(table)


@app.command("revoke")
def revoke(key: Annotated[str, typer.Argument(help="The key itself, or the id that `keys list` shows.")]) -> None:
    """Revoke a key: within a second it opens nothing any more."""

    async def run() -> bool:
        async with admin_connection(Home.from_environment()) as client:
            return await revoke_key(client, key)

    if not asyncio.run(run()):
        raise KeyUnknown
    print("revoked")
