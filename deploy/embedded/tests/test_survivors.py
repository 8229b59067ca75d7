"""What an earlier run left behind is ended; a stranger that got its pid is not touched."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from deploy.embedded.home import Home
from deploy.embedded.survivors import Recorded, is_running, start_mark, stop_survivors, write_records


@pytest.fixture
def sleeper() -> Iterator[psutil.Process]:
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"]) as process:
        yield psutil.Process(process.pid)
        process.kill()


async def test_a_survivor_is_found_and_ended(home: Home, sleeper: psutil.Process) -> None:
    survivor = Recorded("triage", sleeper.pid, start_mark(sleeper.pid) or "", signal.SIGTERM)
    write_records(home.processes_file, [survivor])
    assert await stop_survivors(home.processes_file) == [survivor]
    assert not is_running(sleeper)
    assert await stop_survivors(home.processes_file) == []


async def test_a_stranger_with_the_same_pid_is_left_alone(home: Home, sleeper: psutil.Process) -> None:
    started = start_mark(sleeper.pid)
    assert started
    earlier = f"{started.rpartition(':')[0]}:1"
    write_records(home.processes_file, [Recorded("triage", sleeper.pid, earlier, signal.SIGKILL)])
    assert await stop_survivors(home.processes_file) == []
    assert is_running(sleeper)


async def test_records_of_processes_that_are_gone_are_forgotten(home: Home, sleeper: psutil.Process) -> None:
    record = Recorded("triage", sleeper.pid, start_mark(sleeper.pid) or "", signal.SIGTERM)
    sleeper.kill()
    write_records(home.processes_file, [record])
    assert await stop_survivors(home.processes_file) == []


def test_the_mark_of_a_process_stays_and_differs_from_others(sleeper: psutil.Process) -> None:
    assert start_mark(sleeper.pid) == start_mark(sleeper.pid) != start_mark(os.getpid())
    assert start_mark(2**22 + 1) is None


async def test_a_home_without_records_has_no_survivors(home: Home) -> None:
    assert await stop_survivors(home.processes_file) == []
