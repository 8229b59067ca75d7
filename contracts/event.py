"""What every event class shares: frozen, strict for writers, named by its type."""

from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

Text = Annotated[str, StringConstraints(min_length=1, max_length=30_000)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Moment = AwareDatetime


class Value(BaseModel):
    """A part of an event: immutable, and refusing fields that its version does not have."""

    # JSON has no word for infinity, so no number of an event may be infinite or NaN.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Event(Value):
    """The data of one event version.

    A writer constructs it and fails on an unknown or missing field. A reader uses `contracts.envelope.read`, which
    ignores fields that a newer writer added. `TYPE` is `whystream.<noun>.<past-verb>.v<N>`; `AGGREGATE` is the kind of
    thing the event is about and the field that holds its id: the events of one aggregate are delivered in order.
    """

    TYPE: ClassVar[str]
    AGGREGATE: ClassVar[tuple[str, str]]

    @property
    def aggregate(self) -> str:
        """The CloudEvents `subject`: `<kind>/<id>`, for example `problem/0192…`."""
        kind, field = self.AGGREGATE
        return f"{kind}/{getattr(self, field)}"


class Money(Value):
    """An amount in integer minor units (cents) of an ISO 4217 currency."""

    amount_minor: int
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class EvidenceRef(Value):
    """What an answer or a decision rests on: a feedback, experiment or decision id, or an outside address."""

    kind: Literal["feedback", "experiment", "decision", "url"]
    ref: Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
    note: Annotated[str, StringConstraints(max_length=500)] = ""
