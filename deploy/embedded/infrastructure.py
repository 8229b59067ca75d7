"""Postgres and NATS of one home, ready to use: what the services stand on, and what tests and drills play with."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from contracts.catalog import SERVICES
from deploy.embedded import nats, postgres
from deploy.embedded.credentials import SUPERUSER, Credentials, kept_credentials
from deploy.embedded.home import Home
from deploy.embedded.ports import Ports, remembered_ports
from deploy.embedded.processes import ProcessTree, Program, Say
from deploy.embedded.roles import DATABASE, ensure_database
from deploy.embedded.survivors import stop_survivors
from deploy.embedded.waiting import side_by_side
from libs.messaging.topology import Permissions, nats_permissions


def _quiet(line: str) -> None:
    """Say nothing."""


class Infrastructure:
    """The addresses of one home's running Postgres and NATS, and the switches for drills."""

    def __init__(
        self,
        home: Home,
        processes: ProcessTree,
        permissions: Mapping[str, Permissions],
        say: Say,
    ) -> None:
        self.home, self.processes, self._permissions, self._say = home, processes, permissions, say
        self.ports: Ports = remembered_ports(home.ports_file, SERVICES)
        self.credentials: Credentials = kept_credentials(home.credentials_file, permissions, SERVICES)

    def database_url(self, service: str) -> str:
        """The URL with which this service's role reaches its schema, and no other."""
        return self._postgres_url(service, DATABASE)

    @property
    def superuser_url(self) -> str:
        """The superuser's URL of the same database."""
        return self._postgres_url(SUPERUSER, DATABASE)

    def nats_url(self, user: str) -> str:
        """The URL with which this NATS user connects; `admin` may do everything."""
        return f"nats://{user}:{self.credentials.nats[user]}@127.0.0.1:{self.ports.nats}"

    @property
    def nats_monitor_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.nats_monitor}"

    async def start_nats(self) -> None:
        """Start NATS, or start it again after `stop_nats`, and wait until it is ready."""
        if nats.NAME not in self.processes:
            passwords = self.credentials.nats
            await self.processes.start(nats.nats_program(self.home, self.ports, self._permissions, passwords))
        else:
            await self.processes[nats.NAME].start()
        await nats.wait_until_ready(self.processes[nats.NAME], self.nats_monitor_url)

    async def stop_nats(self) -> None:
        """Stop NATS as an operator would; it stays down until `start_nats`."""
        await self.processes.stop(nats.NAME)

    async def restart_nats(self) -> None:
        """Stop NATS and start it again, ready."""
        await self.stop_nats()
        await self.start_nats()

    async def kill_nats(self) -> None:
        """kill -9 NATS, as a crash would end it, and wait until it was restarted and is ready."""
        await self.processes[nats.NAME].kill()
        await self.processes[nats.NAME].restarted()
        await nats.wait_until_ready(self.processes[nats.NAME], self.nats_monitor_url)

    async def start_postgres(self) -> None:
        """Start Postgres, or start it again after `stop_postgres`; when ready, make sure of roles and schemas."""
        if postgres.NAME not in self.processes:
            await self.processes.start(await self._postgres_program())
        else:
            await self.processes[postgres.NAME].start()
        await self._until_postgres_is_ready()
        server = self._postgres_url(SUPERUSER, "postgres")
        await ensure_database(server, {service: self.credentials.postgres[service] for service in SERVICES})

    async def stop_postgres(self) -> None:
        """Stop Postgres as an operator would; it stays down until `start_postgres`."""
        await self.processes.stop(postgres.NAME)

    async def kill_postgres(self) -> None:
        """kill -9 Postgres, as a crash would end it, and wait until it was restarted and has recovered."""
        await self.processes[postgres.NAME].kill()
        await self.processes[postgres.NAME].restarted()
        await self._until_postgres_is_ready()

    async def _until_postgres_is_ready(self) -> None:
        server = self._postgres_url(SUPERUSER, "postgres")
        await postgres.wait_until_ready(self.processes[postgres.NAME], server)

    async def _postgres_program(self) -> Program:
        password = self.credentials.postgres[SUPERUSER]
        return await postgres.postgres_program(self.home, self.ports.postgres, password, self._say)

    def _postgres_url(self, role: str, database: str) -> str:
        password = self.credentials.postgres[role]
        return f"postgresql://{role}:{password}@127.0.0.1:{self.ports.postgres}/{database}"


@asynccontextmanager
async def infrastructure(
    home: Home, *, permissions: Mapping[str, Permissions] | None = None, say: Say = _quiet
) -> AsyncIterator[Infrastructure]:
    """Hold the home, run its Postgres and NATS with every role, schema and user, and stop both at the end.

    Raises AlreadyRunning when another supervisor holds the home, and EmbeddedError for anything that cannot start.
    """
    with home.lock():
        await stop_survivors(home.processes_file)
        processes = ProcessTree(home.processes_file, say=say)
        try:
            parts = Infrastructure(home, processes, permissions or nats_permissions(), say)
            await side_by_side(parts.start_postgres(), parts.start_nats())
            yield parts
        finally:
            await processes.stop(nats.NAME, postgres.NAME)
