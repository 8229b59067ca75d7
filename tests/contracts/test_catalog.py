"""The one list is consistent in itself, and every service handles exactly what it promises to."""

import re

import pytest

from contracts import alignment, experiments, feedback, problems
from contracts.catalog import BY_TYPE, CATALOG, SERVICES, EventType, consumed_by, entry_of, owned_by
from contracts.event import Event
from contracts.upcast import UPCASTS
from libs.messaging.topology import INGRESS_STREAM
from tests.support.driven import service_named

TYPE = re.compile(r"whystream\.[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*\.v[1-9][0-9]*")
every_event = pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: entry.type)


@every_event
def test_an_entry_names_services_and_a_well_formed_type(entry: EventType) -> None:
    assert TYPE.fullmatch(entry.type)
    assert entry.owner in SERVICES
    assert set(entry.consumers) <= set(SERVICES)
    assert len(set(entry.consumers)) == len(entry.consumers)
    assert entry.consumers, "an event that nobody acts on is not said"


@every_event
def test_the_aggregate_is_a_required_field_of_the_event(entry: EventType) -> None:
    _, field = entry.event.AGGREGATE
    assert entry.event.model_fields[field].is_required()


@every_event
def test_every_event_says_what_it_means(entry: EventType) -> None:
    assert entry.event.__doc__
    assert entry.event.__doc__.strip().endswith(".")


def test_types_classes_and_subjects_are_unique() -> None:
    assert len(BY_TYPE) == len(CATALOG) == len({entry.event for entry in CATALOG})
    assert len({entry.subject("w") for entry in CATALOG}) == len(CATALOG)
    assert all(entry_of(entry.event) is entry for entry in CATALOG)


def test_no_event_class_is_missing_from_the_catalogue() -> None:
    written = {
        item
        for module in (feedback, problems, experiments, alignment)
        for item in vars(module).values()
        if isinstance(item, type) and issubclass(item, Event) and item is not Event
    }
    assert written == {entry.event for entry in CATALOG}


def test_subjects_carry_the_workspace_last_and_streams_never_share_one() -> None:
    streams: dict[str, set[str]] = {}
    for entry in CATALOG:
        assert entry.subject("acme") == f"{entry.type}.acme"
        streams.setdefault(entry.stream, set()).add(entry.subject("*"))
    assert INGRESS_STREAM not in streams
    assert sum(map(len, streams.values())) == len(set().union(*streams.values()))


def test_owners_and_consumers_are_two_views_of_the_same_list() -> None:
    assert [entry for service in SERVICES for entry in owned_by(service)] == list(CATALOG)
    heard = {(service, entry.type) for service in SERVICES for entry in consumed_by(service)}
    assert heard == {(service, entry.type) for entry in CATALOG for service in entry.consumers}


def test_upcasts_lead_to_the_catalogue_without_a_circle() -> None:
    for old, (new, _) in UPCASTS.items():
        assert old != new
        passed = [old]
        while passed[-1] in UPCASTS:
            passed.append(UPCASTS[passed[-1]][0])
            assert passed.count(passed[-1]) == 1
        assert passed[-1] in BY_TYPE


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_handles_exactly_the_events_that_the_catalogue_sends_it(service: str) -> None:
    heard = {BY_TYPE[_newest(entry.type)].event for entry in consumed_by(service)}
    handled = {event for event in service_named(service).handlers.events if event.TYPE in BY_TYPE}
    assert handled == heard


def _newest(type_: str) -> str:
    while type_ in UPCASTS:
        type_ = UPCASTS[type_][0]
    return type_
