"""Fixtures that every test may use: one real Postgres and one real NATS per run, and each service behind its edges.

Tests do not share a workspace, so they neither clean up nor disturb each other.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client
from uuid_utils.compat import uuid4

from contracts.catalog import SERVICES
from deploy.embedded.home import temporary_home
from deploy.embedded.infrastructure import Infrastructure, infrastructure
from libs.messaging.topology import apply
from libs.runtime.logs import configure_logs
from tests.support.driven import Driven, driven_service


def pytest_configure() -> None:
    """Logs as in production: the default of the library draws every failure with its locals, which takes a second.

    And the light embedder, whatever else is installed: it is fast, and the same everywhere.
    """
    os.environ.setdefault("WHYSTREAM_EMBEDDER", "light")
    configure_logs("tests", "ERROR")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bare_platform() -> AsyncIterator[Infrastructure]:
    """Postgres and NATS with every role and user, and the topology applied; schemas still empty."""
    with temporary_home() as home:
        async with infrastructure(home) as parts:
            client = await nats.connect(parts.nats_url("admin"))
            await apply(client.jetstream())
            await client.close()
            yield parts


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def platform(bare_platform: Infrastructure) -> Infrastructure:
    """The same, with every service's schema at head."""
    await asyncio.gather(*(asyncio.to_thread(_migrate, bare_platform, service) for service in SERVICES))
    return bare_platform


def _migrate(parts: Infrastructure, service: str) -> None:
    # A process of its own, as in production: Alembic keeps its context in module globals.
    done = subprocess.run(
        [sys.executable, "-m", "libs.runtime.migrate", service],
        env={"WHYSTREAM_DATABASE_URL": parts.database_url(service)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest_asyncio.fixture(loop_scope="session")
async def admin(bare_platform: Infrastructure) -> AsyncIterator[Client]:
    """NATS as its administrator."""
    client = await nats.connect(bare_platform.nats_url("admin"))
    yield client
    await client.close()


@pytest.fixture
def workspace() -> str:
    """A workspace that no other test uses."""
    return f"t-{uuid4().hex[:12]}"


def _driven(service: str):
    @pytest_asyncio.fixture(name=service, loop_scope="session")
    async def fixture(platform: Infrastructure, workspace: str) -> AsyncIterator[Driven]:
        async with driven_service(service, platform, workspace) as driven:
            yield driven

    return fixture


intake, triage, experiments, alignment, console = (_driven(service) for service in SERVICES)
