"""Programs that are quick to start, in place of the real ones."""

import sys

from deploy.embedded.home import Home
from deploy.embedded.processes import Program


def python_program(home: Home, code: str, *, name: str = "program", stop_within: float = 10.0) -> Program:
    """A supervised program that runs this piece of Python."""
    return Program(
        name=name,
        command=(sys.executable, "-I", "-S", "-u", "-c", code),
        log=home.log(name),
        folder=home.folder,
        environment={},
        stop_within=stop_within,
    )
