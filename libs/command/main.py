"""The `whystream` command: thin, over the public API and what runs on this machine."""

import sys
from importlib import import_module
from pathlib import Path

import typer

from deploy.embedded.errors import EmbeddedError
from libs.client import WhystreamError
from libs.command import access_keys, dead
from libs.command.demo.command import demo
from libs.command.doctor import doctor
from libs.command.errors import EXIT_FAILED, EXIT_INTERRUPTED, CommandError
from libs.command.import_feedback import import_feedback
from libs.command.republish import republish
from libs.command.tail import tail
from libs.command.up import up
from libs.files.errors import FileUnreadable, MappingWrong

HELP = """Whystream carries a customer's words to a decision that everyone understands, and keeps the thread unbroken.

Data lives in WHYSTREAM_HOME (default: .whystream in this folder); the front door's port is WHYSTREAM_PORT (8080).
"""

app = typer.Typer(
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(up)
app.command()(demo)
app.command("import")(import_feedback)
app.add_typer(access_keys.app, name="keys")
app.command()(tail)
app.command()(doctor)
app.command()(republish)
app.add_typer(dead.app, name="dead")

# A service brings its own commands in its room `command.py`. They are found by that name, as migrations are: this file
# knows no service, and a folder that is there needs no entry in a list and no new installation.
for _room in sorted((Path(__file__).parents[2] / "services").glob("*/command.py")):
    app.add_typer(import_module(f"services.{_room.parent.name}.command").app)


def main() -> None:
    """Run the command. Exit codes: 0 done · 1 it could not be done, and why · 2 called wrongly · 130 interrupted."""
    try:
        app()
    except (CommandError, EmbeddedError, FileUnreadable, MappingWrong, WhystreamError) as error:
        print(f"whystream: {error}", file=sys.stderr)
        raise SystemExit(EXIT_FAILED) from None
    except KeyboardInterrupt:
        raise SystemExit(EXIT_INTERRUPTED) from None


if __name__ == "__main__":
    main()
