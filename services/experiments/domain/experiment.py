"""An experiment's life: draft, running, stopped, concluded; and what a person may ask of it when. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from contracts.experiments import ExperimentConcluded, ExperimentStarted
from libs.runtime.problems import Conflict
from services.experiments.domain.plan import Plan
from services.experiments.domain.readout import Readout
from services.experiments.domain.words import summary

Status = Literal["draft", "running", "stopped", "concluded"]

_NEXT: dict[Status, str] = {
    "draft": "start it first",
    "running": "stop it first",
    "stopped": "it no longer runs; conclude it, or register a new one",
    "concluded": "it is closed; register a new one",
}


class WrongStatus(Conflict):
    """The experiment is not in the state of its life that this needs."""

    def __init__(self, verb: str, status: Status) -> None:
        super().__init__(f"cannot {verb} an experiment that is {status}: {_NEXT[status]}")


class RegistrationFixed(Conflict):
    """What was registered cannot change once the experiment has started."""

    def __init__(self, status: Status) -> None:
        super().__init__(
            f"the experiment is {status}: what was registered cannot change after the start, because the numbers mean "
            "what was planned; stop it and register a new one"
        )


class KeyTaken(Conflict):
    """Another experiment of this workspace has this key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"there is an experiment with the key '{key}' already; choose another key")


@dataclass(frozen=True)
class Experiment:
    """A registered experiment. `plan.problem_id` is the problem it is about now: a merge moves it to the survivor.

    Exposures count from `counts_from` until `stopped_at`; outcomes until `stopped_at` too.
    """

    id: UUID
    plan: Plan
    status: Status
    created_at: datetime
    counts_from: datetime | None = None
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    concluded_at: datetime | None = None
    conclusion: dict[str, Any] | None = None

    def require(self, status: Status, verb: str) -> None:
        """Raise WrongStatus unless the experiment is in this state."""
        if self.status != status:
            raise WrongStatus(verb, self.status)

    def started(self) -> ExperimentStarted:
        plan = self.plan
        return ExperimentStarted(
            experiment_id=self.id,
            key=plan.key,
            problem_id=plan.problem_id,
            hypothesis=plan.hypothesis,
            primary_metric=plan.primary_metric,
            arms=plan.arms,
            alpha=plan.alpha,
            planned_units=plan.planned_units,
            guardrails=plan.guardrails,
            assumption_id=plan.assumption_id,
        )

    def concluded(self, readout: Readout, conclusion: Any, *, learned: str, by: str) -> ExperimentConcluded:
        return ExperimentConcluded(
            experiment_id=self.id,
            key=self.plan.key,
            problem_id=self.plan.problem_id,
            conclusion=conclusion,
            recommendation=readout.advice.action,
            units=readout.counted.total,
            summary=summary(readout),
            learned=learned,
            concluded_by=by,
            estimate=readout.estimate(),
            assumption_id=self.plan.assumption_id,
        )
