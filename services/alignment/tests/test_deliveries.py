"""Subscribers are told, once or again, by real requests to real receivers."""

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer
from standardwebhooks import Webhook

from contracts.alignment import NotificationDelivered, NotificationExhausted
from contracts.envelope import Envelope, wrap
from libs.messaging.delivered import Delivered
from libs.messaging.processor import decode_event
from services.alignment.delivery import courier
from services.alignment.domain.deliveries import DeliveryRules
from services.alignment.events import HANDLERS
from services.alignment.tests.receivers import Receiver, Reply, receiving
from services.alignment.tests.stories import grew, made, opened, proposed, subscribed
from tests.support.driven import Driven, delivered

QUICK = DeliveryRules(schedule=(0.05, 0.05), timeout=5.0, lease=10.0, poll=0.02)


@pytest_asyncio.fixture(loop_scope="session")
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


@asynccontextmanager
async def delivering(
    alignment: Driven, rules: DeliveryRules = QUICK, tracer: Tracer | None = None
) -> AsyncIterator[None]:
    """The delivery job, running beside the test."""
    async with courier(alignment.transactions, rules, tracer) as found:
        task = asyncio.create_task(found.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def deliveries(alignment: Driven, **filters: str) -> list[dict[str, Any]]:
    return (await alignment.http.get("/v1/deliveries", params={"limit": "200", **filters})).json()["items"]


async def settled(alignment: Driven, count: int = 1, seconds: float = 15.0) -> list[dict[str, Any]]:
    """All deliveries, once `count` of them are no longer waiting."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = await deliveries(alignment)
        if sum(item["status"] != "waiting" for item in found) >= count:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"not settled: {Counter(item['status'] for item in await deliveries(alignment))}")


async def until_said(alignment: Driven, count: int) -> None:
    """Wait until that many notifications were said to be delivered."""
    for _ in range(200):
        if len(await alignment.said(NotificationDelivered)) >= count:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{len(await alignment.said(NotificationDelivered))} of {count} were said")


async def tell(alignment: Driven) -> list[Envelope]:
    """Bring alignment's own events back to it, as the stream does."""
    own = [e for e in await alignment.said_envelopes() if "decision" in e.type or "position" in e.type]
    assert await alignment.deliver(*own) == [None] * len(own)
    return own


async def test_a_decision_is_told_signed_and_whole(alignment: Driven, receiver: Receiver) -> None:
    subscription = await subscribed(alignment, receiver.url, "decision.made")
    await made(alignment)
    told = next(envelope for envelope in await tell(alignment) if envelope.type.endswith("made.v1"))
    async with delivering(alignment):
        got = (await receiver.until(1))[0]
        row = (await settled(alignment))[0]
    assert got.body == told.to_bytes()
    assert Webhook(subscription["secret"]).verify(got.body, got.headers)["data"]["reason"].startswith("Two thirds")
    assert got.headers["webhook-id"] == told.id
    assert got.headers["content-type"] == "application/cloudevents+json"
    assert got.headers["host"] == receiver.url.split("/")[2]
    assert (row["status"], row["attempts"], row["last_status"]) == ("delivered", 1, 200)
    said = await alignment.last_said(NotificationDelivered)
    assert (said.told_event_id, said.told_about, said.subscriber) == (UUID(told.id), told.subject, "Support team")
    continued = (await alignment.said_envelopes())[-1]
    assert (continued.causationid, continued.correlationid) == (told.id, told.correlationid)


async def test_a_failing_receiver_is_tried_again_with_the_same_id(alignment: Driven, receiver: Receiver) -> None:
    await subscribed(alignment, receiver.url)
    receiver.replies = [Reply(500, b"out of order"), Reply(200)]
    await alignment.receives(opened())
    async with delivering(alignment):
        got = await receiver.until(2)
        row = (await settled(alignment))[0]
    assert len({request.headers["webhook-id"] for request in got}) == 1
    assert (row["status"], row["attempts"]) == ("delivered", 2)
    assert (await alignment.last_said(NotificationDelivered)).attempts == 2


async def test_a_redirect_is_a_failure_and_its_target_is_never_visited(alignment: Driven, receiver: Receiver) -> None:
    async with receiving() as target:
        for status in (301, 302, 303, 307, 308):
            receiver.replies.append(Reply(status, headers={"Location": target.url}))
        receiver.reply = Reply(302, headers={"Location": target.url})
        await subscribed(alignment, receiver.url)
        await alignment.receives(opened(), opened())
        async with delivering(alignment):
            rows = await settled(alignment, 2)
        assert target.got == []
    assert len(receiver.got) == 6
    assert {row["status"] for row in rows} == {"exhausted"}
    assert "redirects are not followed" in rows[0]["last_error"]


async def test_after_every_attempt_it_is_given_up_and_after_five_in_a_row_the_subscription_is_disabled(
    alignment: Driven, receiver: Receiver
) -> None:
    subscription = await subscribed(alignment, receiver.url)
    receiver.reply = Reply(503, b"down \x00 for maintenance")
    await alignment.receives(*(opened() for _ in range(7)))
    async with delivering(alignment):
        rows = await settled(alignment, 5)
        await asyncio.sleep(0.3)
    by_status = sorted(row["status"] for row in await deliveries(alignment))
    assert by_status == ["exhausted"] * 5 + ["waiting"] * 2
    exhausted = await alignment.said(NotificationExhausted)
    assert [event.attempts for event in exhausted] == [3] * 5
    assert "HTTP 503 down" in exhausted[0].last_error
    assert "HTTP 503" in next(row["last_error"] for row in rows if row["status"] == "exhausted")
    shown = (await alignment.http.get(f"/v1/subscriptions/{subscription['id']}")).json()
    assert (shown["status"], shown["disabled_reason"]) == ("disabled", "5 deliveries in a row were given up")
    await alignment.receives(opened())
    assert len(await deliveries(alignment)) == 7
    receiver.reply = Reply(200)
    stuck = await deliveries(alignment, status="exhausted")
    refused = await alignment.http.post(f"/v1/deliveries/{stuck[0]['id']}/replay")
    assert refused.status_code == 409
    assert "/enable" in refused.json()["detail"]
    enabled = await alignment.http.post(f"/v1/subscriptions/{subscription['id']}/enable")
    assert enabled.json()["status"] == "active"
    replayed = await alignment.http.post(f"/v1/deliveries/{stuck[0]['id']}/replay")
    assert (replayed.status_code, replayed.json()["status"]) == (202, "waiting")
    async with delivering(alignment):
        await settled(alignment, 7)
        await until_said(alignment, 3)
    assert sorted(row["status"] for row in await deliveries(alignment)) == ["delivered"] * 3 + ["exhausted"] * 4
    ids = [request.headers["webhook-id"] for request in receiver.got]
    assert ids[-3:].count(stuck[0]["event"]["id"]) == 1


async def test_a_receiver_that_is_gone_is_left_alone(alignment: Driven, receiver: Receiver) -> None:
    subscription = await subscribed(alignment, receiver.url)
    receiver.reply = Reply(410)
    await alignment.receives(opened(), opened())
    async with delivering(alignment):
        await settled(alignment, 1)
        await asyncio.sleep(0.2)
    assert len(receiver.got) == 1
    shown = (await alignment.http.get(f"/v1/subscriptions/{subscription['id']}")).json()
    assert shown["disabled_reason"] == "the receiver answered 410 Gone"


async def test_a_slow_receiver_slows_nobody_else(alignment: Driven, receiver: Receiver) -> None:
    hold = asyncio.Event()

    async def wait() -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(hold.wait(), 20)

    async with receiving() as slow:
        slow.reply = Reply(200, before=wait)
        await subscribed(alignment, slow.url)
        await subscribed(alignment, receiver.url)
        await alignment.receives(*(opened() for _ in range(30)))
        rules = DeliveryRules(timeout=20.0, lease=30.0, poll=0.02, concurrency=3)
        async with delivering(alignment, rules):
            started = time.monotonic()
            await receiver.until(30)
            took = time.monotonic() - started
            await asyncio.sleep(0.1)
            assert (slow.most_open, len(slow.got)) == (1, 1)
            hold.set()
            await slow.until(30)
            await settled(alignment, 60)
    assert took < 10
    assert receiver.most_open == 1
    numbers = [request.event["data"]["problem_id"] for request in receiver.got]
    assert numbers == [request.event["data"]["problem_id"] for request in slow.got]


async def test_a_receiver_that_never_answers_or_never_ends_is_cut_off(alignment: Driven, receiver: Receiver) -> None:
    async def forever() -> None:
        await asyncio.sleep(5)

    await subscribed(alignment, receiver.url)
    receiver.replies = [Reply(200, before=forever), Reply(200, b"x" * 10_000_000)]
    await alignment.receives(opened())
    rules = DeliveryRules(schedule=(0.05,), timeout=0.5, lease=10.0, poll=0.02)
    started = time.monotonic()
    async with delivering(alignment, rules):
        row = (await settled(alignment))[0]
    assert (row["status"], row["attempts"]) == ("delivered", 2)
    assert time.monotonic() - started < 4


async def test_killed_between_the_request_and_the_record_it_is_told_again_with_the_same_id(
    alignment: Driven, receiver: Receiver
) -> None:
    await subscribed(alignment, receiver.url)
    environment = {**os.environ, "WHYSTREAM_DATABASE_URL": alignment.settings.database_url}
    arguments = ("-m", "services.alignment.tests.couriering", "2")
    victim = await asyncio.create_subprocess_exec(sys.executable, *arguments, env=environment)

    async def kill() -> None:
        victim.kill()
        await victim.wait()

    receiver.replies = [Reply(200, before=kill)]
    try:
        await alignment.receives(opened())
        await receiver.until(1)
        assert await victim.wait() == -9
    finally:
        if victim.returncode is None:
            victim.kill()
    assert (await deliveries(alignment))[0]["status"] == "waiting"
    async with delivering(alignment):
        got = await receiver.until(2)
        row = (await settled(alignment))[0]
    assert got[0].headers["webhook-id"] == got[1].headers["webhook-id"]
    assert got[0].body == got[1].body
    assert (row["status"], row["attempts"]) == ("delivered", 2)
    assert len(await alignment.said(NotificationDelivered)) == 1


async def test_an_attempt_that_lost_its_lease_records_nothing(alignment: Driven, receiver: Receiver) -> None:
    """A process that was stopped for long must not record an outcome that another process records too."""

    async def linger() -> None:
        await asyncio.sleep(1.0)

    await subscribed(alignment, receiver.url)
    receiver.replies = [Reply(200, before=linger), Reply(200, before=linger)]
    await alignment.receives(opened())
    rules = DeliveryRules(timeout=5.0, lease=0.3, poll=0.02, per_subscription=2)
    async with delivering(alignment, rules), delivering(alignment, rules):
        await receiver.until(2)
        await settled(alignment)
        await asyncio.sleep(1.2)
    assert len(await alignment.said(NotificationDelivered)) == 1


async def test_two_couriers_tell_everything_once(alignment: Driven, receiver: Receiver) -> None:
    async with receiving() as other:
        for url in (receiver.url, other.url):
            await subscribed(alignment, url)
        await alignment.receives(*(opened() for _ in range(40)))
        async with delivering(alignment), delivering(alignment):
            await settled(alignment, 50, 30)
            await receiver.until(40)
            await other.until(40)
            await until_said(alignment, 80)
        assert len(receiver.got) == len(other.got) == 40
    assert len(await alignment.said(NotificationDelivered)) == 80


async def test_stopping_gives_back_what_is_under_way(alignment: Driven, receiver: Receiver) -> None:
    async def forever() -> None:
        await asyncio.sleep(4)

    await subscribed(alignment, receiver.url)
    receiver.replies = [Reply(200, before=forever)]
    await alignment.receives(opened())
    rules = DeliveryRules(timeout=10.0, lease=60.0, poll=0.02)
    async with delivering(alignment, rules):
        await receiver.until(1)
    async with delivering(alignment, rules):
        await receiver.until(2)
        assert (await settled(alignment))[0]["attempts"] == 2


async def test_unsubscribing_cancels_what_waits_and_keeps_what_was_told(alignment: Driven, receiver: Receiver) -> None:
    subscription = await subscribed(alignment, receiver.url)
    await alignment.receives(opened())
    async with delivering(alignment):
        await settled(alignment)
    await alignment.receives(opened())
    assert (await alignment.http.delete(f"/v1/subscriptions/{subscription['id']}")).status_code == 204
    assert (await alignment.http.get(f"/v1/subscriptions/{subscription['id']}")).status_code == 404
    assert (await alignment.http.delete(f"/v1/subscriptions/{subscription['id']}")).status_code == 404
    rows = await deliveries(alignment, subscription_id=subscription["id"])
    assert [row["status"] for row in rows] == ["cancelled", "delivered"]
    answer = await alignment.http.post(f"/v1/deliveries/{rows[0]['id']}/replay")
    assert answer.status_code == 409
    await alignment.receives(opened())
    assert len(await deliveries(alignment)) == 2


async def test_a_test_event_is_sent_at_once_and_the_answer_is_shown(alignment: Driven, receiver: Receiver) -> None:
    subscription = await subscribed(alignment, receiver.url, "decision.made")
    receiver.replies = [Reply(200, b"thanks"), Reply(403, b"wrong secret")]
    good = (await alignment.http.post(f"/v1/subscriptions/{subscription['id']}/test")).json()
    bad = (await alignment.http.post(f"/v1/subscriptions/{subscription['id']}/test")).json()
    assert (good["told"], good["status"], good["body"], good["error"]) == (True, 200, "thanks", None)
    assert (bad["told"], bad["error"]) == (False, "HTTP 403 wrong secret")
    Webhook(subscription["secret"]).verify(receiver.got[0].body, receiver.got[0].headers)
    assert receiver.got[0].event["type"] == "whystream.subscription.tested.v1"
    assert await deliveries(alignment) == []
    assert await alignment.said() == []


@pytest.mark.parametrize("age", [timedelta(), timedelta(hours=1)])
async def test_the_request_carries_on_the_trace_or_links_to_it(
    alignment: Driven, receiver: Receiver, age: timedelta
) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    await subscribed(alignment, receiver.url)
    trace_id, span_id = uuid4().hex, uuid4().hex[:16]
    async with alignment.transactions.begin(alignment.workspace) as work:
        await HANDLERS.apply([decode_event(_traced(alignment, f"00-{trace_id}-{span_id}-01", age))], work)
    async with delivering(alignment, tracer=provider.get_tracer("test")):
        await receiver.until(1)
        await settled(alignment)
    (span,) = exporter.get_finished_spans()
    context = span.get_span_context()
    assert context is not None
    assert (span.name, span.kind.name) == ("deliver webhook", "CLIENT")
    sent = receiver.got[0].headers["traceparent"]
    assert sent.startswith(f"00-{context.trace_id:032x}-{context.span_id:016x}-")
    if age:
        assert span.parent is None
        assert [f"{link.context.trace_id:032x}" for link in span.links] == [trace_id]
    else:
        assert span.parent is not None
        assert (f"{context.trace_id:032x}", span.links) == (trace_id, ())
    assert await _traceparent_of_last(alignment) == sent


def _traced(alignment: Driven, traceparent: str, age: timedelta) -> Delivered:
    at = datetime.now(UTC) - age
    envelope = wrap(grew(uuid4()), service="triage", workspace=alignment.workspace, at=at)
    return replace(delivered(envelope), headers={"traceparent": traceparent})


async def _traceparent_of_last(alignment: Driven) -> str:
    async with alignment.transactions.begin(alignment.workspace) as work:
        return await (await work.driver()).fetchval(
            "SELECT traceparent FROM outbox WHERE subject LIKE '%.' || $1 ORDER BY position DESC LIMIT 1",
            alignment.workspace,
        )


async def test_nobody_hears_of_another_workspaces_events(alignment: Driven, receiver: Receiver) -> None:
    stranger = alignment.allow("ws_stranger", "admin", workspace=f"other-{uuid4().hex[:6]}")
    body = {"name": "x", "channel": "webhook", "url": receiver.url, "filter": {"types": ["*"]}}
    foreign = (await alignment.http.post("/v1/subscriptions", json=body, headers=stranger)).json()
    mine = await subscribed(alignment, receiver.url, "decision.made")
    await alignment.receives(opened())
    await proposed(alignment)
    await tell(alignment)
    assert await deliveries(alignment) == []
    assert (await alignment.http.get("/v1/deliveries", headers=stranger)).json()["items"] == []
    for path in (f"/v1/subscriptions/{mine['id']}", f"/v1/feed?subscription_id={mine['id']}"):
        assert (await alignment.http.get(path, headers=stranger)).status_code == 404
    for path in (f"/v1/subscriptions/{foreign['id']}/test", f"/v1/subscriptions/{foreign['id']}/enable"):
        assert (await alignment.http.post(path)).status_code == 404
    assert receiver.got == []
