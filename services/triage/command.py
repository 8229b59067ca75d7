"""The commands that triage adds to `whystream`; they need no platform. Heavy imports happen when one is called."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()

_EPILOG = (
    "Examples: whystream group reviews.csv --map text=Review --map customer.id=Account · "
    "whystream group --jsonl < items.jsonl"
)


@app.command(epilog=_EPILOG)
def group(
    file: Annotated[
        Path | None, typer.Argument(exists=True, dir_okay=False, help="A .csv, .tsv, .jsonl or .json file of feedback.")
    ] = None,
    *,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="JSON lines from standard input, answered with id, cluster, confidence.")
    ] = False,
    columns: Annotated[
        list[str] | None, typer.Option("--map", metavar="FIELD=COLUMN", help="Which column holds a field.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many problems to print, the largest first.")] = 10,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write every line with its problem to this CSV.")
    ] = None,
    embedder: Annotated[
        str, typer.Option(envvar="WHYSTREAM_EMBEDDER", help="light, quality, multilingual; auto: the best installed.")
    ] = "auto",
    home: Annotated[Path, typer.Option(envvar="WHYSTREAM_HOME", help="Where built models are kept.")] = Path(
        ".whystream"
    ),
) -> None:
    """Find the problems behind the words of a file, without a platform.

    A line that cannot be read is named and stops no other; then the exit code is 1.
    """
    if jsonl == (file is not None):
        raise typer.BadParameter("give a file, or --jsonl and the lines on standard input")
    from services.triage.report.group import group_file, group_lines  # noqa: PLC0415 - NumPy only when called

    if file is None:
        group_lines(embedder=embedder, cache=home / "models")
    else:
        group_file(file, embedder=embedder, cache=home / "models", columns=columns or [], most=top, out=out)
