"""Child processes that are kept running: started apart from the terminal, restarted when they die, stopped in order."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from deploy.embedded.errors import ProgramFailed
from deploy.embedded.survivors import Recorded, all_gone, kill_with_descendants, start_mark, write_records

LAUNCHER = Path(__file__).with_name("launch.py")
ROTATE_ABOVE = 10 * 1024 * 1024
Say = Callable[[str], None]


@dataclass(frozen=True)
class Program:
    """What to run and how to end it.

    `command` starts with an absolute path; `user` is (uid, gid); `inherits` are open file descriptors that it keeps.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    folder: Path
    environment: Mapping[str, str]
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within: float = 10.0
    user: tuple[int, int] | None = None
    inherits: tuple[int, ...] = ()


@dataclass(frozen=True)
class Backoff:
    """How long to wait before a restart: doubling, up to a ceiling, anew after a time of health. Seconds."""

    first: float = 0.5
    ceiling: float = 30.0
    healthy_after: float = 60.0

    def delay(self, deaths_in_a_row: int) -> float:
        """The wait after so many deaths with no time of health between them."""
        return min(self.ceiling, self.first * 2 ** min(deaths_in_a_row - 1, 30))


@dataclass(frozen=True)
class Time:
    """The clock and the sleep that restarts go by; another pair makes a test quick."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


async def spawn(program: Program) -> asyncio.subprocess.Process:
    """Start the program in its own session, its output appended to its log.

    A terminal's Ctrl-C does not reach it. On Linux it gets `stop_signal` when the calling thread ends, however it ends.
    """
    user = "-" if program.user is None else f"{program.user[0]}:{program.user[1]}"
    launcher = [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), str(int(program.stop_signal)), user]
    output = os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return await asyncio.create_subprocess_exec(
            *launcher,
            *program.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=program.folder,
            env=dict(program.environment),
            start_new_session=True,
            pass_fds=program.inherits,
        )
    finally:
        os.close(output)


async def run_once(program: Program, within: float) -> None:
    """Run the program to its end. Raises ProgramFailed when it fails or takes longer than `within` seconds."""
    begins = rotate(program.log)
    process = await spawn(program)
    try:
        code = await asyncio.wait_for(process.wait(), within)
    except TimeoutError:
        raise ProgramFailed(program.name, f"took longer than {within:g} seconds", program.log, begins) from None
    finally:
        if process.returncode is None:
            await _end(process, program)
    if code != 0:
        raise ProgramFailed(program.name, f"ended with {describe_exit(code)}", program.log, begins)


def rotate(log: Path) -> int:
    """Set a log above 10 MB aside as `<name>.log.1`, in place of the one before; returns where new output begins."""
    size = log.stat().st_size if log.exists() else 0
    if size <= ROTATE_ABOVE:
        return size
    log.replace(log.with_name(f"{log.name}.1"))
    return 0


def describe_exit(code: int) -> str:
    """An exit code in words: `exit code 3`, `signal SIGKILL`."""
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


class Child:
    """One program that is started again, with growing delay, whenever it ends without being told to."""

    def __init__(self, program: Program, backoff: Backoff, clock: Time, say: Say, changed: Callable[[], None]) -> None:
        self.program = program
        self.restarts = 0
        self._backoff, self._clock, self._say, self._changed = backoff, clock, say, changed
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self.record: Recorded | None = None
        self._log_begins = 0

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self.running else None

    @property
    def exit(self) -> str:
        """How it ended last, in words."""
        code = self._process.returncode if self._process else None
        return "never started" if code is None else describe_exit(code)

    async def start(self) -> None:
        """Start it and keep it running. Does nothing when it runs already."""
        if self._watch is None:
            await self._spawn()
            self._watch = asyncio.create_task(self._keep_running(), name=f"keep {self.program.name} running")

    async def stop(self) -> None:
        """End it for good: its stop signal, then SIGKILL after `stop_within` seconds. Does nothing when stopped."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
            self._watch = None
        if self._process is not None:
            await _end(self._process, self.program)
        self.record = None
        self._changed()

    async def kill(self) -> None:
        """SIGKILL it without telling anyone, as a crash would; it is restarted like after any other death."""
        if self._process is not None and self.running:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    def failed(self, what: str) -> ProgramFailed:
        """The error to raise when it did not do what it should, with what it wrote since it was started."""
        return ProgramFailed(self.program.name, what, self.program.log, self._log_begins)

    async def restarted(self, within: float = 60.0) -> None:
        """Return once it runs again after a death. Raises ProgramFailed when it takes longer than `within` seconds."""
        deadline = time.monotonic() + within
        while not self.running:
            if time.monotonic() > deadline:
                raise self.failed(f"was not restarted within {within:g} seconds")
            await asyncio.sleep(0.02)

    async def _spawn(self) -> None:
        self._log_begins = rotate(self.program.log)
        self._process = await spawn(self.program)
        mark = start_mark(self._process.pid)
        if mark is not None:
            self.record = Recorded(self.program.name, self._process.pid, mark, int(self.program.stop_signal))
            self._changed()

    async def _keep_running(self) -> None:
        deaths = 0
        while True:
            assert self._process is not None
            began = self._clock.now()
            await self._process.wait()
            deaths = 1 if self._clock.now() - began >= self._backoff.healthy_after else deaths + 1
            delay = self._backoff.delay(deaths)
            self._say(f"{self.program.name} ended with {self.exit}; starting it again in {delay:g} s")
            await self._clock.sleep(delay)
            try:
                await self._spawn()
            except OSError as refused:
                # No memory or no process slot for a moment: one more death, so the next try comes later.
                self._say(f"{self.program.name} could not be started: {refused}")
            self.restarts += 1


class ProcessTree:
    """Everything one supervisor runs, by name, recorded on disk so that a successor finds what survived it."""

    def __init__(
        self, records: Path, *, say: Say = lambda line: None, backoff: Backoff | None = None, clock: Time | None = None
    ) -> None:
        self._records, self._say = records, say
        self._backoff, self._clock = backoff or Backoff(), clock or Time()
        self._children: dict[str, Child] = {}

    def __getitem__(self, name: str) -> Child:
        return self._children[name]

    def __contains__(self, name: str) -> bool:
        return name in self._children

    async def start(self, program: Program) -> Child:
        """Start the program and keep it running."""
        child = Child(program, self._backoff, self._clock, self._say, self._write)
        self._children[program.name] = child
        await child.start()
        return child

    async def stop(self, *names: str) -> None:
        """Stop the named children side by side; those that were never started are passed over."""
        await asyncio.gather(*(self._children[name].stop() for name in names if name in self._children))

    async def stop_all(self) -> None:
        """Stop all children, the last started first, one after the other."""
        for name in reversed(list(self._children)):
            await self.stop(name)

    def _write(self) -> None:
        write_records(self._records, [child.record for child in self._children.values() if child.record])


async def _end(process: asyncio.subprocess.Process, program: Program) -> None:
    """End the process by its stop signal, or after `stop_within` seconds by SIGKILL, and then what it left behind."""
    if process.returncode is not None:
        return
    descendants = _descendants(process.pid)
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(program.stop_signal)
    try:
        await asyncio.wait_for(process.wait(), program.stop_within)
    except TimeoutError:
        with contextlib.suppress(psutil.NoSuchProcess):
            kill_with_descendants(psutil.Process(process.pid))
        await process.wait()
    for left in descendants:
        kill_with_descendants(left)
    await all_gone(descendants, within=5.0)


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
