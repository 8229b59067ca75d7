"""The JSON Schema (2020-12) of an event: what a reader may rely on, made from its class, and how to read one.

A writer's refusal of unknown fields is left out: a later revision may add optional fields, and readers ignore them.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from contracts.event import Event

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = Mapping[str, Any]
ANNOTATIONS = {"$schema", "$id", "$comment", "$defs", "title", "description", "examples", "deprecated"}
_NAMED_PARTS = ("$defs", "properties", "patternProperties")
_ORDER = ("$schema", "$id", "title", "description", "type", "properties", "required", "$defs")


class ReferenceUnresolved(ValueError):
    """A `$ref` of a schema points nowhere; regenerate the schema, or mend the reference."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"the schema has no '{reference}'; only references into the same document are known")


def schema_of(event: type[Event]) -> dict[str, Any]:
    """The schema of an event's data, without `$id`; the same class always gives the same document."""
    schema = event.model_json_schema(mode="validation", schema_generator=_Promise)
    found = {"$schema": DIALECT, **_without_noise(schema)}
    return {key: found[key] for key in sorted(found, key=lambda key: _ORDER.index(key) if key in _ORDER else -1)}


def identified(schema: Schema, type_: str, revision: int) -> dict[str, Any]:
    """The schema as one released revision of `type_`: with an `$id` that no other schema has."""
    return {"$schema": DIALECT, "$id": f"urn:whystream:schema:{type_}:{revision}", **schema}


class _Promise(GenerateJsonSchema):
    """States an empty map or list as default where the class makes one with a factory: writers leave it out alike."""

    def get_default_value(self, schema: core_schema.WithDefaultSchema) -> Any:
        made_by = schema.get("default_factory")
        if made_by in (dict, list, tuple):
            return {} if made_by is dict else []
        return super().get_default_value(schema)


def _without_noise(schema: Any) -> Any:
    """Titles that only repeat a field's name, and the writer's strictness, tell a reader nothing."""
    if isinstance(schema, list):
        return [_without_noise(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: value if key in _NAMED_PARTS else _without_noise(value) for key, value in schema.items()}
    if found.get("additionalProperties") is False:
        del found["additionalProperties"]
    for key in _NAMED_PARTS:
        if key in found:
            found[key] = {name: _without_title(_without_noise(part), key) for name, part in found[key].items()}
    return found


def _without_title(part: Any, of: str) -> Any:
    return part if of == "$defs" else {key: value for key, value in part.items() if key != "title"}


def resolve(schema: Schema, root: Schema) -> Schema:
    """The schema behind a reference, with what stands beside the reference laid over it."""
    followed: set[str] = set()
    while "$ref" in schema:
        reference = schema["$ref"]
        if reference in followed:
            raise ReferenceUnresolved(reference)
        followed.add(reference)
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**_pointed(reference, root), **beside}
    return schema


def _pointed(reference: str, root: Schema) -> Schema:
    found: Any = root
    for part in reference.removeprefix("#").split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or name not in found:
            raise ReferenceUnresolved(reference)
        found = found[name]
    if not reference.startswith("#") or not isinstance(found, Mapping):
        raise ReferenceUnresolved(reference)
    return found


def expand(node: Any, root: Schema, above: tuple[str, ...] = ()) -> Any:
    """The node without references and wording, so that equal promises are equal values."""
    if isinstance(node, list):
        return [expand(item, root, above) for item in node]
    if not isinstance(node, Mapping):
        return node
    reference = node.get("$ref")
    if reference in above:
        return {"$ref": reference}
    if isinstance(reference, str):
        above = (*above, reference)
        node = resolve(node, root)
    found: dict[str, Any] = {}
    for key in node.keys() - ANNOTATIONS:
        value = node[key]
        if key in ("default", "enum", "const"):
            found[key] = sorted(value, key=as_text) if key == "enum" else value
        elif key == "required":
            found[key] = sorted(value)
        elif key in ("properties", "patternProperties") and isinstance(value, Mapping):
            found[key] = {name: expand(part, root, above) for name, part in value.items()}
        else:
            found[key] = expand(value, root, above)
    return found


def as_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
