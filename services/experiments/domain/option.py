"""Ways to solve a problem, and what must be true for each of them to work. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from contracts.experiments import AssumptionStated, OptionProposed
from libs.runtime.fields import Short, Storable, Whole

OptionKind = Literal["build", "buy", "partner", "nothing"]
Risk = Literal["value", "usability", "feasibility", "viability"]
Description = Annotated[str, StringConstraints(max_length=30_000), Storable]


class NewOption(BaseModel):
    """A way to solve the problem: build it, buy it, partner, or knowingly change nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: OptionKind
    title: Short
    description: Description = ""


class NewAssumption(BaseModel):
    """What must be true for an option to work, its kind of risk, and how much hangs on it (1 to 5)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    risk: Risk
    statement: Short
    importance: Whole = Field(ge=1, le=5)


@dataclass(frozen=True)
class Option:
    """A proposed option of a problem."""

    id: UUID
    problem_id: UUID
    kind: OptionKind
    title: str
    description: str
    created_at: datetime

    def proposed(self) -> OptionProposed:
        return OptionProposed(
            option_id=self.id,
            problem_id=self.problem_id,
            kind=self.kind,
            title=self.title,
            description=self.description,
        )


@dataclass(frozen=True)
class Assumption:
    """A stated assumption of an option."""

    id: UUID
    problem_id: UUID
    option_id: UUID
    risk: Risk
    statement: str
    importance: int
    created_at: datetime

    def stated(self) -> AssumptionStated:
        return AssumptionStated(
            assumption_id=self.id,
            problem_id=self.problem_id,
            option_id=self.option_id,
            risk=self.risk,
            statement=self.statement,
            importance=self.importance,
        )
