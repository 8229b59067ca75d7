"""The catalogue becomes streams, consumers and permissions; drift is refused; nobody may do more than their part."""

import asyncio
from dataclasses import replace

import nats
import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError

from contracts.catalog import SERVICES, owned_by
from deploy.embedded.infrastructure import Infrastructure
from libs.messaging.advisories import watch_advisories
from libs.messaging.topology import TopologyDrift, apply, consumer_config, durables, verify
from tests.support.driven import Driven


async def test_applying_twice_changes_nothing(admin: Client) -> None:
    await apply(admin.jetstream())
    assert await apply(admin.jetstream()) == []


async def test_drift_is_named_refused_and_mended(admin: Client) -> None:
    js = admin.jetstream()
    durable = next(found for found in durables("alignment") if found.stream == "TRIAGE")
    await js.add_consumer("TRIAGE", replace(consumer_config(durable), max_deliver=3))
    with pytest.raises(TopologyDrift, match=r"consumer alignment of TRIAGE: max_deliver is 3.*topology"):
        await verify(js, "alignment")
    assert await apply(js) == ["updated consumer alignment of TRIAGE"]
    await verify(js, "alignment")


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_may_publish_its_own_events_and_no_others(
    bare_platform: Infrastructure, service: str, workspace: str
) -> None:
    refused: list[str] = []

    async def note(error: Exception) -> None:
        refused.append(str(error).lower())

    client = await nats.connect(bare_platform.nats_url(service), error_cb=note, inbox_prefix=f"_INBOX_{service}")
    other = next(name for name in SERVICES if name != service and owned_by(name))
    foreign = owned_by(other)[0].subject(workspace)
    await client.publish(foreign, b"{}")
    await client.publish("$JS.API.STREAM.DELETE.INTAKE", b"")
    await client.subscribe("_INBOX_admin.>")
    await client.flush()
    await _until(lambda: len(refused) >= 3)
    assert any(foreign.lower() in text for text in refused)
    assert any("$js.api.stream.delete.intake" in text for text in refused)
    assert any("_inbox_admin" in text for text in refused)
    await client.close()


async def test_what_the_server_gave_up_on_becomes_a_dead_letter(
    triage: Driven, admin: Client, bare_platform: Infrastructure
) -> None:
    from faststream.nats import NatsBroker

    js = admin.jetstream()
    await js.publish(f"whystream.feedback.received.v1.{triage.workspace}", b"never to be handled")
    subscription = await js.pull_subscribe_bind("triage", "INTAKE")
    broker = NatsBroker(bare_platform.nats_url("triage"), inbox_prefix="_INBOX_triage", logger=None)
    watch_advisories(broker, triage.engine, "triage")
    await broker.start()
    try:
        while msgs := await subscription.fetch(10, timeout=2):
            for msg in msgs:
                await msg.term()
            if any(msg.data == b"never to be handled" for msg in msgs):
                break
        found = await _dead_letters(triage)
    finally:
        await broker.stop()
        await subscription.unsubscribe()
    (letter,) = found
    assert letter["reason"] == "given-up"
    shown = await triage.http.get(f"/v1/services/triage/dead-letters/{letter['id']}")
    assert shown.json()["body"] == "never to be handled"


async def test_a_tool_may_send_feedback_and_observations_only(bare_platform: Infrastructure, workspace: str) -> None:
    client = await nats.connect(bare_platform.nats_url("tools"), inbox_prefix="_INBOX_tools")
    js = client.jetstream(timeout=2)
    await js.publish(f"ingress.feedback.{workspace}", b"{}")
    with pytest.raises(NatsError):
        await js.publish(f"whystream.decision.made.v1.{workspace}", b"{}")
    await client.close()


async def _dead_letters(triage: Driven) -> list[dict[str, str]]:
    for _ in range(100):
        found = (await triage.http.get("/v1/services/triage/dead-letters")).json()["items"]
        if found:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError("no dead letter within 10 s")


async def _until(condition) -> None:
    for _ in range(100):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not become true within 5 s")
