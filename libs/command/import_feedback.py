"""`whystream import`: the words that are already somewhere, out of a file."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from deploy.embedded.home import Home
from libs.client import AsyncWhystream
from libs.command.errors import EXIT_FAILED, EXIT_INTERRUPTED
from libs.command.installation import caller
from libs.command.tail import safe
from libs.files.columns import FIELDS, CellWrong, Columns, pairs
from libs.files.rows import Row, format_of, rows

AT_ONCE = 500
SHOWN_ERRORS = 50
_EPILOG = (
    "Example: whystream import reviews.csv --source app-store --map text=Review --map customer.id=Account "
    f"--set rating.scale=5. Fields: {', '.join(FIELDS)}, metadata.NAME."
)


@dataclass
class Tally:
    """What became of the lines so far."""

    accepted: int = 0
    duplicate: int = 0
    quarantined: int = 0
    refused: int = 0
    last_line: int = 0
    errors: list[str] = field(default_factory=list)

    def refuse(self, line: int, why: str) -> None:
        """Count a line that does not go in, and keep why, unless there are very many."""
        self.refused += 1
        if len(self.errors) < SHOWN_ERRORS:
            self.errors.append(f"line {line}: {safe(why, 300)}")

    def __str__(self) -> str:
        return (
            f"{self.accepted} accepted, {self.duplicate} known already, {self.quarantined} quarantined, "
            f"{self.refused} refused"
        )


def import_feedback(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A .csv, .tsv, .jsonl or .json file.")],
    *,
    source: Annotated[str | None, typer.Option(help="Where the words come from, for example app-store.")] = None,
    columns: Annotated[
        list[str] | None, typer.Option("--map", metavar="FIELD=COLUMN", help="Which column holds a field.")
    ] = None,
    constants: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="A field that is the same for every line.")
    ] = None,
    format_: Annotated[
        Literal["csv", "jsonl", "json"] | None, typer.Option("--format", help="Default: by the file's ending.")
    ] = None,
    delimiter: Annotated[str | None, typer.Option(help="Between the columns of a CSV file (default: a comma).")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and map everything, send nothing.")] = False,
    url: Annotated[str | None, typer.Option(envvar="WHYSTREAM_URL", help="Default: this home's.")] = None,
    key: Annotated[str | None, typer.Option(envvar="WHYSTREAM_KEY", help="Default: this home's admin key.")] = None,
) -> None:
    """Bring feedback in from a file. Can be run again at any time: what is in already is recognised.

    A line that cannot be read is named with its reason and stops no other; then the exit code is 1.
    """
    if delimiter is not None and len(delimiter) != 1:
        raise typer.BadParameter("the delimiter must be one character", param_hint="--delimiter")
    fixed = pairs(constants or [], "--set") | ({"source": source} if source else {})
    mapping = Columns(pairs(columns or [], "--map"), fixed)
    found = rows(file, format_ or format_of(file), delimiter)
    tally = Tally()
    try:
        asyncio.run(_import(file, found, mapping, tally, None if dry_run else (url, key)))
    except KeyboardInterrupt:
        _conclude(tally, mapping, dry_run)
        print(f"interrupted near line {tally.last_line}; run the same command again to go on")
        raise SystemExit(EXIT_INTERRUPTED) from None
    _conclude(tally, mapping, dry_run)
    if tally.refused:
        raise SystemExit(EXIT_FAILED)


async def _import(
    file: Path, found: Iterator[Row], columns: Columns, tally: Tally, target: tuple[str | None, str | None] | None
) -> None:
    with _progress(file) as (progress, task):
        client = caller(Home.from_environment(), *target) if target else None
        try:
            while part := list(islice(found, AT_ONCE)):
                await send_part(part, columns, tally, client)
                progress.update(task, completed=part[-1].offset, description=f"line {tally.last_line}")
        finally:
            if client:
                await client.aclose()


async def send_part(part: list[Row], columns: Columns, tally: Tally, client: AsyncWhystream | None) -> None:
    """Map these rows and send them (with no client: only map them), counting what becomes of each."""
    lines, items = _mapped(part, columns, tally)
    if client is None:
        tally.accepted += len(items)
    elif items:
        for line, receipt in zip(lines, (await client.send_feedback(items)).items, strict=True):
            tally.accepted += receipt.status == "accepted"
            tally.duplicate += receipt.status == "duplicate"
            tally.quarantined += receipt.status == "quarantined"
            if receipt.status == "rejected":
                tally.refuse(line, receipt.problem)
    tally.last_line = part[-1].line


def _mapped(part: list[Row], columns: Columns, tally: Tally) -> tuple[list[int], list[dict[str, Any]]]:
    lines: list[int] = []
    items: list[dict[str, Any]] = []
    for row in part:
        try:
            if row.error:
                raise CellWrong(row.error)
            items.append(columns.feedback(row.values))
            lines.append(row.line)
        except CellWrong as wrong:
            tally.refuse(row.line, str(wrong))
    return lines, items


@contextmanager
def _progress(file: Path) -> Iterator[tuple[Progress, Any]]:
    console = Console(stderr=True)
    parts = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    # Without a terminal the summary at the end is enough.
    with Progress(*parts, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress, progress.add_task("reading", total=max(1, file.stat().st_size))


def _conclude(tally: Tally, columns: Columns, dry_run: bool) -> None:
    for error in tally.errors:
        typer.echo(error, err=True)
    if tally.refused > len(tally.errors):
        typer.echo(f"and {tally.refused - len(tally.errors)} more lines", err=True)
    if columns.ignored:
        names = ", ".join(sorted(safe(name, 60) for name in columns.ignored)[:20])
        typer.echo(f"left out: {names} (bring one in with --map metadata.NAME=COLUMN)", err=True)
    print(f"would send: {tally}" if dry_run else str(tally))
