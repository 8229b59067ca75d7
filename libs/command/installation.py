"""The installation that a command works on: where its parts listen, and what opens them."""

import fcntl
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import nats
import nats.errors
from nats.aio.client import Client

from deploy.embedded.files import read_json
from deploy.embedded.home import Home
from deploy.embedded.roles import DATABASE
from libs.client import AsyncWhystream, Retries
from libs.command.errors import KeyMissing, NotInstalled, NotRunning

ADMIN = "admin"


@dataclass(frozen=True)
class Holder:
    """Who runs a home now, and where its front door is."""

    pid: int
    url: str


@dataclass(frozen=True)
class Installation:
    """A home that was started at least once: its remembered ports and credentials."""

    home: Home
    _ports: dict[str, Any]
    _credentials: dict[str, Any]

    @property
    def admin_key(self) -> str | None:
        return self._credentials.get("admin_key")

    @property
    def services(self) -> dict[str, str]:
        """The address of each service's own port, where its probes are."""
        return {name: f"http://127.0.0.1:{port}" for name, port in self._ports["services"].items()}

    def nats_url(self, user: str = ADMIN) -> str:
        return f"nats://{user}:{self._credentials['nats'][user]}@127.0.0.1:{self._ports['nats']}"

    def database_url(self, service: str) -> str:
        password = self._credentials["postgres"][service]
        return f"postgresql://{service}:{password}@127.0.0.1:{self._ports['postgres']}/{DATABASE}"


def installation(home: Home) -> Installation:
    """The installation in this home. Raises NotInstalled when nothing was ever started in it."""
    ports, credentials = read_json(home.ports_file, None), read_json(home.credentials_file, None)
    if not ports or not credentials:
        raise NotInstalled(home.folder)
    return Installation(home, ports, credentials)


def holder(home: Home) -> Holder | None:
    """Who runs this home now; None when nobody does."""
    try:
        with home.lock_file.open("rb") as file:
            found = json.loads(file.read(4096))
            named = Holder(int(found["pid"]), str(found["url"]))
            return named if _locked(file) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _locked(file: BinaryIO) -> bool:
    # A killed supervisor leaves its name behind but not its lock. While it lives, this try fails at once.
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def address(home: Home, url: str | None, key: str | None) -> tuple[str, str]:
    """The URL and key to call the API with: as given, else those of this home. Raises KeyMissing."""
    if key is None and home.credentials_file.exists():
        key = installation(home).admin_key
    if key is None:
        raise KeyMissing
    running = holder(home)
    return url or (running.url if running else home.url), key


def caller(home: Home, url: str | None = None, key: str | None = None, *, patient: bool = True) -> AsyncWhystream:
    """A client of the public API; `patient` tries failed calls again for some seconds."""
    url, key = address(home, url, key)
    retries = Retries() if patient else Retries(attempts=2)
    return AsyncWhystream(url, key, retries=retries, trust_env=False, timeout=60.0)


@asynccontextmanager
async def admin_connection(home: Home) -> AsyncIterator[Client]:
    """A NATS connection that may do everything in this home. Raises NotInstalled or NotRunning."""
    found = installation(home)
    try:
        client = await nats.connect(found.nats_url(), connect_timeout=3, allow_reconnect=False, error_cb=_quiet)
    except (OSError, nats.errors.Error, TimeoutError) as error:
        raise NotRunning(f"NATS of {home.folder} does not answer ({error or type(error).__name__})") from None
    try:
        yield client
    finally:
        await client.close()


async def _quiet(error: Exception) -> None:
    """The error is raised as well; printing it twice helps nobody."""
