"""`whystream demo --once`: the whole story on real parts, verified by the command itself; nothing is left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.embedded.home import Home, temporary_home
from libs.command.demo.tell import STEPS
from libs.command.errors import EXIT_INTERRUPTED

STORY_WITHIN = 240.0


@pytest.fixture
def home() -> Iterator[Home]:
    with temporary_home() as made:
        yield made


def start(home: Home, output: Path) -> subprocess.Popen[bytes]:
    place = {"WHYSTREAM_HOME": str(home.folder), "WHYSTREAM_PORT": str(home.front_port)}
    command = [sys.executable, "-P", "-m", "libs.command.main", "demo", "--once"]
    with output.open("wb") as file:
        return subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=os.environ | place)


def end(process: subprocess.Popen[bytes], within: float = STORY_WITHIN) -> int:
    """Its exit code. One that takes too long is asked to stop, so that the test leaves nothing either."""
    try:
        return process.wait(within)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait(60)
        raise


def left_running(home: Home) -> list[str]:
    """Every process whose working folder is in the home, as that of everything started there is."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()).is_relative_to(home.folder):
                found.append(process.name())
        except psutil.Error:
            continue
    return found


def test_the_story_is_told_and_can_be_told_again(home: Home, tmp_path: Path) -> None:
    output = tmp_path / "out.txt"
    assert end(start(home, output)) == 0, output.read_text()
    first = output.read_text()
    for number, (title, _) in enumerate(STEPS, start=1):
        assert f"{number}. {title}" in first
    assert "357 pieces of feedback triaged" in first
    assert "the story was told and verified in" in first
    assert f"{home.url}/enter/" in first
    assert left_running(home) == []

    assert end(start(home, output)) == 0, output.read_text()
    assert "all of the sample was here already" in output.read_text()
    assert left_running(home) == []


def test_an_interrupted_story_stops_everything(home: Home, tmp_path: Path) -> None:
    output = tmp_path / "out.txt"
    process = start(home, output)
    deadline = time.monotonic() + 120
    while "3. A team asks to be told" not in output.read_text() and process.poll() is None:
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert end(process, 60) == EXIT_INTERRUPTED, output.read_text()
    assert left_running(home) == []
