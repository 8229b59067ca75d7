"""Bodies that are no JSON, too large, or wrong in one place: a precise problem, and nothing stored."""

import copy
import json
from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.flow.bad_input.asking import NOBODY, TAKES_BODY, WRITES, each, send, workspace_of
from tests.flow.bad_input.bodies import NO_JSON, NO_OBJECT, bodies, feedback, spoiled
from tests.flow.bad_input.platform import Platform
from tests.flow.bad_input.routes import Call
from tests.flow.bad_input.seed import AT, Seeded


@each(TAKES_BODY)
def test_bytes_that_are_no_json(platform: Platform, victim: Seeded, call: Call) -> None:
    with platform.nothing_stored(victim.workspace):
        for body in bodies(victim.ids)[str(call)]:
            for content in NO_JSON.values():
                platform.refused(send(platform, call, victim, content, body), 400, "malformed")
            for content in NO_OBJECT.values():
                # A feedback array is a batch, in which the bad items are refused one by one.
                if content != b"[1]" or call.has_model or body.inside:
                    platform.refused(send(platform, call, victim, content, body), 422, "invalid")


@each(TAKES_BODY)
def test_another_content_type(platform: Platform, victim: Seeded, call: Call) -> None:
    body = bodies(victim.ids)[str(call)][0]
    with platform.nothing_stored(victim.workspace):
        for kind in (b"text/xml", b"text/plain", b"application/x-www-form-urlencoded", b"\xff/\xfe", b"json"):
            path = victim.path(call.path, call.service)
            content = json.dumps(body.good).encode()
            answer = platform.call(call.method, path, key=victim.key, content=content, headers={"Content-Type": kind})
            platform.refused(answer, 415, "unsupported-media-type")


@each(WRITES)
def test_a_body_of_six_mebibytes(platform: Platform, victim: Seeded, call: Call) -> None:
    path, size = victim.path(call.path, call.service), 6 * 1024 * 1024
    with platform.nothing_stored(victim.workspace):
        for content in (b" " * size, iter([b" " * (size // 64)] * 64)):
            headers = {"Content-Type": "application/json"}
            answer = platform.call(call.method, path, key=victim.key, content=content, headers=headers)
            platform.refused(answer, 413, "too-large")


@each(TAKES_BODY)
def test_every_field_in_every_wrong_way(platform: Platform, victim: Seeded, call: Call) -> None:
    tried = 0
    with platform.nothing_stored(victim.workspace):
        for body in bodies(victim.ids)[str(call)]:
            for about, content in spoiled(body):
                answer = send(platform, call, victim, content, body)
                assert answer.status_code in (400, 422), f"{about}: {answer.status_code} {answer.text[:300]}"
                platform.refused(answer, (400, 422))
                tried += 1
    assert tried >= 10


def test_in_a_batch_only_the_bad_items_are_refused(platform: Platform, fresh: str) -> None:
    good = [feedback(external_id=f"G-{n}") for n in range(3)]
    bad = [content for _, content in spoiled(bodies(defaultdict(lambda: NOBODY))["POST /v1/feedback"][0])]
    lines = [json.dumps(good[0]).encode(), *bad, json.dumps(good[1]).encode(), *NO_JSON.values(), b"[]", b"5"]
    lines = [line for line in [*lines, json.dumps(good[2]).encode()] if b"\n" not in line and len(line) < 50_000]
    answer = platform.call(
        "POST", "/v1/feedback", key=fresh, content=b"\n".join(lines), headers={"Content-Type": "application/x-ndjson"}
    )
    found = answer.json()
    assert (answer.status_code, found["accepted"], found["rejected"]) == (202, 3, len(lines) - 3)
    refused = [item for item in found["items"] if item["status"] == "rejected"]
    assert all(item["errors"] and "id" not in item for item in refused)
    array = platform.call("POST", "/v1/feedback", key=fresh, json=[*good, 5, {}, {"text": "\x00", "source": "x"}])
    assert (array.json()["duplicate"], array.json()["rejected"]) == (3, 3)
    seen = [{"experiment": "e", "unit": "u", "variant": "a", "at": AT}, {"unit": "u"}, {"metric": "m", "value": "1"}]
    observed = platform.call("POST", "/v1/observations", key=fresh, json=seen)
    assert (observed.status_code, observed.json()["accepted"], observed.json()["rejected"]) == (202, 1, 2)


def test_too_many_items(platform: Platform, fresh: str) -> None:
    workspace = workspace_of(fresh)
    many = [feedback()] * 1_001
    event = {"specversion": "1.0", "type": "whystream.feedback.submitted.v1", "source": "s", "id": "1"}
    sent = [
        ("/v1/feedback", json.dumps(many), "application/json"),
        ("/v1/feedback", "\n".join(map(json.dumps, many)), "application/x-ndjson"),
        ("/v1/feedback", "1\n" * 2_500_000, "application/x-ndjson"),
        ("/v1/events", json.dumps([event] * 1_001), "application/cloudevents-batch+json"),
        ("/v1/observations", json.dumps([{}] * 1_001), "application/json"),
    ]
    with platform.nothing_stored(workspace):
        for path, content, kind in sent:
            answer = platform.call("POST", path, key=fresh, content=content, headers={"Content-Type": kind})
            platform.refused(answer, 413, "too-large")


def test_more_than_one_event_can_hold(platform: Platform, victim: Seeded) -> None:
    """Words within each field's bounds that are together more than NATS takes must not get as far as the outbox."""
    heavy = {"kind": "url", "ref": "x" + "\x01" * 1_998 + "x", "note": "\x01" * 500}
    proposal = bodies(victim.ids)["POST /v1/decisions"][0].good | {"evidence": [heavy] * 100}
    with platform.nothing_stored(victim.workspace):
        answer = platform.call("POST", "/v1/decisions", key=victim.key, json=proposal)
        platform.refused(answer, (413, 422))


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["\x00", "\ud800"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_no_json_whatsoever_breaks_anything(platform: Platform, stranger: Seeded, data: st.DataObject) -> None:
    call = data.draw(st.sampled_from(TAKES_BODY), "call")
    body = bodies(stranger.ids)[str(call)][0]
    changed = copy.deepcopy(body.good)
    part = changed[body.inside] if body.inside else changed
    for name in data.draw(st.lists(st.sampled_from(sorted(part)), max_size=3), "fields"):
        part[name] = data.draw(_JSON, name)
    answer = send(platform, call, stranger, json.dumps(changed).encode(), body)
    if not answer.is_success:
        platform.refused(answer, (400, 404, 409, 413, 422))
