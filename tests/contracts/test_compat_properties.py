"""What the compatibility rule promises, for any schema: documents of either side are read by the other."""

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from contracts.compat import incompatibilities

Schema = dict[str, Any]
_NAMES = st.sampled_from(["a", "b", "c", "title", "default", "type", "properties"])
_STRINGS = st.builds(
    lambda least, more: {"type": "string", "minLength": least, "maxLength": least + more},
    st.integers(0, 2),
    st.integers(0, 3),
)
_NUMBERS = st.builds(
    lambda least, more: {"type": "integer", "minimum": least, "maximum": least + more},
    st.integers(-3, 3),
    st.integers(0, 5),
)
_ENUMS = st.lists(st.sampled_from(["x", "y", "z"]), min_size=1, unique=True).map(lambda values: {"enum": values})
_LEAVES = st.one_of(_STRINGS, _NUMBERS, _ENUMS, st.just({"type": "boolean"}))


def _object(fields: dict[str, Schema], required: list[bool]) -> Schema:
    names = [name for name, is_needed in zip(fields, required, strict=False) if is_needed]
    return {"type": "object", "properties": fields, "required": names}


def _larger(parts: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    return st.one_of(
        st.builds(_object, st.dictionaries(_NAMES, parts, max_size=3), st.lists(st.booleans(), max_size=3)),
        parts.map(lambda part: {"type": "array", "items": part}),
        parts.map(lambda part: {"anyOf": [part, {"type": "null"}]}),
        parts.map(lambda part: {"type": "object", "additionalProperties": part}),
    )


SCHEMAS = st.builds(
    _object,
    st.dictionaries(_NAMES, st.recursive(_LEAVES, _larger, max_leaves=5), min_size=1, max_size=3),
    st.lists(st.booleans(), max_size=3),
)


def _write(schema: Schema, draw: Any) -> Any:
    """A document that a writer of exactly this schema might send: declared fields only."""
    if "anyOf" in schema:
        return _write(draw(st.sampled_from(schema["anyOf"])), draw)
    if "properties" in schema:
        written = [name for name in schema["properties"] if name in schema["required"] or draw(st.booleans())]
        return {name: _write(schema["properties"][name], draw) for name in written}
    if "additionalProperties" in schema:
        return {name: _write(schema["additionalProperties"], draw) for name in draw(st.sets(_NAMES, max_size=2))}
    if "items" in schema:
        return [_write(schema["items"], draw) for _ in range(draw(st.integers(0, 2)))]
    return draw(_leaf(schema))


def _leaf(schema: Schema) -> st.SearchStrategy[Any]:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema["type"] == "string":
        return st.text("pq", min_size=schema["minLength"], max_size=schema["maxLength"])
    if schema["type"] == "integer":
        return st.integers(schema["minimum"], schema["maximum"])
    return st.booleans() if schema["type"] == "boolean" else st.none()


def _objects(schema: Schema) -> list[Schema]:
    """Every object with declared fields in a schema, the outermost first."""
    parts = [*schema.get("properties", {}).values(), *schema.get("anyOf", [])]
    parts += [schema[key] for key in ("items", "additionalProperties") if key in schema]
    return ([schema] if "properties" in schema else []) + [found for part in parts for found in _objects(part)]


@st.composite
def grown(draw: Any, schemas: st.SearchStrategy[Schema] = SCHEMAS) -> tuple[Schema, Schema]:
    """A schema, and the same with optional fields added at random places."""
    old = draw(schemas)
    new = copy.deepcopy(old)
    for part in draw(st.lists(st.sampled_from(_objects(new)), max_size=3)):
        part["properties"][draw(st.sampled_from(["new1", "new2"]))] = draw(_LEAVES)
    return old, new


@given(SCHEMAS)
def test_a_schema_is_compatible_with_itself(schema: Schema) -> None:
    assert incompatibilities(schema, copy.deepcopy(schema)) == []


@given(grown())
def test_adding_optional_fields_anywhere_is_allowed_and_taking_them_back_is_not(pair: tuple[Schema, Schema]) -> None:
    old, new = pair
    assert incompatibilities(old, new) == []
    assert (incompatibilities(new, old) == []) == (old == new)


@settings(max_examples=300)
@given(st.one_of(st.tuples(SCHEMAS, SCHEMAS), grown(), grown().map(lambda pair: pair[::-1])), st.data())
def test_allowed_means_that_each_side_reads_what_the_other_writes(pair: tuple[Schema, Schema], data: Any) -> None:
    old, new = pair
    if incompatibilities(old, new):
        return
    assert Draft202012Validator(new).is_valid(_write(old, data.draw))
    assert Draft202012Validator(old).is_valid(_write(new, data.draw))


@given(SCHEMAS, st.data())
def test_any_other_change_of_a_field_is_refused(old: Schema, data: Any) -> None:
    new = copy.deepcopy(old)
    part = data.draw(st.sampled_from([found for found in _objects(new) if found["properties"]]))
    name = data.draw(st.sampled_from(sorted(part["properties"])))
    change = data.draw(st.sampled_from(["remove", "rename", "retype", "flip"]))
    if change == "flip":
        part["required"] = sorted({name} ^ set(part["required"]))
    elif change == "retype":
        part["properties"][name] = {"type": "number"}
    else:
        moved = part["properties"].pop(name)
        part["required"] = [other for other in part["required"] if other != name]
        if change == "rename":
            part["properties"]["renamed"] = moved
    assert incompatibilities(old, new)
