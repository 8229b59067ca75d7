"""`whystream up`: everything on this machine, until it is told to stop."""

import asyncio
import contextlib
import sys

from deploy.embedded.errors import EmbeddedError
from deploy.embedded.home import Home
from deploy.embedded.supervisor import up as run_everything

EXIT_COULD_NOT_START = 1


def up() -> None:
    """Start everything here, print `ready http://…` when it is, and stop it all at Ctrl-C or TERM."""
    try:
        asyncio.run(run_everything(Home.from_environment(), on_progress=_print))
    except EmbeddedError as error:
        print(f"whystream up: {error}", file=sys.stderr)
        raise SystemExit(EXIT_COULD_NOT_START) from None


def _print(line: str) -> None:
    # Whoever read our output may be gone; that is no reason to stop running.
    with contextlib.suppress(OSError):
        print(line, flush=True)


if __name__ == "__main__":
    up()
