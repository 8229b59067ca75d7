"""Putting messages into a stream: many at once as one atomic batch, all of them or none.

Protocol: NATS ADR-50 (atomic batch publishing): every message carries `Nats-Batch-Id` and `Nats-Batch-Sequence`, the
last one `Nats-Batch-Commit`, and only the last one is answered. The stream must have `allow_atomic`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from nats.aio.client import Client

MAX_BATCH = 1_000
_DUPLICATE = 10201


class PublishRefused(Exception):
    """The stream did not take the messages; none of them is stored. Publishing again is safe."""


class BatchHasDuplicate(PublishRefused):
    """At least one message id of the batch is already in the stream (or twice in the batch)."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message for the stream. `headers` must hold a `Nats-Msg-Id`, so that publishing it again is harmless."""

    subject: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


async def publish_batch(client: Client, messages: Sequence[Outgoing], *, wait: float = 10.0) -> None:
    """Store 1 to 1,000 messages of one stream, in order, all or none; returns once the stream has them on disk.

    `wait` is in seconds. Raises BatchHasDuplicate or PublishRefused; errors of the connection are nats.errors.
    """
    if not 1 <= len(messages) <= MAX_BATCH:
        raise ValueError(f"a batch has 1 to {MAX_BATCH} messages, not {len(messages)}")
    if len(messages) == 1:
        only = messages[0]
        await _commit(client, only.subject, only.body, only.headers, wait)
        return
    batch_id = uuid4().hex
    for number, message in enumerate(messages[:-1], 1):
        headers = {**message.headers, "Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(number)}
        await client.publish(message.subject, message.body, headers=headers)
    last = messages[-1]
    end = {"Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(len(messages)), "Nats-Batch-Commit": "1"}
    answer = await _commit(client, last.subject, last.body, {**last.headers, **end}, wait)
    if answer.get("count") != len(messages):
        raise PublishRefused(f"the stream committed {answer.get('count')} of {len(messages)} messages")


async def _commit(client: Client, subject: str, body: bytes, headers: dict[str, str], wait: float) -> dict:
    reply = await client.request(subject, body, timeout=wait, headers=headers)
    answer = json.loads(reply.data)
    error = answer.get("error")
    if error is None:
        return answer
    if error.get("err_code") == _DUPLICATE:
        raise BatchHasDuplicate(error["description"])
    raise PublishRefused(f"{error.get('description')} (code {error.get('err_code')})")
