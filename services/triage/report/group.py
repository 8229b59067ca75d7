"""What the command `whystream group` does; everything heavy is imported with this file, when it is called."""

import sys
from pathlib import Path

import typer
from rich.console import Console

from libs.files.columns import Columns, pairs
from services.triage.embedding.choose import choose_embedder
from services.triage.embedding.embedder import Embedder, EmbedderMissing, EmbedderUnknown
from services.triage.report.problems import find_groups, read_spoken, show_groups, show_refused, write_groups
from services.triage.report.stream import LineWrong, standard_lines


def group_file(path: Path, *, embedder: str, cache: Path, columns: list[str], most: int, out: Path | None) -> None:
    """Print the problems of a file. Raises FileUnreadable and MappingWrong; exits with 1 when nothing can be read."""
    console = Console(stderr=True)
    spoken, refused = read_spoken(path, Columns(pairs(columns, "--map"), {"source": path.name}))
    show_refused(refused, console)
    if not spoken:
        typer.echo(f"whystream: {path.name} has no line with a text; name its column: --map text=COLUMN", err=True)
        raise typer.Exit(1)
    groups = find_groups(spoken, _embedder(embedder, cache), console)
    show_groups(groups, spoken, most, Console())
    if out is not None:
        write_groups(groups, spoken, out)
        typer.echo(f"every line with its problem: {out}")
    if refused:
        raise typer.Exit(1)


def group_lines(*, embedder: str, cache: Path) -> None:
    """Answer JSON lines from standard input until it ends."""
    try:
        standard_lines(_embedder(embedder, cache))
    except LineWrong as error:
        print(f"whystream: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


def _embedder(name: str, cache: Path) -> Embedder:
    try:
        return choose_embedder(name, cache=cache)
    except EmbedderUnknown as error:
        raise typer.BadParameter(str(error), param_hint="--embedder") from None
    except EmbedderMissing as error:
        print(f"whystream: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
