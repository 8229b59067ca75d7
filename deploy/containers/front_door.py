"""The front door of the containers: the embedded one's table of paths, with the addresses that containers have."""

from pathlib import Path
from typing import Any

from contracts.catalog import SERVICES
from deploy.embedded import caddy
from deploy.embedded.home import Home
from deploy.embedded.ports import Ports

LISTEN = ":8080"
SERVICE_PORT = 8000
# The only place that a read-only container lets Caddy write to.
STORAGE = Path("/tmp")


def front_door() -> dict[str, Any]:
    """Caddy's configuration: what `whystream up` runs, except that each service is reached by its own name."""
    # A port stands for its service here, because on one machine the port is all that tells services apart.
    ports = Ports(postgres=0, nats=0, nats_monitor=0, services={name: n for n, name in enumerate(SERVICES, 1)})
    addresses = {f"127.0.0.1:{port}": f"{name}:{SERVICE_PORT}" for name, port in ports.services.items()}
    configuration = caddy.configuration(Home(STORAGE), ports, descriptor=0)
    configuration["apps"]["http"]["servers"]["front"]["listen"] = [LISTEN]
    return _readdressed(configuration, addresses)


def _readdressed(part: Any, addresses: dict[str, str]) -> Any:
    if isinstance(part, dict):
        return {
            key: addresses[value] if key == "dial" else _readdressed(value, addresses) for key, value in part.items()
        }
    if isinstance(part, list):
        return [_readdressed(one, addresses) for one in part]
    return part
