"""One origin for all services: a real proxy, its table of paths, and what it says when a service is down."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio

from contracts.catalog import SERVICES
from deploy.embedded import caddy
from deploy.embedded.home import Home, temporary_home
from deploy.embedded.ports import front_door, remembered_ports
from deploy.embedded.processes import Backoff, Child, ProcessTree

ROUTED = [
    ("/v1/feedback", "intake"),
    ("/v1/feedback?dry=1", "intake"),
    ("/v1/feedback/0198", "intake"),
    ("/v1/feedback/0198/move", "triage"),
    ("/v1/events", "intake"),
    ("/v1/sources/github/webhook", "intake"),
    ("/v1/customers/c-1", "intake"),
    ("/v1/problems", "triage"),
    ("/v1/problems?sort=opportunity&q=a/b", "triage"),
    ("/v1/problems/0198/evidence", "triage"),
    ("/v1/problems/0198/brief/why", "triage"),
    ("/v1/problems/0198/options", "experiments"),
    ("/v1/problems/0198/tree", "experiments"),
    ("/v1/experiments/0198/readout", "experiments"),
    ("/v1/observations", "experiments"),
    ("/v1/options/0198/assumptions", "experiments"),
    ("/v1/assumptions/0198", "experiments"),
    ("/v1/objectives", "alignment"),
    ("/v1/decisions/0198/make", "alignment"),
    ("/v1/decisions/0198/lineage", "console"),
    ("/v1/subscriptions/0198/test", "alignment"),
    ("/v1/deliveries/0198/replay", "alignment"),
    ("/v1/feed?cursor=7", "alignment"),
    ("/v1/lineage/0198", "console"),
    ("/v1/sign-in-links", "console"),
    *((f"/v1/services/{service}/dead-letters", service) for service in SERVICES),
    ("/", "console"),
    ("/decisions/0198", "console"),
    ("/v2/anything", "console"),
]
UNROUTED = ["/livez", "/readyz", "/metrics", "//livez", "/a/../readyz", "/%6Detrics", "/v1", "/v1/", "/v1/feedbacks"]
UNROUTED += ["/v1/unknown", "/v1/services/stranger/dead-letters", "/v1/services"]


class StandIn:
    """In place of a service: answers every request with its own name and with what it was asked."""

    def __init__(self, service: str, port: int) -> None:
        self.service, self.port = service, port
        self.arrived = asyncio.Semaphore(0)
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", self.port)

    async def stop(self) -> None:
        if self._server:
            self._server.close()
            await self._server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        if "x-stream" in headers:
            await self._stream(writer)
        else:
            content = (await reader.readexactly(int(headers.get("content-length", 0)))).decode()
            body = json.dumps({"service": self.service, "line": head[0], "body": content})
            status = headers.get("x-answer", "200 OK")
            headline = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(f"{headline}{body}".encode())
        writer.close()

    async def _stream(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for number in range(3):
            writer.write(f"data: {number}\n".encode())
            await writer.drain()
            # Nothing more is sent until the client says that it has got this one.
            await asyncio.wait_for(self.arrived.acquire(), 10)


@dataclass
class Front:
    """A real proxy in front of a stand-in for each service."""

    home: Home
    child: Child
    client: httpx.AsyncClient
    services: dict[str, StandIn]


@pytest_asyncio.fixture(scope="module")
async def front() -> AsyncIterator[Front]:
    with temporary_home() as home, home.lock(), front_door(home.front_port) as door:
        ports = remembered_ports(home.ports_file, SERVICES)
        services = {service: StandIn(service, port) for service, port in ports.services.items()}
        tree = ProcessTree(home.processes_file, backoff=Backoff(first=0.2))
        async with httpx.AsyncClient(base_url=home.url, trust_env=False, timeout=20) as client:
            try:
                await asyncio.gather(*(service.start() for service in services.values()))
                child = await tree.start(caddy.caddy_program(home, ports, door))
                await caddy.wait_until_ready(child, home.url)
                yield Front(home, child, client, services)
            finally:
                await tree.stop_all()
                await asyncio.gather(*(service.stop() for service in services.values()))


@pytest.mark.parametrize(("path", "service"), ROUTED)
async def test_each_path_reaches_its_service_unchanged(front: Front, path: str, service: str) -> None:
    answer = await front.client.post(path, content=b"words")
    assert answer.json() == {"service": service, "line": f"POST {path} HTTP/1.1", "body": "words"}


@pytest.mark.parametrize("path", UNROUTED)
async def test_a_path_that_is_nobodys_gets_a_problem(front: Front, path: str) -> None:
    answer = await _get_as_written(front.home, path)
    assert answer.startswith("HTTP/1.1 404 ")
    assert "Content-Type: application/problem+json\r\n" in answer
    assert json.loads(answer.partition("\r\n\r\n")[2])["type"] == "https://whystream.dev/problems/not-found"


async def test_a_service_that_is_down_gets_a_problem_that_says_to_retry(front: Front) -> None:
    await front.services["triage"].stop()
    answer = await front.client.get("/v1/problems")
    neighbour = await front.client.get("/v1/feed")
    await front.services["triage"].start()
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert answer.headers["retry-after"] == "2"
    problem = answer.json()
    assert problem["type"] == "https://whystream.dev/problems/service-unavailable"
    assert problem["status"] == 503
    assert "try again" in problem["detail"]
    assert neighbour.status_code == 200
    assert (await front.client.get("/v1/problems")).status_code == 200


async def test_a_services_own_errors_pass_unchanged(front: Front) -> None:
    answer = await front.client.get("/v1/feed", headers={"x-answer": "503 own words"})
    assert (answer.status_code, answer.json()["service"]) == (503, "alignment")


async def test_an_event_stream_is_passed_on_as_it_comes(front: Front) -> None:
    async with front.client.stream("GET", "/v1/experiments/0198/readout", headers={"x-stream": "yes"}) as answer:
        lines = answer.aiter_lines()
        for number in range(3):
            assert await asyncio.wait_for(anext(lines), 10) == f"data: {number}"
            front.services["experiments"].arrived.release()


async def test_a_proxy_that_crashes_refuses_nobody(front: Front) -> None:
    await front.child.kill()
    answer = await front.client.get("/v1/problems")
    assert answer.status_code == 200
    assert front.child.restarts == 1


async def test_what_the_proxy_keeps_is_inside_the_home(front: Front) -> None:
    configuration = json.loads((front.home.caddy / "caddy.json").read_text())
    assert configuration["admin"] == {"disabled": True, "config": {"persist": False}}
    assert configuration["storage"]["root"] == str(front.home.caddy)


async def _get_as_written(home: Home, path: str) -> str:
    """The raw answer; an HTTP library would tidy the path up first."""
    reader, writer = await asyncio.open_connection("127.0.0.1", home.front_port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(65_536), 10)
    writer.close()
    return answer.decode()
