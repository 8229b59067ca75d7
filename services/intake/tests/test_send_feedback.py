"""Words come in once, whole, and only when they are good."""

import json
from uuid import uuid4

import pytest

from contracts.feedback import FeedbackQuarantined, FeedbackReceived, FeedbackReleased
from tests.support.driven import Driven

ITEM = {"text": "Reminders come an hour late", "source": "support-desk", "external_id": "T-1"}


async def test_one_item_is_accepted_and_announced_without_its_contact(intake: Driven) -> None:
    customer = {"id": "c-1", "segment": "practice", "contact": "ann@clinic.example", "wants_reply": True}
    answer = await intake.http.post("/v1/feedback", json={**ITEM, "customer": customer})
    assert answer.status_code == 202
    assert answer.json()["items"][0]["status"] == "accepted"
    said = await intake.last_said(FeedbackReceived)
    assert said.text == ITEM["text"]
    assert said.customer is not None
    assert said.customer.wants_reply
    assert "ann@clinic.example" not in (await intake.said_envelopes())[0].to_bytes().decode()
    shown = await intake.http.get(f"/v1/feedback/{said.feedback_id}")
    assert shown.json()["customer"]["contact"] == "ann@clinic.example"


async def test_the_natural_key_is_accepted_once_and_answers_with_the_first_id(intake: Driven) -> None:
    first = (await intake.http.post("/v1/feedback", json=ITEM)).json()["items"][0]
    again = (await intake.http.post("/v1/feedback", json=[ITEM, ITEM])).json()
    assert again["duplicate"] == 2
    assert {item["id"] for item in again["items"]} == {first["id"]}
    assert len(await intake.said(FeedbackReceived)) == 1


async def test_a_natural_key_may_be_as_long_as_its_fields(intake: Driven) -> None:
    """Longer than an index entry of Postgres, and told apart to the last character."""
    long = "".join(chr(0x10000 + number * 37) for number in range(499))
    items = [{**ITEM, "source": f"{long}s", "external_id": f"{long}{last}"} for last in "ab"]
    answer = (await intake.http.post("/v1/feedback", json=[*items, *items])).json()
    assert (answer["accepted"], answer["duplicate"]) == (2, 2)


async def test_in_a_batch_only_the_bad_items_are_refused(intake: Driven) -> None:
    lines = [json.dumps({**ITEM, "external_id": None}).encode(), b'{"text": 5}', b"{broken", b'"\xff"', b"[]"]
    answer = await intake.http.post(
        "/v1/feedback", content=b"\n".join(lines), headers={"Content-Type": "application/x-ndjson"}
    )
    assert answer.status_code == 202
    assert [item["status"] for item in answer.json()["items"]] == ["accepted"] + ["rejected"] * 4
    assert len(await intake.said()) == 1


@pytest.mark.parametrize(
    ("body", "kind", "status", "problem"),
    [
        (b"{broken", "application/json", 400, "malformed"),
        (b'"\xff\xfe"', "application/json", 400, "malformed"),
        (b'{"source": "x"}', "application/json", 422, "invalid"),
        (b'{"source": "x", "text": 5}', "application/json", 422, "invalid"),
        (b'{"source": "x", "text": "  "}', "application/json", 422, "invalid"),
        (b'{"source": "x", "text": "a\\u0000b"}', "application/json", 422, "invalid"),
        (b'{"source": "x", "text": "\\ud800"}', "application/json", 400, "malformed"),
        (b'{"source": "x", "text": "y", "colour": 1}', "application/json", 422, "invalid"),
        (b'{"source": "x", "text": "y", "occurred_at": "2999-01-01T00:00:00Z"}', "application/json", 422, "invalid"),
        (
            b'{"source": "x", "text": "y", "occurred_at": "0001-01-01T00:00:00+14:00"}',
            "application/json",
            422,
            "invalid",
        ),
        (b'{"source": "x", "text": "y", "occurred_at": 5}', "application/json", 422, "invalid"),
        (
            b'{"source": "x", "text": "y", "customer": {"id": "c", "wants_reply": "yes"}}',
            "application/json",
            422,
            "invalid",
        ),
        (b"[]", "application/json", 422, "invalid"),
        (b"[" + b"1," * 1000 + b"1]", "application/json", 413, "too-large"),
        (b" " * (6 * 1024 * 1024), "application/json", 413, "too-large"),
        (b"<xml/>", "text/xml", 415, "unsupported-media-type"),
    ],
)
async def test_bad_requests_get_a_precise_problem_and_store_nothing(
    intake: Driven, body: bytes, kind: str, status: int, problem: str
) -> None:
    answer = await intake.http.post("/v1/feedback", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["type"].endswith("/" + problem)
    assert await intake.said() == []


async def test_only_a_key_with_the_scope_may_send_or_read(intake: Driven) -> None:
    nobody = await intake.http.post("/v1/feedback", json=ITEM, headers={"Authorization": ""})
    unknown = await intake.http.post("/v1/feedback", json=ITEM, headers={"Authorization": "Bearer ws_x_y"})
    reader = intake.allow("ws_reader", "problems:read")
    forbidden = await intake.http.post("/v1/feedback", json=ITEM, headers=reader)
    assert [nobody.status_code, unknown.status_code, forbidden.status_code] == [401, 401, 403]
    assert forbidden.json()["needed"] == "feedback:write"
    assert await intake.said() == []


async def test_another_workspaces_feedback_does_not_exist(intake: Driven) -> None:
    identity = (await intake.http.post("/v1/feedback", json=ITEM)).json()["items"][0]["id"]
    stranger = intake.allow("ws_stranger", "admin", workspace=f"other-{uuid4().hex[:6]}")
    answer = await intake.http.get(f"/v1/feedback/{identity}", headers=stranger)
    assert answer.status_code == 404
    assert ITEM["text"] not in answer.text


async def test_an_idempotency_key_repeats_the_answer_and_refuses_another_body(intake: Driven) -> None:
    item, key = {"text": "no external id", "source": "in-app"}, {"Idempotency-Key": uuid4().hex}
    first = await intake.http.post("/v1/feedback", json=item, headers=key)
    again = await intake.http.post("/v1/feedback", json=item, headers=key)
    other = await intake.http.post("/v1/feedback", json={**item, "text": "different"}, headers=key)
    assert again.json() == first.json()
    assert again.headers["idempotent-replay"] == "true"
    assert (other.status_code, other.json()["type"].rpartition("/")[2]) == (422, "idempotency-key-reused")
    assert len(await intake.said(FeedbackReceived)) == 1


async def test_a_pile_of_links_waits_for_a_person(intake: Driven) -> None:
    spam = {"text": "http://a.example http://b.example http://c.example http://d.example buy", "source": "in-app"}
    receipt = (await intake.http.post("/v1/feedback", json=spam)).json()["items"][0]
    assert receipt["status"] == "quarantined"
    assert isinstance(await intake.last_said(), FeedbackQuarantined)
    released = await intake.http.post(f"/v1/feedback/{receipt['id']}/release")
    assert released.status_code == 202
    assert [type(event) for event in await intake.said()][1:] == [FeedbackReleased, FeedbackReceived]
    assert (await intake.http.post(f"/v1/feedback/{receipt['id']}/release")).status_code == 409


async def test_cloudevents_in_all_three_modes(intake: Driven) -> None:
    event = {
        "specversion": "1.0",
        "type": "whystream.feedback.submitted.v1",
        "source": "crm",
        "id": "7",
        "data": {"text": "The agenda is slow"},
    }
    structured = await intake.http.post(
        "/v1/events", content=json.dumps(event), headers={"Content-Type": "application/cloudevents+json"}
    )
    binary = await intake.http.post(
        "/v1/events",
        json=event["data"],
        headers={"ce-specversion": "1.0", "ce-type": str(event["type"]), "ce-source": "crm", "ce-id": "8"},
    )
    batch = await intake.http.post(
        "/v1/events",
        content=json.dumps([event, {**event, "id": "9"}, {**event, "type": "other"}]),
        headers={"Content-Type": "application/cloudevents-batch+json"},
    )
    assert structured.json()["accepted"] == binary.json()["accepted"] == 1
    assert [item["status"] for item in batch.json()["items"]] == ["duplicate", "accepted", "rejected"]
