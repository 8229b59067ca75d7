"""The platform as containers, used from outside: words in at the front door, a notification out, and nothing left.

The tests share one platform and run in the order in which they stand; the last one takes it down.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import docker
import httpx
import pytest
from standardwebhooks import Webhook

from contracts.catalog import SERVICES
from deploy.embedded.ports import free_port
from tests.containers.composition import ComposeFailed, Composition, write_settings

pytestmark = pytest.mark.containers

WORDS = [
    "Reminders arrive an hour late since the clocks changed",
    "The reminder came an hour late again, the clocks changed",
    "Since the clocks changed every reminder arrives one hour late",
]
READ_ANOTHERS_WORDS = """
import asyncio, asyncpg, os
async def main():
    connection = await asyncpg.connect(os.environ["WHYSTREAM_DATABASE_URL"])
    try:
        print(await connection.fetch("select * from intake.feedback"))
    except asyncpg.InsufficientPrivilegeError as refused:
        print(refused)
asyncio.run(main())
"""
SAY_ANOTHERS_EVENT = """
import asyncio, nats, os
async def main():
    refused = asyncio.get_running_loop().create_future()
    async def note(error):
        refused.done() or refused.set_result(error)
    client = await nats.connect(os.environ["WHYSTREAM_NATS_URL"], error_cb=note)
    await client.publish("whystream.feedback.received.v1.default", b"{}")
    print(await asyncio.wait_for(refused, 10))
    await client.close()
asyncio.run(main())
"""


@dataclass
class Running:
    """The platform as containers, its front door and its first admin key."""

    composition: Composition
    url: str
    key: str

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"}
        answer = httpx.request(method, f"{self.url}{path}", json=body, headers=headers, timeout=30, trust_env=False)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()


@pytest.fixture(scope="module")
def platform_containers(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    url = f"http://127.0.0.1:{(port := free_port())}"
    settings = write_settings(tmp_path_factory.mktemp("env"), WHYSTREAM_PORT=str(port), WHYSTREAM_PUBLIC_URL=url)
    composition = Composition(f"whystream-test-{uuid4().hex[:8]}", settings)
    with composition:
        yield Running(composition, url, _admin_keys(composition)[0])


def test_words_become_a_problem_and_a_subscriber_is_told(platform_containers: Running) -> None:
    call = platform_containers.call
    wanted = {"name": "team", "channel": "webhook", "url": "http://receiver:9000/hook"}
    subscription = call("POST", "/v1/subscriptions", {**wanted, "filter": {"types": ["problem.opened"]}})
    items = [{"text": words, "source": "support-desk", "external_id": f"T-{n}"} for n, words in enumerate(WORDS)]
    assert call("POST", "/v1/feedback", items)["accepted"] == len(WORDS)
    _until(lambda: sum(one["reports"] for one in call("GET", "/v1/problems")["items"]) == len(WORDS), "the problem")
    problem = call("GET", "/v1/problems")["items"][0]
    quotes = [one["text"] for one in call("GET", f"/v1/problems/{problem['id']}/evidence")["items"]]
    assert set(quotes) <= set(WORDS)
    _until(lambda: bool(call("GET", "/v1/deliveries?status=delivered")["items"]), "the delivery")
    told = _told(platform_containers.composition)[0]
    event = Webhook(subscription["secret"]).verify(told["body"], told["headers"])
    assert event["type"] == "whystream.problem.opened.v1"
    assert event["data"]["statement"] in WORDS


def test_a_service_may_not_read_anothers_schema(platform_containers: Running) -> None:
    said = platform_containers.composition.run("exec", "-T", "triage", "python", "-c", READ_ANOTHERS_WORDS)
    assert said == "permission denied for schema intake\n"


def test_a_service_may_not_say_anothers_event(platform_containers: Running) -> None:
    said = platform_containers.composition.run("exec", "-T", "triage", "python", "-c", SAY_ANOTHERS_EVENT)
    assert re.search(r'permissions violation for publish to "whystream\.feedback\.received\.v1\.default"', said)


@pytest.mark.parametrize("service", ["front", *SERVICES])
def test_what_faces_the_outside_is_not_root_and_writes_nothing(platform_containers: Running, service: str) -> None:
    run = platform_containers.composition.run
    assert run("exec", "-T", service, "id", "-u").strip() == "10001"
    with pytest.raises(ComposeFailed, match="Read-only file system"):
        run("exec", "-T", service, "touch", "/app/here")


def test_operations_are_not_reached_through_the_front_door(platform_containers: Running) -> None:
    for path in ("/livez", "/readyz", "/metrics"):
        answer = httpx.get(f"{platform_containers.url}{path}", timeout=10, trust_env=False)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_a_second_start_changes_nothing(platform_containers: Running) -> None:
    composition = platform_containers.composition
    composition.run("up", "--detach", "--no-build")
    assert composition.get_logs("setup")[0].count("migrating console") == 2
    assert _admin_keys(composition) == [platform_containers.key]
    assert platform_containers.call("GET", "/v1/problems")["items"]


def test_down_leaves_nothing(platform_containers: Running, engine: docker.DockerClient) -> None:
    composition = platform_containers.composition
    composition.stop()
    ours: dict[str, str | list[str] | bool] = {"label": f"com.docker.compose.project={composition.project}"}
    assert engine.containers.list(all=True, filters=ours) == []
    assert engine.networks.list(filters=ours) == []
    assert engine.volumes.list(filters=ours) == []


def test_without_passwords_it_says_what_to_run(engine: docker.DockerClient, tmp_path: Path) -> None:
    settings = tmp_path / "empty.env"
    settings.touch()
    with pytest.raises(ComposeFailed, match="run make up-containers"):
        Composition("whystream-test-none", settings).run("config")


def _admin_keys(composition: Composition) -> list[str]:
    return re.findall(r"admin key (ws_default_\S+)", composition.get_logs("setup")[0])


def _told(composition: Composition) -> list[dict[str, Any]]:
    """What the receiver got; Compose puts the container's name in front of each line."""
    lines = composition.get_logs("receiver")[0].splitlines()
    return [json.loads(line[line.index("{") :]) for line in lines if '"webhook-id"' in line]


def _until(holds: Callable[[], bool], what: str, within: float = 90.0) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"not within {within:g} s: {what}"
        time.sleep(0.5)
