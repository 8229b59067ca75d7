"""Feedback inside CloudEvents 1.0: what product tools that speak CloudEvents send over HTTP and NATS.

The event's type is `whystream.feedback.submitted.v1`. Its `source` and `id` are the natural key, and its `time` the
moment, unless the data names its own.
"""

from collections.abc import Mapping
from typing import Any

SUBMITTED = "whystream.feedback.submitted.v1"
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


def feedback_in(document: Any) -> Any:
    """The feedback item of a CloudEvent; any other document as it is. What is wrong shows when the item is read."""
    if not isinstance(document, dict) or "specversion" not in document:
        return document
    data = document.get("data")
    if document.get("specversion") != "1.0" or document.get("type") != SUBMITTED or not isinstance(data, dict):
        return {"cloudevent": f"needs specversion 1.0, type {SUBMITTED} and a JSON object as data"}
    defaults = {
        "source": document.get("source"),
        "external_id": document.get("id"),
        "occurred_at": document.get("time"),
    }
    return {name: value for name, value in defaults.items() if value is not None} | data


def from_headers(headers: Mapping[str, str], data: Any) -> dict[str, Any]:
    """The document of a binary-mode event: attributes in `ce-*` headers, data in the body."""
    attributes = {name[3:]: value for name, value in headers.items() if name.startswith("ce-")}
    return {**attributes, "data": data}
