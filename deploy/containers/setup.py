"""Makes Postgres and NATS ready for the services: roles, schemas, migrations, streams, consumers, the first admin key.

    python -m deploy.containers.setup

Idempotent, so it runs before the services at every start. From the environment: WHYSTREAM_SUPERUSER_URL,
WHYSTREAM_NATS_URL (a user who may manage JetStream), WHYSTREAM_NATS_MONITOR_URL, and for each service the password
that its role gets, as INTAKE_POSTGRES_PASSWORD.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncpg
import httpx
import nats

from contracts.catalog import SERVICES
from deploy.containers.admin_key import first_admin_key
from deploy.embedded.migrate_all import migrate_all
from deploy.embedded.roles import DATABASE, ensure_database
from libs.messaging.topology import apply

# After a crash both replay or read all that they keep before they answer.
WITHIN = 120.0


class SetupFailed(Exception):
    """The platform could not be made ready; the message says what is in the way and what to do."""


@dataclass(frozen=True)
class Wanted:
    """Where Postgres and NATS are, and the password that each service's role gets."""

    superuser_url: str
    nats_url: str
    nats_monitor_url: str
    passwords: Mapping[str, str]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Wanted":
        """Raises SetupFailed with the names of all variables that are missing."""
        variables = {service: password_variable(service) for service in SERVICES}
        addresses = ("WHYSTREAM_SUPERUSER_URL", "WHYSTREAM_NATS_URL", "WHYSTREAM_NATS_MONITOR_URL")
        if missing := [name for name in (*addresses, *variables.values()) if not environment.get(name)]:
            raise SetupFailed(f"set these variables: {', '.join(missing)}")
        passwords = {service: environment[name] for service, name in variables.items()}
        superuser, broker, monitor = (environment[name] for name in addresses)
        return cls(superuser, broker, monitor, passwords)

    def database_url(self, service: str) -> str:
        """The URL with which this service's role reaches its schema."""
        server = urlsplit(self.superuser_url)
        return f"postgresql://{service}:{self.passwords[service]}@{server.hostname}:{server.port or 5432}/{DATABASE}"


def password_variable(service: str) -> str:
    """The environment variable that holds the password of this service's Postgres role."""
    return f"{service.upper()}_POSTGRES_PASSWORD"


async def set_up(wanted: Wanted, within: float = WITHIN) -> None:
    """Bring Postgres and NATS to what the services need, whatever was there. Raises SetupFailed."""
    await _until(lambda: _postgres_answers(wanted), "Postgres", within)
    await ensure_database(wanted.superuser_url, wanted.passwords)
    print("roles and schemas are in place", flush=True)
    await migrate_all({service: wanted.database_url(service) for service in SERVICES})
    await _until(lambda: _nats_answers(wanted), "NATS", within)
    client = await nats.connect(wanted.nats_url, connect_timeout=10, allow_reconnect=False)
    try:
        for line in await apply(client.jetstream()) or ["streams and consumers are in place"]:
            print(line, flush=True)
        if key := await first_admin_key(client):
            print(f"admin key {key} (shown this once)", flush=True)
    finally:
        await client.close()


async def _postgres_answers(wanted: Wanted) -> None:
    connection = await asyncpg.connect(wanted.superuser_url, timeout=5)
    await connection.close()


async def _nats_answers(wanted: Wanted) -> None:
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
        (await client.get(f"{wanted.nats_monitor_url}/healthz")).raise_for_status()


async def _until(answers: Callable[[], Awaitable[None]], name: str, within: float) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while True:
        try:
            return await answers()
        except asyncpg.InvalidPasswordError:
            raise SetupFailed(
                f"{name} does not know its password: its volume was made with other ones. Restore the .env that "
                "belongs to it, or remove the volumes, and all that is in them, with `docker compose down --volumes`"
            ) from None
        except (OSError, TimeoutError, httpx.HTTPError, asyncpg.PostgresError) as reason:
            if loop.time() > deadline:
                raise SetupFailed(f"{name} did not answer within {within:g} seconds: {reason!r}") from None
        await asyncio.sleep(0.5)


if __name__ == "__main__":
    try:
        asyncio.run(set_up(Wanted.from_environment()))
    except SetupFailed as failure:
        raise SystemExit(f"setup: {failure}") from None
