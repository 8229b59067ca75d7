"""Checking a webhook that Whystream sent, by the Standard Webhooks specification (HMAC-SHA256, scheme v1)."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from .errors import WebhookInvalid

TOLERANCE_SECONDS = 300
_PREFIX = "whsec_"


def verify_webhook(secret: str, headers: Mapping[str, str], body: bytes, *, now: float | None = None) -> dict[str, Any]:
    """The CloudEvent in `body`, after its signature was checked; raises WebhookInvalid otherwise.

    Give the raw bytes as they came: parsing and writing them again changes them. `headers` may have any case. A
    delivery signed more than five minutes ago (or ahead) is refused, so that an old one cannot be played again.
    Deliveries repeat after a lost answer: handle each `webhook-id` once.
    """
    given = {name.lower(): value for name, value in headers.items()}
    identity, timestamp = given.get("webhook-id"), given.get("webhook-timestamp")
    signatures = given.get("webhook-signature")
    if not identity or not timestamp or not signatures:
        raise WebhookInvalid("webhook-id, webhook-timestamp and webhook-signature are needed; one is missing")
    _check_time(timestamp, time.time() if now is None else now)
    signed = f"{identity}.{timestamp}.".encode() + body
    expected = hmac.new(_key(secret), signed, hashlib.sha256).digest()
    if not _any_matches(signatures, expected):
        raise WebhookInvalid("no signature matches: the secret is another one, or the body was changed on its way")
    try:
        event = json.loads(body)
    except ValueError as error:
        raise WebhookInvalid(f"the signature is right but the body is not JSON: {error}") from None
    if not isinstance(event, dict):
        raise WebhookInvalid("the signature is right but the body is no CloudEvent")
    return event


def _check_time(timestamp: str, now: float) -> None:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise WebhookInvalid("webhook-timestamp is not a number of seconds")
    age = now - int(timestamp)
    if abs(age) > TOLERANCE_SECONDS:
        when = "ago" if age > 0 else "ahead"
        raise WebhookInvalid(f"it was signed {abs(age):.0f} s {when}, {TOLERANCE_SECONDS} at most; check the clocks")


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise WebhookInvalid("the secret is not one of the form whsec_<base64>; take it as the subscription gave it")
    return key


def _any_matches(signatures: str, expected: bytes) -> bool:
    # Several are sent while a secret is being changed. All are compared, so that timing says nothing.
    matched = False
    for signature in signatures.split()[:20]:
        version, _, encoded = signature.partition(",")
        if version != "v1":
            continue
        try:
            candidate = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            continue
        matched |= hmac.compare_digest(candidate, expected)
    return matched
