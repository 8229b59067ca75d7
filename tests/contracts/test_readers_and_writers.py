"""Writers forbid unknown fields, readers ignore them, and handlers see the newest version only."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_core import from_json, to_json

from contracts.catalog import CATALOG, EventType
from contracts.envelope import EnvelopeInvalid, parse, read
from contracts.event import Event
from contracts.golden import sample
from contracts.schema import schema_of
from contracts.upcast import Upcast, to_newest

every_event = pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: entry.type)


def _with_unknown(value: Any, maps: frozenset[str], path: str = "") -> Any:
    """The value with an unknown field in each of its objects, but for maps, whose keys are free."""
    if isinstance(value, list):
        return [_with_unknown(item, maps, path) for item in value]
    if not isinstance(value, dict):
        return value
    found = {name: _with_unknown(part, maps, f"{path}.{name}".lstrip(".")) for name, part in value.items()}
    return found if path in maps else {**found, "added_by_a_newer_writer": {"deep": [1, None]}}


def _places(value: Any, maps: frozenset[str], path: str = "") -> list[tuple[str | int, ...]]:
    """Where in the value objects of a fixed shape are."""
    if isinstance(value, list):
        return [(index, *place) for index, item in enumerate(value) for place in _places(item, maps, path)]
    if not isinstance(value, dict):
        return []
    inner = [
        (name, *place) for name, part in value.items() for place in _places(part, maps, f"{path}.{name}".lstrip("."))
    ]
    return inner if path in maps else [(), *inner]


def _maps(event: type[Event]) -> frozenset[str]:
    """Fields whose keys are free, such as metadata; by their path in the sample."""
    schema = schema_of(event)
    found = {name for name, part in schema["properties"].items() if "additionalProperties" in part}
    for name, part in schema["properties"].items():
        for reference in (branch.get("$ref", "") for branch in [part, *part.get("anyOf", [])]):
            inner = schema.get("$defs", {}).get(reference.rpartition("/")[2], {}).get("properties", {})
            found |= {f"{name}.{key}" for key, nested in inner.items() if "additionalProperties" in nested}
    return frozenset(found)


@every_event
def test_a_reader_ignores_what_a_newer_writer_added_however_deep(entry: EventType) -> None:
    golden = sample(entry.type)
    newer = replace(golden, data=_with_unknown(golden.data, _maps(entry.event)))
    assert newer.data != golden.data
    assert read(parse(newer.to_bytes())) == read(golden)


@every_event
def test_a_writer_refuses_a_field_that_its_version_does_not_have_however_deep(entry: EventType) -> None:
    golden = sample(entry.type)
    for place in _places(golden.data, _maps(entry.event)):
        data = from_json(to_json(golden.data))
        part = data
        for step in place:
            part = part[step]
        part["unknown"] = 1
        with pytest.raises(ValidationError, match="unknown"):
            entry.event.model_validate(data)


@every_event
def test_neither_writer_nor_reader_accepts_an_event_without_a_promised_field(entry: EventType) -> None:
    golden = sample(entry.type)
    for name, field in entry.event.model_fields.items():
        if not field.is_required():
            continue
        data = {key: value for key, value in golden.data.items() if key != name}
        with pytest.raises(ValidationError, match=name):
            entry.event.model_validate(data)
        with pytest.raises(EnvelopeInvalid, match=rf"data\.{name}"):
            read(replace(golden, data=data))


@every_event
def test_an_event_of_required_fields_only_is_read(entry: EventType) -> None:
    golden = sample(entry.type)
    required = {name: golden.data[name] for name, field in entry.event.model_fields.items() if field.is_required()}
    event = read(replace(golden, data=required))
    assert event.model_dump(mode="json", exclude_defaults=True).keys() <= required.keys()


def test_an_event_cannot_be_changed_after_it_was_said() -> None:
    event = read(sample("whystream.decision.made.v1"))
    with pytest.raises(ValidationError, match="frozen"):
        event.title = "Something else"  # type: ignore[attr-defined]  # the point of the test


UPCASTS: dict[str, Upcast] = {
    "whystream.kettle.boiled.v1": (
        "whystream.kettle.boiled.v2",
        lambda data: {"kettle_id": data["kettle"], "celsius": data["celsius"]},
    ),
    "whystream.kettle.boiled.v2": (
        "whystream.kettle.boiled.v3",
        lambda data: {**data, "kelvin": data["celsius"] + 273},
    ),
}


@pytest.mark.parametrize("version", [1, 2, 3])
def test_every_old_version_reaches_the_handler_as_the_newest(version: int) -> None:
    stored = {
        1: {"kettle": "blue", "celsius": 100},
        2: {"kettle_id": "blue", "celsius": 100},
        3: {"kettle_id": "blue", "celsius": 100, "kelvin": 373},
    }
    before = dict(stored[version])
    type_, data = to_newest(f"whystream.kettle.boiled.v{version}", stored[version], UPCASTS)
    assert (type_, data) == ("whystream.kettle.boiled.v3", stored[3])
    assert stored[version] == before, "an upcast is pure: stored data stays as it is"


def test_what_has_no_upcast_stays_as_it_is() -> None:
    data = {"any": "thing"}
    assert to_newest("whystream.kettle.emptied.v1", data, UPCASTS) == ("whystream.kettle.emptied.v1", data)
