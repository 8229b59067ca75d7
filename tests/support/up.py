"""`whystream up` as a process that tests start, call through its front door, and end."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from deploy.embedded.credentials import admin_key
from deploy.embedded.home import Home

READY_WITHIN = 120.0
STOPPED_WITHIN = 60.0


class Up:
    """One running `whystream up`."""

    def __init__(self, home: Home, **environment: str) -> None:
        self.home = home
        with tempfile.NamedTemporaryFile("w", prefix="whystream-up-", delete=False) as output:
            self.output = Path(output.name)
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "libs.command.main", "up"],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ
                | {"WHYSTREAM_HOME": str(home.folder), "WHYSTREAM_PORT": str(home.front_port)}
                | environment,
            )

    def said(self) -> str:
        return self.output.read_text()

    def until_said(self, text: str, within: float = READY_WITHIN) -> None:
        until(lambda: text in self.said() or self.process.poll() is not None, within, f"{text!r} in {self.said()}")
        assert text in self.said()

    def ready(self) -> "Up":
        self.until_said(f"ready {self.home.url}\n")
        return self

    def end(self, number: signal.Signals) -> int:
        """Send the signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(STOPPED_WITHIN)

    def call(self, method: str, path: str, **request: Any) -> httpx.Response:
        key = admin_key(self.home.credentials_file)
        headers = {"Authorization": f"Bearer {key}"} | request.pop("headers", {})
        return httpx.request(method, f"{self.home.url}{path}", headers=headers, timeout=20, trust_env=False, **request)

    def pids(self) -> dict[str, int]:
        return {record["name"]: record["pid"] for record in json.loads(self.home.processes_file.read_text())}


@contextmanager
def running_up(home: Home, **environment: str) -> Iterator[Up]:
    """A running `whystream up`, ended for certain when the test leaves."""
    up = Up(home, **environment)
    try:
        yield up
    finally:
        if up.process.poll() is None:
            up.process.terminate()
            up.process.wait(STOPPED_WITHIN)
        up.output.unlink()


def left_running(home: Home) -> list[psutil.Process]:
    """Every process whose working folder is in the home, as that of everything started there is."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()).is_relative_to(home.folder):
                found.append(process)
        except psutil.Error:
            continue
    return found


def until(holds: Callable[[], bool], within: float, what: str) -> None:
    """Wait until it holds; fails with what was waited for. Bounded."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"not within {within:g} s: {what}"
        time.sleep(0.1)
