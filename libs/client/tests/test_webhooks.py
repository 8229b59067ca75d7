"""A delivery is believed only when it was signed with the secret, just now, and reached us unchanged."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some
from standardwebhooks.webhooks import Webhook

from libs.client import WebhookInvalid, verify_webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_AAAAQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"[:38]
BODY = json.dumps({"type": "whystream.decision.made.v1", "data": {"title": "Bauen – jetzt"}}).encode()
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def signed(secret: str = SECRET, body: bytes = BODY, at: datetime = NOW, identity: str = "evt_1") -> dict[str, str]:
    """As the platform signs it: by the reference implementation of Standard Webhooks."""
    signature = Webhook(secret).sign(identity, at, body.decode())
    return {"webhook-id": identity, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


def check(headers: dict[str, str], body: bytes = BODY, secret: str = SECRET) -> dict[str, object]:
    return verify_webhook(secret, headers, body, now=NOW.timestamp())


def test_a_signed_delivery_gives_its_event() -> None:
    assert check(signed())["type"] == "whystream.decision.made.v1"
    assert check({name.title(): value for name, value in signed().items()})


def test_the_specifications_own_example() -> None:
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    assert verify_webhook(SECRET, headers, b'{"test": 2432232314}', now=1614265330) == {"test": 2432232314}


def test_one_good_signature_among_several_is_enough() -> None:
    headers = signed()
    old = signed(secret=OTHER)["webhook-signature"]
    headers["webhook-signature"] = f"v2,abc v1,not-base64! {old} {headers['webhook-signature']}"
    assert check(headers)


@pytest.mark.parametrize("off", [timedelta(seconds=301), timedelta(seconds=-301)])
def test_an_old_or_early_delivery_is_refused(off: timedelta) -> None:
    with pytest.raises(WebhookInvalid, match="check the clocks"):
        check(signed(at=NOW + off))
    assert check(signed(at=NOW + off * 0.99))


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_every_header_is_needed(missing: str) -> None:
    headers = signed()
    del headers[missing]
    with pytest.raises(WebhookInvalid, match="one is missing"):
        check(headers)


@pytest.mark.parametrize("timestamp", ["", "yesterday", "1e9", "-5", "٣", "9" * 400, "17637120.0"])
def test_a_timestamp_that_is_no_number_is_refused(timestamp: str) -> None:
    with pytest.raises(WebhookInvalid):
        check(signed() | {"webhook-timestamp": timestamp})


def test_anything_changed_is_refused() -> None:
    headers = signed()
    for changed in ({"webhook-id": "evt_2"}, {"webhook-timestamp": str(int(NOW.timestamp()) + 1)}):
        with pytest.raises(WebhookInvalid, match="no signature matches"):
            check(headers | changed)
    with pytest.raises(WebhookInvalid, match="no signature matches"):
        check(headers, BODY + b" ")
    with pytest.raises(WebhookInvalid, match="no signature matches"):
        check(signed(secret=OTHER))


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64", "whsec_é"])
def test_a_secret_that_is_none_is_said(secret: str) -> None:
    with pytest.raises(WebhookInvalid, match="the secret is not one"):
        check(signed(), secret=secret)


@pytest.mark.parametrize("body", [b"no json", b"[1]", b'"text"'])
def test_a_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookInvalid, match="the signature is right"):
        check(signed(body=body), body)


@given(some.text(), some.text(), some.text(), some.binary())
def test_nothing_but_webhook_invalid_is_ever_raised(identity: str, timestamp: str, signature: str, body: bytes) -> None:
    headers = {"webhook-id": identity, "webhook-timestamp": timestamp, "webhook-signature": signature}
    with pytest.raises(WebhookInvalid):
        verify_webhook(SECRET, headers, body, now=0)
    headers["webhook-timestamp"] = "0"
    with pytest.raises(WebhookInvalid):
        verify_webhook(SECRET, headers, body, now=0)
