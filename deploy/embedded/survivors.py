"""Processes that outlived their supervisor: recorded when started, found and stopped by the next one.

A recorded pid alone proves nothing, as the system gives pids again. So the time at which the process started is kept
beside it, and nothing is signalled whose start differs.
"""

import asyncio
import contextlib
import signal
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from deploy.embedded.files import read_json, write_json

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
GONE = (psutil.NoSuchProcess, psutil.ZombieProcess)


@dataclass(frozen=True)
class Recorded:
    """One started process: enough to recognise it later, and how to end it gently."""

    name: str
    pid: int
    started: str
    stop_signal: int


def start_mark(pid: int) -> str | None:
    """What tells this process from any other that ever had or will have its pid; None when it is gone.

    On Linux the boot and the kernel's own tick count, because the wall-clock start time that psutil derives
    from them moves when the clock is set; elsewhere psutil's create_time.
    """
    try:
        if BOOT_ID.exists():
            ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
            return f"{BOOT_ID.read_text().strip()}:{ticks}"
        return f"{psutil.Process(pid).create_time():.2f}"
    except (FileNotFoundError, ProcessLookupError, *GONE):
        return None


def write_records(file: Path, records: Iterable[Recorded]) -> None:
    """Remember exactly these processes for the next supervisor."""
    write_json(file, [asdict(record) for record in records])


async def stop_survivors(file: Path, *, within: float = 20.0) -> list[Recorded]:
    """End every recorded process that still runs: its own signal first, SIGKILL after `within` seconds.

    Returns those that were found. Call it only while holding the home's lock.
    """
    found = [(record, process) for record in _read_records(file) if (process := _same_process(record))]
    for record, process in found:
        _signal(process, signal.Signals(record.stop_signal))
    if not await all_gone([process for _, process in found], within):
        for _, process in found:
            kill_with_descendants(process)
        await all_gone([process for _, process in found], 5.0)
    write_records(file, [])
    return [record for record, _ in found]


def kill_with_descendants(process: psutil.Process) -> None:
    """SIGKILL to the process and to all that it started, found before the first of them dies."""
    try:
        family = [*process.children(recursive=True), process]
    except GONE:
        return
    for member in family:
        _signal(member, signal.SIGKILL)


def is_running(process: psutil.Process) -> bool:
    """Whether it runs; a zombie, which only waits for its parent to ask, does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except GONE:
        return False


async def all_gone(processes: list[psutil.Process], within: float) -> bool:
    """Wait until none of them runs; False when one still does after `within` seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while any(is_running(process) for process in processes):
        if loop.time() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True


def _same_process(record: Recorded) -> psutil.Process | None:
    try:
        process = psutil.Process(record.pid)
    except GONE:
        return None
    return process if start_mark(record.pid) == record.started and is_running(process) else None


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(*GONE):
        process.send_signal(number)


def _read_records(file: Path) -> list[Recorded]:
    return [Recorded(**entry) for entry in read_json(file, [])]
