"""The health check: it passes only for the answer that it was told to expect."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from deploy.containers import answers
from deploy.embedded.ports import free_port


@pytest.fixture
def port() -> Iterator[int]:
    class NotReady(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503)
            self.end_headers()
            self.wfile.write(b"schema is behind")

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), NotReady)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("status", "code"), [(200, 1), (503, 0)])
def test_it_says_what_was_answered(port: int, status: int, code: int) -> None:
    done = _check(port, status)
    assert (done.returncode, done.stdout) == (code, "503 schema is behind\n")


def test_nothing_that_answers_is_a_failure_too() -> None:
    done = _check(free_port(), 200)
    assert done.returncode == 1
    assert "ConnectionRefusedError" in done.stdout


def _check(port: int, status: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", Path(answers.__file__), str(port), "/readyz", str(status)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
