"""Made-up events and a catalogue of them, for tests that change a contract."""

from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field, create_model

from contracts.catalog import EventType
from contracts.event import Event, Line, Value

TYPE = "whystream.kettle.boiled.v1"


class Spout(Value):
    """Where it pours."""

    width: float = Field(gt=0, allow_inf_nan=False)
    lid: Literal["open", "shut"] = "shut"


class KettleBoiled(Event):
    """The water is hot."""

    TYPE: ClassVar = TYPE
    AGGREGATE: ClassVar = ("kettle", "kettle_id")

    kettle_id: UUID
    celsius: int = Field(ge=0, le=100)
    name: Line
    spouts: tuple[Spout, ...] = ()
    note: str | None = None


def changed(base: type[Event] = KettleBoiled, *, without: tuple[str, ...] = (), **fields: Any) -> type[Event]:
    """The same event with other fields: `(type, default)`, or `(type, ...)` for a required one."""
    kept = {name: (info.rebuild_annotation(), info) for name, info in base.model_fields.items() if name not in without}
    model = create_model(base.__name__, __base__=Event, __doc__=base.__doc__, **{**kept, **fields})
    model.TYPE, model.AGGREGATE = base.TYPE, base.AGGREGATE
    return model


def catalog_of(event: type[Event]) -> tuple[EventType, ...]:
    return (EventType(event, "triage", ("console",)),)
