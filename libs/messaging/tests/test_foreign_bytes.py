"""Whatever bytes others publish: the connection lives, dead letters can be stored, and no junk travels on."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import nats
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client

from contracts.envelope import wrap
from contracts.experiments import ObservationExposed
from deploy.embedded.infrastructure import Infrastructure
from libs.messaging.connection import withstand_any_bytes
from libs.messaging.dead_letters import storable
from libs.messaging.delivered import Delivered
from libs.messaging.processor import decode_event
from libs.messaging.tracing import TraceCarrier, carrier_from
from libs.messaging.work import Message
from tests.support.driven import Driven, delivered

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    "message",
    [
        b"PUB %b.\xff 1\r\nx\r\n",
        b"PUB %b.\xc3\xa4 1\r\nx\r\n",
        b"HPUB %b.x 19 20\r\nNATS/1.0\r\na: \xff\xfe\r\n\r\nx\r\n",
        b"HPUB %b.x 18 19\r\nNATS/1.0 \xff\xff\xff\r\na:\r\nx\r\n",
        b"HPUB %b.x 20 21\r\nNATS/1.0 404\xff\xff\xff\xff\r\n\r\nx\r\n",
    ],
    ids=["subject", "subject in UTF-8", "header", "status", "description"],
)
async def test_a_connection_outlives_every_message(
    bare_platform: Infrastructure, workspace: str, message: bytes
) -> None:
    came: asyncio.Queue[str] = asyncio.Queue()
    client = await nats.connect(bare_platform.nats_url("admin"))
    withstand_any_bytes(client)

    async def take(msg: Any) -> None:
        await came.put(msg.subject)

    await client.subscribe(f"odd.{workspace}.*", cb=take)
    await client._send_command(message.replace(b"%b", f"odd.{workspace}".encode()))
    await client.publish(f"odd.{workspace}.last", b"", headers={"x": "y"})
    found = [await asyncio.wait_for(came.get(), 5) for _ in range(2)]
    assert all(subject.isascii() for subject in found)
    assert found[1] == f"odd.{workspace}.last"
    await client.close()


@given(st.binary(max_size=60), st.binary(min_size=1, max_size=20))
async def test_any_headers_and_subjects_are_taken_in(headers: bytes, subject: bytes) -> None:
    client = Client()
    received: list[Any] = []

    async def keep(sid: int, subject: bytes, reply: bytes, data: bytes, hdr: Any) -> None:
        received.append((subject.decode(), await client._process_headers(hdr)))

    client._process_msg = keep  # type: ignore[method-assign]  # what nats-py itself does with both
    withstand_any_bytes(client)
    await client._process_msg(1, subject, b"", b"", b"NATS/1.0" + headers)
    await client._process_msg(1, subject, b"", b"", headers)
    assert len(received) == 2


@given(st.text() | st.sampled_from(["\x00", "a\x00b", "\ud800", "\udcff\x00"]))
def test_what_is_storable_has_neither_nul_nor_lone_surrogates(text: str) -> None:
    found = storable(text)
    assert "\x00" not in found
    assert found.encode().decode() == found
    assert len(found) == len(text)


async def test_a_letter_full_of_foreign_bytes_is_kept_whole(triage: Driven) -> None:
    """The error of a bad envelope quotes what is in it, and headers are stored as JSON: neither may hold NUL."""
    body = b'{"specversion": "1.0", "id": "1", "source": "s", "type": "a\\u0000b", "workspace": "%b", "data": {}}'
    raw = Delivered(
        subject=f"whystream.x\x00.{triage.workspace}",
        body=body.replace(b"%b", triage.workspace.encode()).replace(
            b'"data"', b'"time": "2026-01-01T00:00:00Z", "data"'
        ),
        stream="TEST",
        stream_sequence=int(uuid4()) % 10**15,
        stored_at=datetime.now(UTC),
        headers={"a\x00": "\x00", "b": "\udcff"},
    )
    assert await triage.processor(decode=decode_event).process([raw], "TEST") == [None]
    connection = await asyncpg.connect(triage.settings.database_url)
    row = await connection.fetchrow(
        "SELECT subject, error, body, headers::text FROM dead_letter WHERE workspace = $1", triage.workspace
    )
    await connection.close()
    assert row is not None
    assert row["body"] == raw.body
    assert "a\ufffdb" in row["error"]
    assert json.loads(row["headers"]) == {"a\ufffd": "\ufffd", "b": "?"}


async def test_a_decoder_that_fails_in_its_own_way_stops_nobody(triage: Driven) -> None:
    good = ObservationExposed(experiment="e", unit="u", variant="a", at=datetime.now(UTC))

    def decode(raw: Delivered) -> Message[Any]:
        raise OverflowError("date value out of range")

    raw = delivered(wrap(good, service="experiments", workspace=triage.workspace))
    assert await triage.processor(decode=decode).process([raw], "TEST") == [None]
    listed = (await triage.http.get("/v1/services/triage/dead-letters")).json()["items"]
    assert [(item["reason"], item["error"]) for item in listed] == [
        ("unreadable", "OverflowError: date value out of range")
    ]


@pytest.mark.parametrize(
    ("parent", "state", "carried"),
    [
        (PARENT, "a=b", TraceCarrier(PARENT, "a=b")),
        (PARENT, None, TraceCarrier(PARENT)),
        (PARENT, "a=\x00", TraceCarrier(PARENT)),
        (PARENT, "x" * 513, TraceCarrier(PARENT)),
        (PARENT + "\r\nNats-Rollup: all", "a=b", TraceCarrier()),
        (PARENT.upper(), None, TraceCarrier()),
        ("\x00", "a=b", TraceCarrier()),
        (None, "a=b", TraceCarrier()),
        ("", "", TraceCarrier()),
    ],
)
def test_only_what_is_a_trace_is_carried(parent: str | None, state: str | None, carried: TraceCarrier) -> None:
    headers = {name: value for name, value in {"traceparent": parent, "tracestate": state}.items() if value is not None}
    assert carrier_from(headers) == carried
