"""What each consumer really reads is written down, promised by the owner, and enough for the consumer."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from contracts.catalog import SERVICES, EventType, consumed_by
from contracts.envelope import Envelope, read
from contracts.generate import ROOT, released_revisions
from contracts.golden import FOLDER, sample
from contracts.schema import Schema, resolve, schema_of
from deploy.embedded.infrastructure import Infrastructure
from libs.messaging.delivered import Delivered
from libs.messaging.processor import decode_event
from libs.messaging.work import Message
from tests.contracts.reading import recording
from tests.support.driven import Driven, delivered, driven_service

CONSUMERS = [service for service in SERVICES if consumed_by(service)]
every_consumer = pytest.mark.parametrize("service", CONSUMERS)


def needs_of(service: str) -> dict[str, list[str]]:
    return json.loads((FOLDER / "needs" / f"{service}.json").read_text("utf-8"))


def story_of(service: str) -> list[Envelope]:
    """The golden events that a service consumes, as they happened."""
    return sorted((sample(entry.type) for entry in consumed_by(service)), key=lambda envelope: envelope.time)


async def get_ready(driven: Driven) -> None:
    """Bring a service to where the story's events mean something to it: observations count in a running experiment."""
    if driven.service.name != "experiments":
        return
    await driven.receives(read(sample("whystream.problem.opened.v1")))
    started = sample("whystream.experiment.started.v1").data
    kept = ("key", "problem_id", "hypothesis", "primary_metric", "arms", "guardrails")
    plan = {name: started[name] for name in kept} | {"baseline": 0.86, "minimum_detectable_effect": 0.015}
    about = {"kind": "build", "title": "Self-service"}
    option = (await driven.http.post(f"/v1/problems/{started['problem_id']}/options", json=about)).json()
    stated = {"risk": "value", "statement": "They use it", "importance": 4}
    assumption = (await driven.http.post(f"/v1/options/{option['id']}/assumptions", json=stated)).json()
    plan["assumption_id"] = assumption["id"]
    registered = await driven.http.post("/v1/experiments", json=plan)
    assert registered.status_code == 201, registered.text
    from_then = {"counts_from": sample("whystream.problem.opened.v1").time.isoformat()}
    running = await driven.http.post(f"/v1/experiments/{registered.json()['id']}/start", json=from_then)
    assert running.status_code == 200, running.text


def part_at(schema: Schema, path: str) -> Schema | None:
    """The schema of the field at `path`, through arrays and nullable parts; None if there is none."""
    found: Schema | None = schema
    for name in path.split("."):
        found = next((part for part in _objects(found, schema) if name in part.get("properties", {})), None)
        if found is None:
            return None
        found = found["properties"][name]
    return found


def _objects(schema: Schema | None, root: Schema) -> list[Schema]:
    if schema is None:
        return []
    schema = resolve(schema, root)
    inner = [schema["items"]] if "items" in schema else schema.get("anyOf", [])
    return [schema, *(found for part in inner for found in _objects(part, root))]


def cut_down(value: Any, schema: Schema, root: Schema, needs: set[str]) -> Any:
    """The value with only what its schema requires and what `needs` names."""
    if isinstance(value, list):
        items = next(part["items"] for part in _objects(schema, root) if "items" in part)
        return [cut_down(item, items, root, needs) for item in value]
    shape = next((part for part in _objects(schema, root) if "properties" in part), None)
    if not isinstance(value, Mapping) or shape is None:
        return value
    kept = {}
    for name, part in value.items():
        inner = {need.partition(".")[2] for need in needs if need.split(".")[0] == name}
        if name in shape.get("required", ()) or inner:
            whole = "" in inner
            kept[name] = part if whole else cut_down(part, shape["properties"][name], root, inner)
    return kept


def test_there_is_a_file_for_each_consumer_and_no_other() -> None:
    assert sorted(path.stem for path in (FOLDER / "needs").iterdir()) == sorted(CONSUMERS)


@every_consumer
def test_every_consumed_event_has_an_entry_in_the_catalogues_order(service: str) -> None:
    assert list(needs_of(service)) == [entry.type for entry in consumed_by(service)]


@every_consumer
def test_every_needed_field_is_promised_by_the_owner(service: str) -> None:
    for type_, needed in needs_of(service).items():
        assert needed == sorted(set(needed))
        promised = released_revisions(ROOT / "contracts" / "schemas" / type_)
        newest = promised[max(promised)]
        for path in needed:
            assert part_at(newest, path) is not None, f"{service} needs {path}, but no schema of {type_} promises it"


def test_a_need_that_nobody_promises_is_found() -> None:
    schema = schema_of(consumed_by("triage")[0].event)
    assert part_at(schema, "customer.revenue.currency") is not None
    for path in ("colour", "customer.colour", "text.length", "customer.revenue.currency.sign"):
        assert part_at(schema, path) is None


@every_consumer
async def test_a_service_reads_nothing_but_what_its_needs_name(
    service: str, platform: Infrastructure, workspace: str
) -> None:
    """The whole story is handled, event by event, while every reading is recorded."""
    async with driven_service(service, platform, workspace) as driven:
        await get_ready(driven)
        with recording() as recorder:

            def watched(raw: Delivered) -> Message[Any]:
                message = decode_event(raw)
                recorder.watch(message.event)
                return message

            for envelope in story_of(service):
                raw = delivered(replace(envelope, workspace=workspace))
                assert await driven.processor(decode=watched).process([raw], "TEST") == [None], envelope.type
    found = {entry.type: recorder.needs(entry.type) for entry in consumed_by(service)}
    assert found == needs_of(service), f"write contracts/needs/{service}.json anew:\n{json.dumps(found, indent=2)}"


@every_consumer
async def test_a_service_handles_events_of_needed_and_required_fields_only(
    service: str, platform: Infrastructure, workspace: str
) -> None:
    needs = needs_of(service)
    async with driven_service(service, platform, workspace) as driven:
        await get_ready(driven)
        for entry in consumed_by(service):
            await _handles_cut_down(driven, entry, set(needs[entry.type]))


async def _handles_cut_down(driven: Driven, entry: EventType, needs: set[str]) -> None:
    golden, schema = sample(entry.type), schema_of(entry.event)
    least = replace(golden, workspace=driven.workspace, data=cut_down(golden.data, schema, schema, needs))
    assert await driven.deliver(least) == [None], f"{driven.service.name} cannot live with {least.data}"


def test_every_way_of_reading_is_recorded() -> None:
    event = read(sample("whystream.decision.made.v1"))
    with recording() as recorder:
        recorder.watch(event)
        assert getattr(event, "title", None)
        assert getattr(event, "no_such_field", None) is None
        assert [position.stakeholder for position in event.positions]  # type: ignore[attr-defined]  # any event
        assert event.alternatives[0].model_dump()  # type: ignore[attr-defined]
    assert event.model_dump()
    assert recorder.needs(event.TYPE) == ["alternatives", "positions.stakeholder", "title"]
    with recording() as recorder:
        recorder.watch(event)
        assert event.model_dump_json()
    assert recorder.needs(event.TYPE) == sorted(type(event).model_fields)


def test_cutting_down_keeps_what_is_needed_and_required_and_nothing_else() -> None:
    entry = next(entry for entry in consumed_by("triage") if entry.type == "whystream.feedback.received.v1")
    schema, data = schema_of(entry.event), sample(entry.type).data
    least = cut_down(data, schema, schema, {"customer.segment", "rating"})
    required = {"feedback_id", "text", "source", "received_at", "occurred_at"}
    assert least.keys() == required | {"customer", "rating"}
    assert least["customer"].keys() == {"id", "segment"}
    assert least["rating"] == data["rating"]
