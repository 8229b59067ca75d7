"""The setup job on a real Postgres and NATS: everything is there afterwards, and a second run changes nothing."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator

import asyncpg
import nats
import pytest
import pytest_asyncio

from contracts.catalog import SERVICES
from deploy.containers.setup import SetupFailed, Wanted, password_variable, set_up
from deploy.embedded.credentials import SUPERUSER
from deploy.embedded.home import temporary_home
from deploy.embedded.infrastructure import Infrastructure, infrastructure
from libs.messaging.topology import verify
from libs.runtime.keys import KeyRing

ADMIN_KEY = re.compile(r"^admin key (ws_default_\S+)", re.MULTILINE)


@pytest_asyncio.fixture(scope="module")
async def bare() -> AsyncIterator[Infrastructure]:
    with temporary_home() as home:
        async with infrastructure(home) as parts:
            yield parts


async def test_it_makes_everything_ready_and_a_second_run_changes_nothing(bare: Infrastructure) -> None:
    said = await _run("deploy.containers.setup", bare)
    (key,) = ADMIN_KEY.findall(said)
    for service in SERVICES:
        connection = await asyncpg.connect(bare.database_url(service))
        assert await connection.fetchval("select count(*) from alembic_version") == 1
        await connection.close()
    client = await nats.connect(bare.nats_url("admin"))
    for service in SERVICES:
        await verify(client.jetstream(), service)
    again = await _run("deploy.containers.setup", bare)
    assert ADMIN_KEY.findall(again) == []
    assert "streams and consumers are in place" in again
    (other,) = ADMIN_KEY.findall(await _run("deploy.containers.admin_key", bare))
    keys = KeyRing(client)
    watching = asyncio.create_task(keys.run())
    await asyncio.wait_for(keys.loaded.wait(), 10)
    assert {access.scopes for access in (keys.find(key), keys.find(other)) if access} == {("admin",)}
    assert keys.find(key) != keys.find(other)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await client.close()


async def test_a_volume_with_other_passwords_is_named_as_the_reason(bare: Infrastructure) -> None:
    password = bare.credentials.postgres[SUPERUSER]
    wanted = Wanted.from_environment({**_environment(bare), "WHYSTREAM_SUPERUSER_URL": bare.superuser_url})
    stranger = Wanted(
        wanted.superuser_url.replace(password, "other"), wanted.nats_url, wanted.nats_monitor_url, wanted.passwords
    )
    with pytest.raises(SetupFailed, match=r"Postgres does not know its password.*Restore the \.env"):
        await set_up(stranger, within=5)


async def test_what_does_not_answer_is_named(bare: Infrastructure) -> None:
    environment = _environment(bare) | {"WHYSTREAM_SUPERUSER_URL": "postgresql://postgres:x@127.0.0.1:1/postgres"}
    with pytest.raises(SetupFailed, match="Postgres did not answer within 0 seconds"):
        await set_up(Wanted.from_environment(environment), within=0)


def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(SetupFailed, match=r"WHYSTREAM_SUPERUSER_URL, .*, INTAKE_POSTGRES_PASSWORD, .*CONSOLE_"):
        Wanted.from_environment({})


def _environment(parts: Infrastructure) -> dict[str, str]:
    passwords = {password_variable(service): parts.credentials.postgres[service] for service in SERVICES}
    return passwords | {
        "WHYSTREAM_SUPERUSER_URL": parts.superuser_url,
        "WHYSTREAM_NATS_URL": parts.nats_url("admin"),
        "WHYSTREAM_NATS_MONITOR_URL": parts.nats_monitor_url,
    }


async def _run(module: str, parts: Infrastructure) -> str:
    # A process of its own, as in its container: Alembic keeps its context in module globals.
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module,
        env={"PATH": os.environ["PATH"], **_environment(parts)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, errors = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, errors.decode()
    return said.decode()
