"""One Idempotency-Key is for one request of one caller, however often and however fast it is sent."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx

from tests.flow.bad_input.asking import workspace_of
from tests.flow.bad_input.bodies import feedback
from tests.flow.bad_input.platform import Platform
from tests.flow.bad_input.seed import AT


def test_an_idempotency_key_is_for_one_request(platform: Platform, fresh: str) -> None:
    other = platform.key(workspace_of(fresh), "admin")
    writes = {
        ("alignment", "/v1/objectives"): ({"name": "Fewer calls", "weight": 1}, {"name": "More calls", "weight": 1}),
        ("intake", "/v1/feedback"): (feedback(), feedback(language="en")),
        ("experiments", "/v1/observations"): (
            {"unit": "u", "metric": "m", "value": 1.0, "at": AT},
            {"unit": "u", "metric": "m", "value": 2.0, "at": AT},
        ),
    }
    for (service, path), (body, another) in writes.items():
        key = {"Idempotency-Key": uuid4().hex}
        first = platform.call("POST", path, key=fresh, json=body, headers=key)
        again = platform.call("POST", path, key=fresh, json=body, headers=key)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["idempotent-replay"] == "true"
        with platform.nothing_stored(workspace_of(fresh), by=service):
            reused = platform.call("POST", path, key=fresh, json=another, headers=key)
            platform.refused(reused, 422, "idempotency-key-reused")
            by_another = platform.call("POST", path, key=other, json=body, headers=key)
            platform.refused(by_another, 422, "idempotency-key-reused")
            for bad in ("", "k" * 256):
                sent = platform.call("POST", path, key=fresh, json=another, headers={"Idempotency-Key": bad})
                platform.refused(sent, 422, "invalid")


def test_one_idempotency_key_in_many_requests_at_once_has_one_effect(platform: Platform, fresh: str) -> None:
    headers, body = {"Idempotency-Key": uuid4().hex, "Authorization": f"Bearer {fresh}"}, feedback()

    def write(_: int) -> bytes:
        return httpx.post(
            f"{platform.up.home.url}/v1/feedback", json=body, headers=headers, timeout=30, trust_env=False
        ).content

    with ThreadPoolExecutor(12) as many:
        answers = set(many.map(write, range(24)))
    assert len(answers) == 1
    assert platform.stored(workspace_of(fresh))["intake.feedback"][0] == 1
