"""Observations are accepted once they are on disk in the stream, and only good ones."""

import json
from typing import Any
from uuid import uuid4

import nats
import pytest
from nats.aio.client import Client
from uuid_utils.compat import uuid7

from contracts.envelope import Envelope, parse
from contracts.experiments import ObservationExposed, ObservationMeasured
from deploy.embedded.infrastructure import Infrastructure
from tests.support.driven import Driven

EXPOSURE = {"experiment": "reminder-timing", "unit": "u1", "variant": "control", "at": "2026-11-20T10:00:00Z"}
OUTCOME = {"unit": "u1", "metric": "kept", "value": 1, "at": "2026-11-20T11:00:00Z"}


async def stored(admin: Client, workspace: str) -> list[Envelope]:
    """What the stream holds of a workspace, in order."""
    found = []
    for kind in (ObservationExposed, ObservationMeasured):
        subject = f"{kind.TYPE}.{workspace}"
        state = (await admin.jetstream().stream_info("OBSERVATIONS", subjects_filter=subject)).state
        subscription = await admin.jetstream().subscribe(subject, ordered_consumer=True)
        for _ in range((state.subjects or {}).get(subject, 0)):
            found.append(parse((await subscription.next_msg(timeout=5)).data))
        await subscription.unsubscribe()
    return found


async def test_exposures_and_outcomes_reach_the_stream(experiments: Driven, admin: Client) -> None:
    answer = await experiments.http.post("/v1/observations", json=[OUTCOME, EXPOSURE])
    assert answer.status_code == 202
    assert [item["status"] for item in answer.json()["items"]] == ["accepted"] * 2
    found = await stored(admin, experiments.workspace)
    assert [envelope.type for envelope in found] == [ObservationExposed.TYPE, ObservationMeasured.TYPE]
    assert {envelope.id for envelope in found} == {item["id"] for item in answer.json()["items"]}
    assert found[0].data["unit"] == "u1"


async def test_one_object_and_ndjson_are_read_too(experiments: Driven, admin: Client) -> None:
    lines = [json.dumps(EXPOSURE).encode(), b"", b"{broken", json.dumps({**OUTCOME, "value": "1"}).encode(), b"[]"]
    answer = await experiments.http.post(
        "/v1/observations", content=b"\n".join(lines), headers={"Content-Type": "application/x-ndjson"}
    )
    assert [item["status"] for item in answer.json()["items"]] == ["accepted", "rejected", "rejected", "rejected"]
    assert answer.json()["items"][2]["errors"][0]["at"] == "value"
    assert (await experiments.http.post("/v1/observations", json=OUTCOME)).json()["accepted"] == 1
    assert len(await stored(admin, experiments.workspace)) == 2


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (b"{broken", "application/json", (400, "malformed")),
        (b'"\xff"', "application/json", (400, "malformed")),
        (b"[]", "application/json", (422, "invalid")),
        (b"{}", "application/json", (422, "invalid")),
        (json.dumps({**EXPOSURE, "metric": "kept"}).encode(), "application/json", (422, "invalid")),
        (json.dumps({**EXPOSURE, "unit": "a\x00b"}).encode(), "application/json", (422, "invalid")),
        (json.dumps({**EXPOSURE, "unit": " "}).encode(), "application/json", (422, "invalid")),
        (json.dumps({**EXPOSURE, "at": "2026-11-20T10:00:00"}).encode(), "application/json", (422, "invalid")),
        (json.dumps({**EXPOSURE, "at": "2999-01-01T00:00:00Z"}).encode(), "application/json", (422, "invalid")),
        (json.dumps({**EXPOSURE, "at": "0001-01-01T00:00:00+14:00"}).encode(), "application/json", (422, "invalid")),
        (json.dumps({**OUTCOME, "value": 1e300}).encode(), "application/json", (422, "invalid")),
        (json.dumps({**OUTCOME, "value": True}).encode(), "application/json", (422, "invalid")),
        (
            b'{"unit": "a", "metric": "kept", "value": NaN, "at": "2026-11-20T10:00:00Z"}',
            "application/json",
            (422, "invalid"),
        ),
        (b"[" + b"1," * 1000 + b"1]", "application/json", (413, "too-large")),
        (b" " * (6 * 1024 * 1024), "application/json", (413, "too-large")),
        (b"<xml/>", "text/xml", (415, "unsupported-media-type")),
    ],
)
async def test_bad_requests_get_a_precise_problem_and_store_nothing(
    experiments: Driven, admin: Client, body: bytes, kind: str, expected: tuple[int, str]
) -> None:
    answer = await experiments.http.post("/v1/observations", content=body, headers={"Content-Type": kind})
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == expected
    assert await stored(admin, experiments.workspace) == []


async def test_a_repeat_with_the_same_key_stores_nothing_twice(experiments: Driven, admin: Client) -> None:
    key, body = {"Idempotency-Key": uuid4().hex}, [EXPOSURE, OUTCOME, {"bad": 1}]
    first = await experiments.http.post("/v1/observations", json=body, headers=key)
    again = await experiments.http.post("/v1/observations", json=body, headers=key)
    other = await experiments.http.post("/v1/observations", json=[OUTCOME], headers=key)
    assert again.json() == first.json()
    assert again.headers["idempotent-replay"] == "true"
    assert (other.status_code, other.json()["type"].rpartition("/")[2]) == (422, "idempotency-key-reused")
    assert len(await stored(admin, experiments.workspace)) == 2


@pytest.mark.parametrize("body", [[EXPOSURE, OUTCOME], [EXPOSURE]])
async def test_a_repeat_after_a_lost_answer_stores_nothing_twice(
    experiments: Driven, admin: Client, body: list[Any]
) -> None:
    """As after a crash between the stream's acknowledgement and the keeping of the answer."""
    key = uuid4().hex
    first = await experiments.http.post("/v1/observations", json=body, headers={"Idempotency-Key": key})
    async with experiments.transactions.begin(experiments.workspace) as work:
        await (await work.driver()).execute("UPDATE idempotency SET body = NULL, status = NULL WHERE key = $1", key)
    again = await experiments.http.post("/v1/observations", json=body, headers={"Idempotency-Key": key})
    assert (again.status_code, again.json()) == (202, first.json())
    assert len(await stored(admin, experiments.workspace)) == len(body)


async def test_without_the_stream_nothing_is_accepted_and_trying_again_works(
    experiments: Driven, admin: Client, platform: Infrastructure
) -> None:
    key, working = {"Idempotency-Key": uuid7().hex}, experiments.app.state.client
    gone = await nats.connect(platform.nats_url("experiments"), inbox_prefix="_INBOX_experiments")
    await gone.close()
    experiments.app.state.client = gone
    refused = await experiments.http.post("/v1/observations", json=EXPOSURE, headers=key)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
    assert "try again" in refused.json()["detail"]
    experiments.app.state.client = working
    assert (await experiments.http.post("/v1/observations", json=EXPOSURE, headers=key)).status_code == 202
    assert len(await stored(admin, experiments.workspace)) == 1
