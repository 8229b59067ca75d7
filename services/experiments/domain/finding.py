"""What a person found by asking others: interviews, prototype sessions, surveys. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from libs.runtime.fields import Whole
from libs.runtime.problems import Conflict
from services.experiments.domain.block import Layout
from services.experiments.domain.option import Description
from services.experiments.domain.tally import Census, Hour, Tally, tally
from services.experiments.statistics.moments import Moments
from services.experiments.statistics.summary import Summary


class NewFinding(BaseModel):
    """How many were asked (or watched), and how many of them did what the primary metric counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    asked: Whole = Field(ge=1, le=1_000_000)
    agreed: Whole = Field(ge=0, le=1_000_000)
    note: Description = ""

    @model_validator(mode="after")
    def _not_more_than_asked(self) -> Self:
        if self.agreed > self.asked:
            raise ValueError("'agreed' is more than 'asked'")
        return self


class NotCounted(Conflict):
    """Findings belong to interviews, prototype sessions and surveys; the rest is observed by product tools."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"an experiment of kind {kind} is observed: send exposures and outcomes to POST /v1/observations"
        )


class AlreadyWithdrawn(Conflict):
    """The finding no longer counts."""

    def __init__(self) -> None:
        super().__init__("this finding was withdrawn before; enter a new one")


@dataclass(frozen=True)
class Finding:
    """A finding as it was entered; it counts unless it was withdrawn."""

    id: UUID
    experiment_id: UUID
    asked: int
    agreed: int
    note: str
    entered_by: str
    entered_at: datetime
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None


def tally_of(layout: Layout, asked: int, agreed: int, asked_after: int) -> Tally:
    """The same shape as what is observed: those asked are units, those who agreed converted.

    Whoever was asked after the planned number waits for nothing and counts nowhere: the result is read once, and asking
    on until it looks better would be reading it again.
    """
    share = agreed / asked if asked else 0.0
    moments = Moments.stack([Moments.of_summary(Summary(asked, share, asked * share * (1 - share)))])
    hours = (Hour(0, (asked,), (0,), (None,)),) if asked else ()
    return replace(tally(layout, Census(layout.arms, hours, in_step=False), [1.0], moments), waiting=asked_after)
