"""The Postgres of one home: its data folder made once, the server as a supervised child, and when it is ready."""

import os
import shutil
import signal
from pathlib import Path

import asyncpg
import psutil

from deploy.embedded.credentials import SUPERUSER
from deploy.embedded.errors import DatabaseMismatch
from deploy.embedded.files import write_private
from deploy.embedded.home import Home
from deploy.embedded.processes import Child, Program, Say, run_once
from deploy.embedded.programs import bare_environment, postgres_programs
from deploy.embedded.survivors import all_gone, kill_with_descendants
from deploy.embedded.system_user import check_readable, open_the_way, unprivileged_user
from deploy.embedded.waiting import READY, until_ready

NAME = "postgres"
MAJOR_VERSION = "18"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # TCP only: a socket's path has a length limit that a deep home would break.
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u ",
}


async def postgres_program(home: Home, port: int, superuser_password: str, say: Say) -> Program:
    """Make the data folder when there is none and say how to run the server on it.

    Raises ProgramMissing, SystemUserNeeded, DatabaseMismatch, or ProgramFailed when initdb fails.
    """
    programs = postgres_programs()
    user = unprivileged_user(say)
    if user is not None:
        check_readable(programs / "postgres")
        open_the_way(home.postgres, say)
        open_the_way(programs / "postgres", say)
    if not home.postgres.exists():
        await _initialise(home, programs, user, superuser_password)
    _check_version(home.postgres)
    await _end_orphans(home.postgres)
    settings = [argument for name, value in SETTINGS.items() for argument in ("-c", f"{name}={value}")]
    return Program(
        name=NAME,
        command=(str(programs / "postgres"), "-D", str(home.postgres), "-p", str(port), *settings),
        log=home.log(NAME),
        folder=home.folder,
        environment=bare_environment(home.folder),
        # SIGINT is the fast shutdown: sessions are ended, a checkpoint is written.
        stop_signal=signal.SIGINT,
        stop_within=30.0,
        user=user,
    )


async def wait_until_ready(child: Child, superuser_url: str, within: float = 120.0) -> None:
    """Return once the server takes connections. Raises ProgramFailed or DatabaseMismatch.

    After a crash the server replays its log first, so the wait is generous.
    """

    async def obstacle() -> str | None:
        try:
            connection = await asyncpg.connect(superuser_url, timeout=5)
        except asyncpg.InvalidPasswordError:
            raise DatabaseMismatch(
                "the database does not know the password in credentials.json; restore that file, or move "
                "the home away to begin anew"
            ) from None
        except (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError) as error:
            return str(error) or type(error).__name__
        await connection.close()
        return READY

    await until_ready(child, obstacle, within)


async def _initialise(home: Home, programs: Path, user: tuple[int, int] | None, password: str) -> None:
    # Made beside and renamed, so that an interrupted initdb is never taken for a database.
    beside = home.postgres.with_name("postgres.new")
    password_file = home.folder / "postgres.password"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(mode=0o700)
    try:
        write_private(password_file, password)
        if user is not None:
            os.chown(beside, *user)
            os.chown(password_file, *user)
        await run_once(_initdb(home, programs, user, beside, password_file), within=120.0)
    finally:
        password_file.unlink(missing_ok=True)
    beside.rename(home.postgres)


def _initdb(home: Home, programs: Path, user: tuple[int, int] | None, folder: Path, password_file: Path) -> Program:
    locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    access = (f"--username={SUPERUSER}", f"--pwfile={password_file}", "--auth=scram-sha-256")
    return Program(
        name="initdb",
        command=(str(programs / "initdb"), "--pgdata", str(folder), *locale, *access),
        log=home.log("initdb"),
        folder=home.folder,
        environment=bare_environment(home.folder),
        user=user,
    )


def _check_version(folder: Path) -> None:
    try:
        found = (folder / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise DatabaseMismatch(f"{folder} holds no Postgres database; move it away and start again") from None
    if found != MAJOR_VERSION:
        raise DatabaseMismatch(
            f"{folder} was made by Postgres {found}, and this is Postgres {MAJOR_VERSION}; dump it with Postgres "
            f"{found} (pg_dump), move the folder away, start again and restore the dump"
        )


async def _end_orphans(folder: Path) -> None:
    """End server processes that still work in this folder although nobody recorded them; drop a stale pid file.

    Postgres takes the pid in postmaster.pid for a running server even when, after a reboot, it is a stranger's.
    So the processes that really work in the folder decide.
    """
    if not (folder / "postmaster.pid").exists():
        return
    orphans = [process for process in psutil.process_iter(["name"]) if _works_in(process, folder)]
    for process in orphans:
        kill_with_descendants(process)
    if await all_gone(orphans, within=10.0):
        (folder / "postmaster.pid").unlink(missing_ok=True)


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.name() == "postgres" and Path(process.cwd()) == folder.resolve()
    except psutil.Error:
        return False
