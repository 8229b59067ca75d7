"""Each kind of incompatible change is refused by name; an added optional field is not."""

from enum import Enum
from typing import Any, Literal
from uuid import UUID

import pytest
from pydantic import Field

from contracts.compat import WHO_BREAKS, incompatibilities, same_shape
from contracts.event import Event, Line, Value
from contracts.schema import ReferenceUnresolved, schema_of
from tests.contracts.made_up import KettleBoiled, Spout, changed


class WideSpout(Value):
    """Where it pours."""

    width: float = Field(gt=0, allow_inf_nan=False)
    lid: Literal["open", "shut"] = "shut"
    colour: str = "black"


class NarrowSpout(Value):
    """Where it pours."""

    width: float = Field(gt=0, allow_inf_nan=False)
    lid: Literal["shut"] = "shut"


class Whole(Enum):
    FULL = "full"
    EMPTY = "empty"


def reasons(old: type[Event], new: type[Event]) -> list[tuple[str, str]]:
    return [(found.path, found.rule) for found in incompatibilities(schema_of(old), schema_of(new))]


@pytest.mark.parametrize(
    ("changes", "path", "rule"),
    [
        ({"without": ("note",)}, "note", "removed"),
        ({"without": ("celsius",)}, "celsius", "removed"),
        ({"without": ("note",), "remark": (str | None, None)}, "note", "renamed"),
        ({"without": ("celsius",), "degrees": (int, Field(ge=0, le=100))}, "celsius", "renamed"),
        ({"celsius": (float, Field(ge=0, le=100))}, "celsius", "retyped"),
        ({"celsius": (str, ...)}, "celsius", "retyped"),
        ({"spouts": (dict[str, Spout], {})}, "spouts", "retyped"),
        ({"spouts": (tuple[str, ...], ())}, "spouts[]", "retyped"),
        ({"place": (str, ...)}, "place", "newly required"),
        ({"note": (str | None, ...)}, "note", "newly required"),
        ({"name": (Line, "kettle")}, "name", "no longer required"),
        ({"spouts": (tuple[NarrowSpout, ...], ())}, "spouts[].lid", "enum narrowed"),
        ({"celsius": (int, Field(ge=1, le=100))}, "celsius", "limit tightened"),
        ({"celsius": (int, Field(ge=0, le=99))}, "celsius", "limit tightened"),
        ({"celsius": (int, Field(ge=0, le=101))}, "celsius", "limit loosened"),
        ({"celsius": (int, Field(ge=0))}, "celsius", "limit loosened"),
        ({"name": (str, Field(min_length=1, max_length=400))}, "name", "limit tightened"),
        ({"name": (str, Field(min_length=1, max_length=600))}, "name", "limit loosened"),
        ({"spouts": (tuple[Spout, ...], Field(default=(), max_length=9))}, "spouts", "limit tightened"),
        ({"name": (str, Field(min_length=1, max_length=500, pattern="^[a-z]+$"))}, "name", "pattern changed"),
        ({"kettle_id": (str, ...)}, "kettle_id", "format changed"),
        ({"name": (UUID, ...)}, "name", "format changed"),
        ({"note": (str, "")}, "note", "union narrowed"),
        ({"name": (Line | None, ...)}, "name", "union widened"),
        ({"note": (str | int | None, None)}, "note", "union widened"),
        ({"note": (str | None, "none")}, "note", "default changed"),
    ],
)
def test_each_incompatible_change_is_refused_by_name(changes: dict[str, Any], path: str, rule: str) -> None:
    found = reasons(KettleBoiled, changed(**changes))
    assert (path, rule) in found
    assert {where.partition("[")[0] for where, _ in found} == {path.partition("[")[0]}


def test_an_enum_may_grow_no_more_than_shrink() -> None:
    two, three = (changed(lid=(kind, ...)) for kind in (Literal["a", "b"], Literal["a", "b", "c"]))
    one = changed(lid=(Literal["a"], ...))
    assert reasons(two, three) == [("lid", "enum widened")]
    assert reasons(three, two) == [("lid", "enum narrowed")]
    assert reasons(two, one) == [("lid", "enum narrowed")]
    assert reasons(two, changed(lid=(str, ...))) == [("lid", "enum widened")]
    assert reasons(two, changed(lid=(Whole, ...))) == [("lid", "enum narrowed"), ("lid", "enum widened")]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"place": (str | None, None)},
        {"places": (tuple[str, ...], ())},
        {"labels": (dict[str, str], Field(default_factory=dict))},
        {"spouts": (tuple[WideSpout, ...], ())},
        {"celsius": (int, Field(ge=0, le=100, description="at sea level"))},
    ],
)
def test_an_optional_field_or_better_words_are_allowed_in_both_directions(changes: dict[str, Any]) -> None:
    assert reasons(KettleBoiled, changed(**changes)) == []


def test_a_nullable_part_may_gain_an_optional_field_and_nothing_else() -> None:
    old = changed(spout=(Spout | None, None))
    assert reasons(old, changed(spout=(WideSpout | None, None))) == []
    assert reasons(old, changed(spout=(NarrowSpout | None, None))) == [("spout.lid", "enum narrowed")]
    assert reasons(old, changed(spout=(Spout, ...))) == [("spout", "newly required")]


def test_a_factory_for_an_empty_map_is_the_same_promise_as_an_empty_map() -> None:
    made, written = changed(labels=(dict[str, str], Field(default_factory=dict))), changed(labels=(dict[str, str], {}))
    assert schema_of(made) == schema_of(written)


def test_better_words_are_the_same_shape_and_a_field_called_title_is_no_wording() -> None:
    worded = changed(celsius=(int, Field(ge=0, le=100, description="at sea level")))
    assert same_shape(schema_of(KettleBoiled), schema_of(worded))
    assert not same_shape(schema_of(KettleBoiled), schema_of(changed(title=(str, ""))))
    assert reasons(changed(title=(str, "")), KettleBoiled) == [("title", "removed")]


def test_references_are_followed_and_their_names_do_not_matter() -> None:
    old = {"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": "string", "maxLength": 5}}}
    new = {"properties": {"a": {"$ref": "#/$defs/B"}}, "$defs": {"B": {"type": "string", "maxLength": 4}}}
    assert incompatibilities(old, {**old, "properties": {"a": {"type": "string", "maxLength": 5}}}) == []
    assert [found.rule for found in incompatibilities(old, new)] == ["limit tightened"]
    with pytest.raises(ReferenceUnresolved, match="#/\\$defs/C"):
        incompatibilities(old, {"properties": {"a": {"$ref": "#/$defs/C"}}})


def test_recursive_types_end_and_their_changes_are_seen() -> None:
    def tree(**leaf: Any) -> dict[str, Any]:
        node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/N"}, "leaf": leaf}}
        return {"$ref": "#/$defs/N", "$defs": {"N": node}}

    inline = {"type": "object", "properties": {"next": {"$ref": "#"}, "leaf": {"type": "string"}}}
    assert incompatibilities(tree(type="string"), tree(type="string")) == []
    refused = incompatibilities(tree(type="string"), tree(type="integer"))
    assert {(found.path.rpartition(".")[2], found.rule) for found in refused} == {("leaf", "retyped")}
    assert incompatibilities(tree(type="string"), inline) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"type": "number"}, {"type": "number", "multipleOf": 2}),
        ({"type": "array", "uniqueItems": True}, {"type": "array"}),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}], "maxLength": 5},
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
        ),
        ({"allOf": [{"$ref": "#/$defs/A"}], "$defs": {"A": {"type": "string"}}}, {"allOf": [{"type": "integer"}]}),
        ({"enum": [1, True]}, {"enum": [1]}),
        ({"type": "array", "prefixItems": [{"type": "string"}]}, {"type": "array", "prefixItems": []}),
        ({"type": ["string", "null"]}, {"type": "string"}),
        ({"default": 1}, {"default": True}),
    ],
)
def test_what_the_rule_does_not_know_is_refused_when_it_differs(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert incompatibilities(old, new)
    assert incompatibilities(new, old)
    assert incompatibilities(old, old) == incompatibilities(new, new) == []


def test_a_refusal_says_where_what_and_who_breaks() -> None:
    found = incompatibilities(schema_of(KettleBoiled), schema_of(changed(without=("note",))))
    assert str(found[0]) == f"note: removed: the field is gone; {WHO_BREAKS['removed']}"
