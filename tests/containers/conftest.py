"""A Docker engine that answers, or a failure that says what to do."""

import os
from collections.abc import Iterator

import docker
import pytest
from docker.errors import DockerException
from testcontainers.core.config import testcontainers_config

# Every test removes what it started, so the helper container that would do it is not needed, nor its image.
testcontainers_config.ryuk_disabled = True


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """The Docker engine that everything here runs on."""
    client, reason = _connected()
    if client is None:
        asked = os.environ.get("DOCKER_HOST", "the default socket")
        pytest.fail(
            f"no Docker engine answers at {asked} ({reason}); start one, or set DOCKER_HOST, and run "
            "`make test-containers` again. `make test` needs none",
            pytrace=False,
        )
    yield client
    client.close()


def _connected() -> tuple[docker.DockerClient | None, str]:
    try:
        return docker.from_env(timeout=120), ""
    except DockerException as reason:
        return None, str(reason)
