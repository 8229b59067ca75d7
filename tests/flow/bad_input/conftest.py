"""One platform for all tests of bad input, with two workspaces full of things, and a look at it when all is done."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from contracts.catalog import SERVICES
from tests.flow.bad_input.platform import Platform, running_platform
from tests.flow.bad_input.seed import Seeded, seed
from tests.support.up import until

_running = ExitStack()


@pytest.fixture(scope="session")
def platform() -> Platform:
    found = _running.enter_context(running_platform())
    _running.callback(unharmed, found, found.up.pids())
    return found


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Stop the platform after this folder's last test: no other test should share the machine with it."""
    if nextitem is None or not nextitem.path.is_relative_to(Path(__file__).parent):
        _running.close()


def unharmed(platform: Platform, pids: dict[str, int]) -> None:
    """After all of it: the same processes, all ready, everything said is out, and no error that nobody expected."""
    assert platform.up.pids() == pids
    for service in SERVICES:
        ready = httpx.get(f"http://127.0.0.1:{platform.ports['services'][service]}/readyz", trust_env=False)
        assert ready.status_code == 200, ready.text
        log = platform.up.home.log(service).read_text()
        assert "unexpected error" not in log
        assert "encountered error" not in log  # nats-py, when its read loop ends
    waiting = " + ".join(f"(SELECT count(*) FROM {service}.outbox WHERE published_at IS NULL)" for service in SERVICES)
    until(lambda: platform.sql(f"SELECT {waiting}")[0][0] == 0, 20, "everything said is in the stream")


@pytest.fixture(scope="session")
def hook() -> Iterator[str]:
    """A receiver that is content with everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def seeds(platform: Platform, hook: str) -> tuple[Seeded, Seeded]:
    with ThreadPoolExecutor(2) as both:
        first, second = both.map(lambda name: seed(platform, name, hook), ("victim", "stranger"))
    return first, second


@pytest.fixture(scope="session")
def victim(seeds: tuple[Seeded, Seeded]) -> Seeded:
    return seeds[0]


@pytest.fixture(scope="session")
def stranger(seeds: tuple[Seeded, Seeded]) -> Seeded:
    return seeds[1]


@pytest.fixture
def fresh(platform: Platform) -> str:
    """An admin key of a workspace that holds nothing."""
    return platform.key(f"fresh-{uuid4().hex[:8]}", "admin")
