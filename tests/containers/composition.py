"""docker-compose.yml as a test uses it: a project, passwords and a port of its own, and an end to every command."""

import shutil
import subprocess
from functools import cached_property
from os import PathLike
from pathlib import Path

from testcontainers.compose import DockerCompose

from deploy.containers.credentials import complete

ROOT = Path(__file__).parents[2]
FILES = ["docker-compose.yml", "tests/containers/receiver.yml"]
# The first build fetches every package.
BUILT_WITHIN = 1_500.0


class ComposeMissing(Exception):
    """There is no Docker Compose on this machine."""


class ComposeFailed(Exception):
    """A command of Docker Compose failed; the message has what it said."""


class Composition(DockerCompose):
    """The platform as containers, with a receiver for its notifications beside it."""

    def __init__(self, project: str, settings: Path) -> None:
        super().__init__(ROOT, compose_file_name=list(FILES), env_file=str(settings), build=True, wait=False)
        self.project = project

    @cached_property
    def compose_command_property(self) -> list[str]:
        assert isinstance(self.compose_file_name, list)
        assert isinstance(self.env_file, list)
        files = [argument for file in self.compose_file_name for argument in ("--file", file)]
        return [*compose_command(), "--project-name", self.project, *files, "--env-file", *self.env_file]

    def _run_command(
        self, cmd: str | list[str], context: str | PathLike[str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        # As in the base, but it ends for certain, and a failure shows what Compose said.
        done = subprocess.run(cmd, capture_output=True, cwd=context or ROOT, timeout=BUILT_WITHIN, check=False)
        if done.returncode != 0:
            said = (done.stdout + done.stderr).decode(errors="replace")[-6_000:]
            raise ComposeFailed(f"{' '.join(cmd)} ended with {done.returncode}:\n{said}")
        return done

    def run(self, *arguments: str) -> str:
        """Run one command of Compose on this project and return what it wrote. Raises ComposeFailed."""
        return self._run_command([*self.compose_command_property, *arguments]).stdout.decode()


def compose_command() -> list[str]:
    """Docker Compose, as a plugin or as a command of its own. Raises ComposeMissing."""
    if shutil.which("docker"):
        plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, timeout=30, check=False)
        if plugin.returncode == 0:
            return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    raise ComposeMissing("neither `docker compose` nor `docker-compose` works here; install Docker Compose")


def write_settings(folder: Path, **settings: str) -> Path:
    """A settings file with new passwords, as `make up-containers` makes it, and these settings."""
    shutil.copy(ROOT / "docker-compose.yml", folder)
    complete(folder)
    file = folder / ".env"
    file.write_text(file.read_text() + "".join(f"{name}={value}\n" for name, value in settings.items()))
    return file
