"""The catalogue as an AsyncAPI 3.0 document: what travels on which subject, who sends it and who receives it.

Source of the structure: AsyncAPI Specification 3.0.0 and the CloudEvents 1.0.2 JSON event format.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from contracts.catalog import TOOLS, EventType
from contracts.envelope import CONTENT_TYPE, WORKSPACE
from contracts.schema import schema_of

_SCHEMAS = "#/components/schemas/"
_UUID = {"type": "string", "format": "uuid"}


class NameTaken(ValueError):
    """Two different shapes share a class name, and so a place in the document; rename one of the classes."""

    def __init__(self, name: str) -> None:
        super().__init__(f"two different shapes are called '{name}'; rename one of the classes in contracts/")


def asyncapi_of(catalog: Sequence[EventType], samples: Mapping[str, Mapping[str, Any]]) -> str:
    """The document as YAML; `samples` are golden events by type, shown as examples. Raises NameTaken."""
    document = {
        "asyncapi": "3.0.0",
        "info": _INFO,
        "defaultContentType": CONTENT_TYPE,
        "servers": {"nats": _SERVER},
        "channels": {entry.type: _channel(entry) for entry in catalog},
        "operations": dict(pair for entry in catalog for pair in _operations(entry)),
        "components": {
            "schemas": {"CloudEvent": _cloud_event(), **_schemas(catalog)},
            "messages": {entry.type: _message(entry, samples.get(entry.type)) for entry in catalog},
            "messageTraits": {"cloudEvent": _TRAIT},
            "parameters": {"workspace": {"description": "The workspace (tenant) that the event belongs to."}},
        },
    }
    header = "# Written by `make contracts` from contracts/catalog.py and the event classes: edit those.\n"
    return header + yaml.dump(document, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)


class _Plain(yaml.SafeDumper):
    """No anchors and aliases: readers of the file should not have to follow them."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _channel(entry: EventType) -> dict[str, Any]:
    return {
        "address": entry.subject("{workspace}"),
        "title": entry.type,
        "description": meaning(entry),
        "servers": [{"$ref": "#/servers/nats"}],
        "parameters": {"workspace": {"$ref": "#/components/parameters/workspace"}},
        "messages": {"event": {"$ref": f"#/components/messages/{entry.type}"}},
        "x-jetstream-stream": entry.stream,
    }


def _operations(entry: EventType) -> list[tuple[str, dict[str, Any]]]:
    senders = (entry.owner, TOOLS) if entry.streamed else (entry.owner,)
    sends = [_operation("send", service, entry) for service in senders]
    return [*sends, *(_operation("receive", service, entry) for service in entry.consumers)]


def _operation(action: str, service: str, entry: EventType) -> tuple[str, dict[str, Any]]:
    channel = f"#/channels/{entry.type}"
    operation = {
        "action": action,
        "channel": {"$ref": channel},
        "title": f"{service} {action}s {entry.type}",
        "tags": [{"name": service}],
        "messages": [{"$ref": f"{channel}/messages/event"}],
    }
    return f"{service}.{action}.{entry.type}", operation


def _message(entry: EventType, sample: Mapping[str, Any] | None) -> dict[str, Any]:
    kind, field = entry.event.AGGREGATE
    payload = {
        "type": {"const": entry.type},
        "subject": {"description": f"`{kind}/<{field}>`"},
        "data": {"$ref": _SCHEMAS + entry.event.__name__},
    }
    message: dict[str, Any] = {
        "name": entry.type,
        "title": entry.event.__name__,
        "summary": meaning(entry),
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "payload": {"allOf": [{"$ref": _SCHEMAS + "CloudEvent"}, {"type": "object", "properties": payload}]},
    }
    if sample is not None:
        message["examples"] = [{"name": "golden", "payload": dict(sample)}]
    return message


def _schemas(catalog: Sequence[EventType]) -> dict[str, Any]:
    """Every event's data and the values it is made of, each once, by class name."""
    found: dict[str, Any] = {}
    for entry in catalog:
        schema = schema_of(entry.event)
        parts = {**schema.pop("$defs", {}), entry.event.__name__: schema}
        schema.pop("$schema")
        for name, part in parts.items():
            hoisted = _hoisted(part)
            if found.setdefault(name, hoisted) != hoisted:
                raise NameTaken(name)
    return dict(sorted(found.items()))


def _hoisted(node: Any) -> Any:
    if isinstance(node, list):
        return [_hoisted(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: value.replace("#/$defs/", _SCHEMAS) if key == "$ref" and isinstance(value, str) else _hoisted(value)
        for key, value in node.items()
    }


def meaning(entry: EventType) -> str:
    """What the event says: the first paragraph of its class's docstring, on one line."""
    return " ".join((entry.event.__doc__ or "").strip().partition("\n\n")[0].split())


def _cloud_event() -> dict[str, Any]:
    required = ["specversion", "id", "source", "type", "time", "workspace", "data"]
    text = {"type": "string", "minLength": 1}
    properties = {
        "specversion": {"const": "1.0"},
        "id": {**text, "description": "Unique per source: a UUIDv7 for a service's own events."},
        "source": {**text, "description": "`/whystream/<service>`, or the product tool that sent it."},
        "type": {**text, "description": "`whystream.<noun>.<past-verb>.v<N>`"},
        "subject": {"type": "string", "description": "The aggregate: `<kind>/<id>`."},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "workspace": {**text, "pattern": f"^{WORKSPACE.pattern}$"},
        "correlationid": {**text, "description": "The throughline: the id of the event that began it all."},
        "causationid": {**text, "description": "The id of the event that caused this one."},
        "sequence": {"type": "integer", "description": "Grows per source and aggregate, in order of happening."},
        "data": {"type": "object"},
    }
    description = "CloudEvents 1.0 in structured JSON, with four extensions. Readers ignore other attributes."
    return {"description": description, "type": "object", "required": required, "properties": properties}


_INFO = {
    "title": "Whystream events",
    "version": "1.0.0",
    "description": "From a customer's words to a decision that everyone understands: every event on the way. Inside a "
    "version only optional fields are added; anything else is the next version, published beside the old one.",
    "license": {"name": "Apache-2.0"},
}
_SERVER = {
    "host": "{host}:{port}",
    "protocol": "nats",
    "description": "NATS with JetStream. Each service and product tool has its own user and permissions.",
    "variables": {"host": {"default": "127.0.0.1"}, "port": {"default": "4222"}},
}
_TRAIT = {
    "contentType": CONTENT_TYPE,
    "correlationId": {"location": "$message.payload#/correlationid"},
    "headers": {
        "type": "object",
        "properties": {
            "traceparent": {"type": "string", "description": "W3C Trace Context of the event's creation."},
            "tracestate": {"type": "string"},
            "Nats-Msg-Id": {"type": "string", "description": "The stream keeps one message of each id (ten minutes)."},
        },
    },
}
