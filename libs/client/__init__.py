"""The Whystream client: for tools that send words and observations, and for people and programs that are told."""

from .aio import AsyncWhystream
from .calls import Call
from .errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Refused,
    Unauthenticated,
    Unavailable,
    Unreachable,
    WebhookInvalid,
    WhystreamError,
)
from .retries import Retries
from .shapes import Customer, Exposure, Feedback, FeedItem, Outcome, Receipt, Sent
from .sync import Whystream
from .webhooks import verify_webhook

__all__ = [
    "AsyncWhystream",
    "Call",
    "Conflict",
    "Customer",
    "Exposure",
    "FeedItem",
    "Feedback",
    "Forbidden",
    "Invalid",
    "NotFound",
    "Outcome",
    "Receipt",
    "Refused",
    "Retries",
    "Sent",
    "Unauthenticated",
    "Unavailable",
    "Unreachable",
    "WebhookInvalid",
    "Whystream",
    "WhystreamError",
    "verify_webhook",
]
