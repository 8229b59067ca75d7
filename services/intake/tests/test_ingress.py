"""Words that product tools publish on NATS: the same natural keys as over HTTP, once, and bad bytes set aside."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import asyncpg
import nats
import pytest

from contracts.feedback import FeedbackQuarantined, FeedbackReceived
from deploy.embedded.infrastructure import Infrastructure
from libs.messaging.connection import withstand_any_bytes
from libs.messaging.consumer import Consumer
from libs.messaging.delivered import Delivered
from libs.messaging.processor import Processor
from libs.messaging.topology import INGRESS_STREAM
from services.intake.cloudevents import SUBMITTED
from services.intake.events import DECODERS
from tests.support.driven import Driven

ITEM = {"text": "Reminders come an hour late", "source": "support-desk", "external_id": "T-1"}
EVENT = {"specversion": "1.0", "type": SUBMITTED, "source": "crm", "id": "7", "time": "2026-11-01T09:30:00Z"}
_place = iter(range(1, 10**6))


def message(driven: Driven, body: Any, *, workspace: str | None = None, **headers: str) -> Delivered:
    """What a tool published, at a place of its own in the stream."""
    return Delivered(
        subject=f"ingress.feedback.{driven.workspace if workspace is None else workspace}",
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        stream=INGRESS_STREAM,
        stream_sequence=next(_place),
        stored_at=datetime.now(UTC),
        headers=headers,
    )


def ingress(driven: Driven) -> Processor[Any]:
    return driven.processor(decode=DECODERS[INGRESS_STREAM])


async def take(driven: Driven, *messages: Delivered) -> None:
    outcomes = await ingress(driven).process(messages, INGRESS_STREAM)
    assert outcomes == [None] * len(messages)


async def letters(driven: Driven) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(driven.settings.database_url)
    try:
        return await connection.fetch(
            "SELECT reason, error, body, headers::text FROM dead_letter WHERE workspace = $1 ORDER BY stream_sequence",
            driven.workspace,
        )
    finally:
        await connection.close()


async def test_a_natural_key_counts_once_however_it_comes(intake: Driven) -> None:
    await intake.http.post("/v1/feedback", json=ITEM)
    other = {**ITEM, "external_id": "T-2"}
    await take(intake, message(intake, ITEM), message(intake, other), message(intake, other))
    receipt = (await intake.http.post("/v1/feedback", json=other)).json()
    assert receipt["duplicate"] == 1
    assert [said.external_id for said in await intake.said(FeedbackReceived)] == ["T-1", "T-2"]


async def test_words_without_a_natural_key_come_once_however_often_the_message_does(intake: Driven) -> None:
    raw = message(intake, {"text": "no key", "source": "in-app"})
    await take(intake, raw, raw)
    await take(intake, raw)
    await take(intake, message(intake, {"text": "no key", "source": "in-app"}))
    assert len(await intake.said(FeedbackReceived)) == 2


async def test_a_cloudevent_names_source_key_and_time_unless_its_data_do(intake: Driven) -> None:
    plain = {**EVENT, "data": {"text": "The agenda is slow"}}
    own = {**EVENT, "id": "8", "data": {"text": "It is slow", "external_id": "own", "source": "app"}}
    await take(intake, message(intake, plain), message(intake, own))
    first, second = await intake.said(FeedbackReceived)
    assert (first.source, first.external_id, first.occurred_at.isoformat()) == ("crm", "7", "2026-11-01T09:30:00+00:00")
    assert (second.source, second.external_id) == ("app", "own")


async def test_suspicious_words_wait_for_a_person_here_too(intake: Driven) -> None:
    await take(intake, message(intake, {"text": "https://a.example/buy", "source": "app"}))
    assert [type(said) for said in await intake.said()] == [FeedbackQuarantined]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "not JSON in UTF-8"),
        (b"\xff\xfe", "not JSON in UTF-8"),
        (b"[" * 100_000, "recursion limit"),
        (b'{"text": "\\ud800", "source": "x"}', "not JSON in UTF-8"),
        (b"[]", "item: must be a JSON object"),
        (b'{"text": "x"}', "source: Field required"),
        (b'{"text": 5, "source": "x"}', "text: Input should be a valid string"),
        (b'{"text": "a\\u0000b", "source": "x"}', "text: Value error, must not contain NUL"),
        (b'{"text": "x", "source": "y", "\\u0000": 1}', "\ufffd: Extra inputs are not permitted"),
        (b'{"text": "x", "source": "y", "occurred_at": "2999-01-01T00:00:00Z"}', "occurred_at: lies more than a day"),
        (b'{"text": "x", "source": "y", "occurred_at": 5}', "occurred_at: Value error, must be a string"),
        (b'{"specversion": "0.3", "type": "x", "data": {}}', "cloudevent: Extra inputs"),
        (b'{"specversion": "1.0", "type": "other", "source": "x", "id": "1", "data": {}}', "cloudevent: Extra inputs"),
    ],
)
async def test_bad_bytes_are_set_aside_with_their_reason(intake: Driven, body: bytes, error: str) -> None:
    await take(intake, message(intake, ITEM), message(intake, body), message(intake, {**ITEM, "external_id": "T-2"}))
    (letter,) = await letters(intake)
    assert (letter["reason"], letter["body"]) == ("unreadable", body)
    assert error in letter["error"]
    assert len(await intake.said(FeedbackReceived)) == 2


async def test_headers_that_are_no_trace_stay_out_of_the_outbox_and_strange_ones_in_the_letter(intake: Driven) -> None:
    junk = {"traceparent": "\x00", "tracestate": "x" * 5_000, "x": "\x00\udcff"}
    await take(intake, message(intake, ITEM, **junk), message(intake, b"{", **junk))
    (letter,) = await letters(intake)
    assert json.loads(letter["headers"])["x"] == "\ufffd?"
    connection = await asyncpg.connect(intake.settings.database_url)
    traces = await connection.fetch("SELECT traceparent FROM outbox WHERE subject LIKE '%.' || $1", intake.workspace)
    await connection.close()
    assert [row[0] for row in traces] == [None]


@pytest.mark.parametrize("named", ["", "Upper", "a b", "-", "a" * 41, "\x00"])
async def test_a_subject_that_names_no_workspace_stores_nothing(intake: Driven, named: str) -> None:
    await take(intake, message(intake, {**ITEM, "external_id": "T-0"}, workspace=named), message(intake, ITEM))
    assert len(await intake.said()) == 1


async def test_over_real_nats_as_a_product_tool(intake: Driven, platform: Infrastructure) -> None:
    """Published with a tool's own user, among subjects and headers that are no text; read by the real consumer."""
    client = await nats.connect(platform.nats_url("intake"), inbox_prefix="_INBOX_intake")
    withstand_any_bytes(client)
    consumer = Consumer(client, ingress(intake), INGRESS_STREAM, "intake")
    reading = asyncio.create_task(consumer.run())
    tool = await nats.connect(platform.nats_url("tools"), inbox_prefix="_INBOX_tools")
    subject = f"ingress.feedback.{intake.workspace}"
    await tool.publish(subject, json.dumps(ITEM).encode())
    await tool.publish(subject, b"\xff", headers={"x": "ä"})
    await tool._send_command(b"PUB ingress.feedback.\xff 2\r\n{}\r\n")  # no client library would
    await tool.publish(subject, json.dumps({**ITEM, "external_id": "T-2"}).encode())
    await tool.flush()
    for _ in range(100):
        if len(await intake.said(FeedbackReceived)) == 2 and await letters(intake):
            break
        await asyncio.sleep(0.1)
    consumer.stop()
    await asyncio.wait_for(reading, 10)
    assert [said.external_id for said in await intake.said(FeedbackReceived)] == ["T-1", "T-2"]
    assert [letter["reason"] for letter in await letters(intake)] == ["unreadable"]
    assert client.is_connected
    await tool.close()
    await client.close()
