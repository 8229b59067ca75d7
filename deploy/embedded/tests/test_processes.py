"""A child is kept running, is stopped for certain, and never outlives its supervisor."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.embedded.errors import ProgramFailed, last_lines
from deploy.embedded.files import read_json
from deploy.embedded.home import Home
from deploy.embedded.processes import ROTATE_ABOVE, Backoff, ProcessTree, Time, rotate, run_once
from deploy.embedded.survivors import all_gone, stop_survivors
from deploy.embedded.tests.stand_ins import python_program

FOREVER = "import time; print('up'); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(600)"


class StandInTime:
    """A clock on which each run of a program lasts as long as given, and a sleep that only notes how long it was."""

    def __init__(self, lifetimes: list[float]) -> None:
        self.waits: list[float] = []
        self.all_waited = asyncio.Event()
        self._expected = len(lifetimes)
        self._moments = self._walk(lifetimes)

    def _walk(self, lifetimes: list[float]) -> Iterator[float]:
        moment = 0.0
        for lifetime in lifetimes:
            yield moment
            moment += lifetime
            yield moment

    def now(self) -> float:
        return next(self._moments)

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        if len(self.waits) == self._expected:
            self.all_waited.set()
            await asyncio.Event().wait()


async def _waits(home: Home, lifetimes: list[float]) -> list[float]:
    clock = StandInTime(lifetimes)
    tree = ProcessTree(home.processes_file, clock=Time(clock.now, clock.sleep))
    await tree.start(python_program(home, "raise SystemExit(3)"))
    await asyncio.wait_for(clock.all_waited.wait(), 30)
    await tree.stop_all()
    return clock.waits


async def test_a_child_that_keeps_dying_is_restarted_with_growing_delay(home: Home) -> None:
    assert await _waits(home, [0.0] * 9) == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


async def test_a_time_of_health_makes_the_delay_short_again(home: Home) -> None:
    assert await _waits(home, [0, 59.9, 60, 0, 0]) == [0.5, 1, 0.5, 1, 2]


async def test_a_killed_child_runs_again_under_a_new_pid_and_is_recorded(home: Home) -> None:
    said: list[str] = []
    tree = ProcessTree(home.processes_file, say=said.append, backoff=Backoff(first=0.01))
    child = await tree.start(python_program(home, FOREVER))
    first = child.pid
    await child.kill()
    await child.restarted(within=10)
    assert child.pid != first
    assert child.restarts == 1
    assert [record["pid"] for record in read_json(home.processes_file, [])] == [child.pid]
    assert said == ["program ended with signal SIGKILL; starting it again in 0.01 s"]
    await tree.stop_all()
    assert read_json(home.processes_file, None) == []


async def test_a_stopped_child_stays_stopped_until_it_is_started_again(home: Home) -> None:
    tree = ProcessTree(home.processes_file, backoff=Backoff(first=0.01))
    child = await tree.start(python_program(home, FOREVER))
    await child.stop()
    await child.stop()
    await asyncio.sleep(0.1)
    assert not child.running
    assert child.exit == "signal SIGTERM"
    await child.start()
    assert child.running
    await tree.stop_all()


async def test_a_child_that_ignores_the_signal_is_killed_with_its_descendants(home: Home) -> None:
    with_descendant = f"import subprocess, sys; subprocess.Popen([sys.executable, '-u', '-c', {FOREVER!r}]); {STUBBORN}"
    tree = ProcessTree(home.processes_file)
    child = await tree.start(python_program(home, with_descendant, stop_within=0.2))
    await _until_logged(home.log("program"), "upup")
    assert child.pid
    descendants = psutil.Process(child.pid).children()
    await child.stop()
    assert child.exit == "signal SIGKILL"
    assert len(descendants) == 1
    assert await all_gone(descendants, within=5)


async def test_what_a_stopped_child_leaves_behind_is_ended_too(home: Home) -> None:
    with_descendant = f"import subprocess, sys; subprocess.Popen([sys.executable, '-u', '-c', {STUBBORN!r}]); {FOREVER}"
    tree = ProcessTree(home.processes_file)
    child = await tree.start(python_program(home, with_descendant))
    await _until_logged(home.log("program"), "upup")
    assert child.pid
    descendants = psutil.Process(child.pid).children()
    await child.stop()
    assert child.exit == "signal SIGTERM"
    assert len(descendants) == 1
    assert await all_gone(descendants, within=0)


async def test_a_child_is_out_of_reach_of_the_terminals_ctrl_c(home: Home) -> None:
    tree = ProcessTree(home.processes_file)
    child = await tree.start(python_program(home, FOREVER))
    assert child.pid
    assert os.getsid(child.pid) == child.pid != os.getsid(0)
    await tree.stop_all()


async def test_the_last_started_is_stopped_first(home: Home) -> None:
    ends = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('end', time.monotonic())))\n"
        "print('up'); time.sleep(600)"
    )
    tree = ProcessTree(home.processes_file)
    for name in ("first", "second"):
        await tree.start(python_program(home, ends, name=name))
        await _until_logged(home.log(name), "up")
    await tree.stop_all()
    ended = {name: float(home.log(name).read_text().split()[-1]) for name in ("first", "second")}
    assert ended["second"] < ended["first"]


async def test_a_job_that_fails_shows_the_end_of_its_log(home: Home) -> None:
    code = "[print(f'line {n}') for n in range(40)]; raise SystemExit('the disk is full')"
    with pytest.raises(ProgramFailed, match=r"(?s)program ended with exit code 1.*line 39.*the disk is full") as failed:
        await run_once(python_program(home, code), within=20)
    assert "line 3\n" not in str(failed.value)


async def test_what_an_earlier_run_wrote_is_not_taken_for_the_reason(home: Home) -> None:
    with pytest.raises(ProgramFailed, match="the disk is full"):
        await run_once(python_program(home, "raise SystemExit('the disk is full')"), within=20)
    with pytest.raises(ProgramFailed, match="program wrote nothing") as failed:
        await run_once(python_program(home, "raise SystemExit(1)"), within=20)
    assert "the disk is full" not in str(failed.value)


async def test_a_long_line_is_shown_by_its_beginning_and_its_end(home: Home) -> None:
    with pytest.raises(ProgramFailed, match=r"begin-.* \[…\] .*-end") as failed:
        await run_once(python_program(home, "raise SystemExit('begin-' + 'x' * 20_000 + '-end')"), within=20)
    assert len(str(failed.value)) < 2_000


async def test_a_job_that_takes_too_long_is_ended(home: Home) -> None:
    with pytest.raises(ProgramFailed, match=r"took longer than 0\.3 seconds"):
        await run_once(python_program(home, FOREVER), within=0.3)
    assert not [process for process in psutil.Process().children() if str(home.folder) == process.cwd()]


def test_only_a_large_log_is_set_aside(tmp_path: Path) -> None:
    small, large = tmp_path / "small.log", tmp_path / "large.log"
    small.write_bytes(b"x")
    large.write_bytes(b"x" * (ROTATE_ABOVE + 1))
    assert [rotate(log) for log in (small, large, tmp_path / "missing.log")] == [1, 0, 0]
    assert small.exists()
    assert not large.exists()
    assert (tmp_path / "large.log.1").stat().st_size == ROTATE_ABOVE + 1


async def test_logs_are_for_their_owner_only(home: Home) -> None:
    await run_once(python_program(home, "print('secret')"), within=20)
    assert home.log("program").stat().st_mode & 0o077 == 0


SUPERVISOR = f"""
import asyncio, sys
from pathlib import Path
from deploy.embedded.home import Home
from deploy.embedded.processes import ProcessTree
from deploy.embedded.tests.stand_ins import python_program

async def main():
    home = Home(Path(sys.argv[1]))
    tree = ProcessTree(home.processes_file)
    for name in ("gentle", "stubborn"):
        await tree.start(python_program(home, {FOREVER!r} if name == "gentle" else {STUBBORN!r}, name=name))
    while not all(home.log(name).read_text() for name in ("gentle", "stubborn")):
        await asyncio.sleep(0.02)
    print("running", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_nothing_outlives_a_killed_supervisor_and_its_successor(home: Home) -> None:
    started = _killed_supervisor(home)
    survivors = await stop_survivors(home.processes_file, within=0.5)
    # On Linux the gentle one has ended by itself by now or is about to; the stubborn one needs the successor.
    assert "stubborn" in {survivor.name for survivor in survivors}
    assert len(started) == 2
    assert await all_gone(started, within=5)
    assert await stop_survivors(home.processes_file) == []


if sys.platform == "linux":

    async def test_a_killed_supervisor_takes_its_children_along(home: Home) -> None:
        gentle, stubborn = _killed_supervisor(home)
        assert await all_gone([gentle], within=10)
        stubborn.kill()


def _killed_supervisor(home: Home) -> list[psutil.Process]:
    """The children, gentle and stubborn, of a supervisor that was just killed with SIGKILL."""
    with subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(home.folder)], stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout
        assert supervisor.stdout.readline() == b"running\n"
        children = [psutil.Process(record["pid"]) for record in read_json(home.processes_file, [])]
        supervisor.send_signal(signal.SIGKILL)
    return children


async def _until_logged(log: Path, text: str) -> None:
    for _ in range(500):
        if text in "".join(last_lines(log)):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{text!r} never appeared in {log}: {last_lines(log)}")
