"""The ports of the inner processes: chosen free once, remembered, chosen again when another program took one."""

import errno
import random
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.errors import FrontDoorTaken, NoFreePorts
from deploy.embedded.files import read_json, write_json

# Below every usual range of ephemeral ports, so that no outgoing connection sits on a remembered port.
LOWEST, HIGHEST, BLOCK = 20_000, 32_000, 10
ATTEMPTS = 200


@dataclass(frozen=True)
class Ports:
    """Where the inner processes of one home listen, all on 127.0.0.1."""

    postgres: int
    nats: int
    nats_monitor: int
    services: dict[str, int]

    def all(self) -> list[int]:
        return [self.postgres, self.nats, self.nats_monitor, *self.services.values()]


def remembered_ports(file: Path, services: Sequence[str]) -> Ports:
    """The ports in the file when all are free, else a new free block, which is then remembered.

    Call it while nothing of this home runs. Raises NoFreePorts.
    """
    kept = _read(file, services)
    if kept and all(is_free(port) for port in kept.all()):
        return kept
    first = _free_block(3 + len(services))
    chosen = Ports(first, first + 1, first + 2, {name: first + 3 + n for n, name in enumerate(services)})
    write_json(file, {"postgres": first, "nats": first + 1, "nats_monitor": first + 2, "services": chosen.services})
    return chosen


def is_free(port: int) -> bool:
    """Whether a program could listen on this port of 127.0.0.1 now."""
    try:
        with front_door(port):
            return True
    except FrontDoorTaken:
        return False


@contextmanager
def front_door(port: int) -> Iterator[socket.socket]:
    """The listening socket of the front door, held from the start on and handed to the proxy.

    Held here, because the proxy would share its port silently with another installation's, and so that a proxy
    that restarts refuses no connection. Raises FrontDoorTaken, naming the variable to set.
    """
    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(("127.0.0.1", port))
            door.listen(1024)
        except OSError as refused:
            reasons = {errno.EADDRINUSE: "another program uses it", errno.EACCES: "ports below 1024 need more rights"}
            raise FrontDoorTaken(port, reasons.get(refused.errno or 0, str(refused))) from None
        yield door


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    return _free_block(1)


def _free_block(count: int) -> int:
    for _ in range(ATTEMPTS):
        first = random.randrange(LOWEST, HIGHEST, BLOCK)
        if all(is_free(port) for port in range(first, first + count)):
            return first
    raise NoFreePorts(
        f"no {count} free ports in a row between {LOWEST} and {HIGHEST} on 127.0.0.1 after {ATTEMPTS} tries; "
        "stop programs that listen there and start again"
    )


def _read(file: Path, services: Sequence[str]) -> Ports | None:
    try:
        stored = read_json(file, {})
        ports = Ports(
            int(stored["postgres"]),
            int(stored["nats"]),
            int(stored["nats_monitor"]),
            {name: int(stored["services"][name]) for name in services},
        )
    except (KeyError, TypeError, ValueError):
        return None
    return ports if all(0 < port < 65_536 for port in ports.all()) else None
