"""One installation's folder: where its data, credentials, ports and logs live, and who may run it."""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.errors import AlreadyRunning, HomeUnusable, InvalidSetting
from deploy.embedded.ports import free_port

DEFAULT_FRONT_PORT = 8080


@dataclass(frozen=True)
class Home:
    """The folder that one installation owns, and the port of its front door."""

    folder: Path
    front_port: int = DEFAULT_FRONT_PORT

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Home":
        """The home that WHYSTREAM_HOME and WHYSTREAM_PORT name (default: .whystream in this folder, 8080)."""
        folder = Path(environment.get("WHYSTREAM_HOME") or ".whystream").expanduser().absolute()
        return cls(folder, _port(environment.get("WHYSTREAM_PORT") or str(DEFAULT_FRONT_PORT)))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.front_port}"

    @property
    def lock_file(self) -> Path:
        return self.folder / "lock"

    @property
    def credentials_file(self) -> Path:
        return self.folder / "credentials.json"

    @property
    def ports_file(self) -> Path:
        return self.folder / "ports.json"

    @property
    def processes_file(self) -> Path:
        return self.folder / "processes.json"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def nats(self) -> Path:
        return self.folder / "nats"

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @property
    def caddy(self) -> Path:
        return self.folder / "caddy"

    def log(self, name: str) -> Path:
        """Where the output of the process `name` goes."""
        return self.logs / f"{name}.log"

    def prepare(self) -> None:
        """Make the folders that are missing; the home keeps itself out of git, as it holds credentials."""
        if not self.folder.exists():
            self.folder.mkdir(mode=0o700, parents=True)
        for folder in (self.logs, self.nats, self.caddy):
            folder.mkdir(mode=0o700, exist_ok=True)
        ignore = self.folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold this home exclusively. Raises AlreadyRunning, naming the holder, or HomeUnusable.

        The kernel drops the lock when its holder dies, however it dies, so there is no stale lock to clean up.
        """
        try:
            self.prepare()
            descriptor = os.open(self.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as reason:
            raise HomeUnusable(self.folder, reason) from None
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AlreadyRunning(self.folder, *_holder(descriptor)) from None
            _write_holder(descriptor, {"pid": os.getpid(), "url": self.url})
            yield
            _write_holder(descriptor, None)
        finally:
            os.close(descriptor)


@contextmanager
def temporary_home() -> Iterator[Home]:
    """A home that is deleted at the end, with a free front port: for tests, drills and benchmarks.

    It lies directly in the system's folder for temporary files, not under pytest's, because pytest takes the
    traverse permission that Postgres needs (when started by root) away again.
    """
    folder = Path(tempfile.mkdtemp(prefix="whystream-"))
    try:
        yield Home(folder, free_port())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65_535):
        raise InvalidSetting(f"WHYSTREAM_PORT is {text!r}; set it to a port number between 1 and 65535")
    return int(text)


def _holder(descriptor: int) -> tuple[int | None, str | None]:
    # Between taking the lock and writing its name the holder is unknown for a moment.
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
        return int(holder["pid"]), str(holder["url"])
    except (ValueError, KeyError, TypeError):
        return None, None


def _write_holder(descriptor: int, holder: Mapping[str, object] | None) -> None:
    os.ftruncate(descriptor, 0)
    if holder:
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
