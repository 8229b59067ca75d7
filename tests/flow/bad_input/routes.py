"""Every call of the public API, read from the services' own applications, so that no list of them can be incomplete."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from fastapi.routing import APIRoute

from contracts.catalog import SERVICES
from libs.runtime.http import Edge
from libs.runtime.settings import Settings
from tests.support.driven import service_named

_NOWHERE = {
    "WHYSTREAM_DATABASE_URL": "postgresql://nobody:nothing@127.0.0.1:1/whystream",
    "WHYSTREAM_NATS_URL": "nats://nobody:nothing@127.0.0.1:1",
    "WHYSTREAM_NATS_MONITOR_URL": "http://127.0.0.1:1",
    "WHYSTREAM_LISTEN": "127.0.0.1:1",
}


@dataclass(frozen=True)
class Call:
    """One call: which service answers it, what a key needs for it, and what it takes besides the path."""

    service: str
    method: str
    path: str
    scope: str
    has_model: bool
    parameters: tuple[str, ...]
    query: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def calls() -> list[Call]:
    """All calls of all services."""
    found = []
    for service in SERVICES:
        app = service_named(service).app(Settings.from_environment(_NOWHERE))
        for route in _all(app.routes):
            if isinstance(route, Edge):
                found += [_call(service, route, method) for method in sorted(route.methods or ())]
    return found


def pages() -> list[str]:
    """The paths of the console's pages."""
    app = service_named("console").app(Settings.from_environment(_NOWHERE))
    return [route.path for route in _all(app.routes) if isinstance(route, APIRoute) and not isinstance(route, Edge)]


def _all(routes: Iterable[Any]) -> Iterator[Any]:
    """Routes, also those of included routers, which FastAPI keeps as they are."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is None:
            yield route
        else:
            yield from _all(included.routes)


def _call(service: str, route: Edge, method: str) -> Call:
    return Call(
        service,
        method,
        route.path,
        route._scope,
        route.body_field is not None,
        tuple(parameter.name for parameter in route.dependant.path_params),
        tuple(parameter.alias for parameter in route.dependant.query_params),
    )
