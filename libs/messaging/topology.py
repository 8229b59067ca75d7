"""Streams, durable consumers, key bucket and permissions, all derived from the catalogue and applied by one job.

    python -m libs.messaging.topology        # WHYSTREAM_NATS_URL: a user who may manage JetStream

Idempotent: it creates what is missing and updates what differs. Services only bind, and refuse to start on drift.
"""

import asyncio
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import nats
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from contracts.catalog import CATALOG, SERVICES, TOOLS, consumed_by, owned_by
from libs.messaging.retention import STREAM_DAYS

KEYS_BUCKET = "access_keys"
INGRESS_STREAM = "INGRESS"
INGRESS_SUBJECT = "ingress.feedback.*"
ADVISORY_STREAM = "ADVISORIES"
ADVISORY_KINDS = ("MAX_DELIVERIES", "MSG_TERMINATED")
_ADVISORY = "$JS.EVENT.ADVISORY.CONSUMER"

_DAY = 86_400.0
ACK_WAIT_SECONDS = 30.0
MAX_DELIVER = 100  # our own count of tries ends far earlier; this is the net under it
MAX_ACK_PENDING = 8_000  # two batches of the largest size for each of two replicas


class TopologyDrift(Exception):
    """A stream or consumer is missing or differs from the catalogue; running the topology job again mends it."""

    def __init__(self, differences: Iterable[str]) -> None:
        found = "; ".join(differences)
        super().__init__(f"{found}. Run `python -m libs.messaging.topology` (or `whystream up` again) to mend it")


@dataclass(frozen=True)
class Permissions:
    """Subjects a NATS user may publish and subscribe to."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


@dataclass(frozen=True)
class Durable:
    """One durable consumer: a service's view of one stream."""

    stream: str
    name: str
    filters: tuple[str, ...]


def streams() -> dict[str, StreamConfig]:
    """Every stream, by name. File storage; kept for STREAM_DAYS; duplicates refused for ten minutes."""
    subjects: dict[str, list[str]] = {}
    for entry in CATALOG:
        subjects.setdefault(entry.stream, []).append(entry.subject("*"))
    subjects[INGRESS_STREAM] = [INGRESS_SUBJECT]
    subjects[ADVISORY_STREAM] = [f"{_ADVISORY}.{kind}.>" for kind in ADVISORY_KINDS]
    return {name: _stream(name, found) for name, found in subjects.items()}


def _stream(name: str, subjects: list[str]) -> StreamConfig:
    return StreamConfig(
        name=name,
        subjects=subjects,
        storage=StorageType.FILE,
        max_age=STREAM_DAYS * _DAY,
        duplicate_window=600.0,
        allow_atomic=name != ADVISORY_STREAM,
        allow_direct=True,
    )


def durables(service: str) -> tuple[Durable, ...]:
    """The durable consumers of one service: one per stream that has events for it, plus ingress and advisories."""
    filters: dict[str, list[str]] = {}
    for entry in consumed_by(service):
        filters.setdefault(entry.stream, []).append(entry.subject("*"))
    if service == "intake":
        filters[INGRESS_STREAM] = [INGRESS_SUBJECT]
    found = [Durable(stream, service, tuple(subjects)) for stream, subjects in filters.items()]
    advisories = tuple(f"{_ADVISORY}.{kind}.*.{service}" for kind in ADVISORY_KINDS)
    return (*found, Durable(ADVISORY_STREAM, service, advisories))


def consumer_config(durable: Durable) -> ConsumerConfig:
    return ConsumerConfig(
        durable_name=durable.name,
        filter_subjects=list(durable.filters),
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT_SECONDS,
        max_deliver=MAX_DELIVER,
        max_ack_pending=MAX_ACK_PENDING,
    )


async def apply(js: JetStreamContext) -> list[str]:
    """Make JetStream match the catalogue; returns what was created or changed, in words."""
    done: list[str] = []
    for name, config in streams().items():
        done += await _apply_stream(js, name, config)
    try:
        await js.key_value(KEYS_BUCKET)
    except NotFoundError:
        await js.create_key_value(bucket=KEYS_BUCKET, history=1)
        done.append(f"created bucket {KEYS_BUCKET}")
    for service in SERVICES:
        for durable in durables(service):
            done += await _apply_consumer(js, durable)
    return done


async def _apply_stream(js: JetStreamContext, name: str, config: StreamConfig) -> list[str]:
    try:
        present = (await js.stream_info(name)).config
    except NotFoundError:
        await js.add_stream(config)
        return [f"created stream {name}"]
    if not _differences(name, _wanted_stream(config), _wanted_stream(present)):
        return []
    await js.update_stream(config)
    return [f"updated stream {name}"]


async def _apply_consumer(js: JetStreamContext, durable: Durable) -> list[str]:
    label = f"consumer {durable.name} of {durable.stream}"
    config = consumer_config(durable)
    try:
        present = (await js.consumer_info(durable.stream, durable.name)).config
    except NotFoundError:
        await js.add_consumer(durable.stream, config)
        return [f"created {label}"]
    if not _differences(label, _wanted_consumer(config), _wanted_consumer(present)):
        return []
    await js.add_consumer(durable.stream, config)
    return [f"updated {label}"]


async def verify(js: JetStreamContext, service: str) -> None:
    """Raise TopologyDrift unless every stream and consumer that `service` uses is as the catalogue says."""
    found: list[str] = []
    wanted = streams()
    for name in sorted({durable.stream for durable in durables(service)} | {e.stream for e in owned_by(service)}):
        try:
            present = (await js.stream_info(name)).config
        except NotFoundError:
            found.append(f"stream {name} is missing")
            continue
        found += _differences(f"stream {name}", _wanted_stream(wanted[name]), _wanted_stream(present))
    for durable in durables(service):
        label = f"consumer {durable.name} of {durable.stream}"
        try:
            present_consumer = (await js.consumer_info(durable.stream, durable.name)).config
        except NotFoundError:
            found.append(f"{label} is missing")
            continue
        found += _differences(label, _wanted_consumer(consumer_config(durable)), _wanted_consumer(present_consumer))
    if found:
        raise TopologyDrift(found)


def _wanted_stream(config: StreamConfig) -> dict[str, Any]:
    return {
        "subjects": sorted(config.subjects or []),
        "max_age": config.max_age,
        "duplicate_window": config.duplicate_window,
        "allow_atomic": bool(config.allow_atomic),
        "storage": config.storage,
    }


def _wanted_consumer(config: ConsumerConfig) -> dict[str, Any]:
    filters = config.filter_subjects or ([config.filter_subject] if config.filter_subject else [])
    return {
        "filter_subjects": sorted(filters),
        "ack_policy": config.ack_policy,
        "ack_wait": config.ack_wait,
        "max_deliver": config.max_deliver,
        "max_ack_pending": config.max_ack_pending,
    }


def _differences(label: str, wanted: dict[str, Any], present: dict[str, Any]) -> list[str]:
    return [
        f"{label}: {field} is {present[field]!r}, the catalogue says {value!r}"
        for field, value in wanted.items()
        if present[field] != value
    ]


def nats_permissions() -> dict[str, Permissions]:
    """What each NATS user may do: publish only the events it owns, consume only what the catalogue sends it.

    Inboxes are private (`_INBOX_<user>`), so that no user reads another's replies. `admin` manages the topology.
    """
    found = {service: _service_permissions(service) for service in SERVICES}
    streamed = tuple(entry.subject("*") for entry in CATALOG if entry.streamed)
    found[TOOLS] = Permissions(publish=(INGRESS_SUBJECT, *streamed), subscribe=(f"_INBOX_{TOOLS}.>",))
    found["admin"] = Permissions(publish=(">",), subscribe=(">",))
    return found


def _service_permissions(service: str) -> Permissions:
    publish = [entry.subject("*") for entry in owned_by(service)]
    used: set[str] = {entry.stream for entry in owned_by(service)}
    for durable in durables(service):
        used.add(durable.stream)
        publish += [
            f"$JS.API.CONSUMER.INFO.{durable.stream}.{durable.name}",
            f"$JS.API.CONSUMER.MSG.NEXT.{durable.stream}.{durable.name}",
            f"$JS.ACK.{durable.stream}.{durable.name}.>",
        ]
        if durable.stream != ADVISORY_STREAM:
            publish.append(f"$JS.API.STREAM.MSG.GET.{durable.stream}")
            publish.append(f"$JS.API.DIRECT.GET.{durable.stream}")
    publish += [f"$JS.API.STREAM.INFO.{stream}" for stream in sorted(used)]
    bucket = f"KV_{KEYS_BUCKET}"
    publish += [
        f"$JS.API.STREAM.INFO.{bucket}",
        f"$JS.API.CONSUMER.CREATE.{bucket}",
        f"$JS.API.CONSUMER.CREATE.{bucket}.>",
        f"$JS.API.CONSUMER.INFO.{bucket}.*",
        f"$JS.API.CONSUMER.DELETE.{bucket}.>",
        "$JS.API.INFO",
        f"$JS.FC.{bucket}.>",
    ]
    return Permissions(publish=tuple(publish), subscribe=(f"_INBOX_{service}.>",))


async def main() -> None:
    url = os.environ.get("WHYSTREAM_NATS_URL")
    if not url:
        raise SystemExit("WHYSTREAM_NATS_URL is not set: the address of NATS with a user who may manage JetStream")
    client = await nats.connect(url, connect_timeout=10, max_reconnect_attempts=5)
    try:
        for line in await apply(client.jetstream()) or ["nothing to change"]:
            print(line)
    finally:
        await client.close()


if __name__ == "__main__":
    asyncio.run(main())
