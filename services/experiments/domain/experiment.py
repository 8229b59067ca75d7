"""An experiment's life: draft, running, stopped, concluded; and what a person may ask of it when. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from contracts.experiments import ExperimentStarted
from libs.runtime.problems import Conflict, Invalid
from services.experiments.domain.option import Risk
from services.experiments.domain.plan import Plan

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
            "what was planned; POST …/revise stops it and starts a new version, or stop it and register another"
        )


class KeyTaken(Conflict):
    """Another experiment of this workspace has this key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"there is an experiment with the key '{key}' already; choose another key")


class AssumptionMissing(Conflict):
    """Nothing may be counted before it is said which assumption the numbers are to test."""

    def __init__(self) -> None:
        super().__init__(
            "the registration names no assumption: say what must be true with POST /v1/options/{id}/assumptions, and "
            "name it as 'assumption_id' in the registration (PUT /v1/experiments/{id} while it is a draft)"
        )


class AlternativeMissing(Invalid):
    """A risk of feasibility or viability is tested, and nothing says what the alternative would bring."""

    def __init__(self, risk: Risk) -> None:
        super().__init__(
            f"the assumption is a risk of {risk}: register 'alternative_effect', what buying or partnering promises on "
            "the primary metric, so that the readout can say when that is the better way"
        )


@dataclass(frozen=True)
class Experiment:
    """A registered experiment. `plan.problem_id` is the problem it is about now: a merge moves it to the survivor.

    Exposures count from `counts_from` until `stopped_at`; outcomes until `stopped_at` too. `planned_units` and
    `planned_days` were computed from the plan and the traffic, `units_per_day`, of the moment it was registered.
    `previous_id` is the version that this one takes the place of, `revised_because` the reason that was given.
    """

    id: UUID
    plan: Plan
    status: Status
    created_at: datetime
    planned_units: int
    units_per_day: float | None = None
    planned_days: float | None = None
    risk: Risk | None = None
    version: int = 1
    previous_id: UUID | None = None
    revised_because: str | None = None
    counts_from: datetime | None = None
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    concluded_at: datetime | None = None
    conclusion: dict[str, Any] | None = None

    def require(self, status: Status, verb: str) -> None:
        """Raise WrongStatus unless the experiment is in this state."""
        if self.status != status:
            raise WrongStatus(verb, self.status)

    @property
    def gaps(self) -> list[str]:
        """What an honest registration would say and this one does not. Without an assumption it cannot start."""
        plan = self.plan
        found = []
        if plan.assumption_id is None:
            found.append(
                "It names no assumption, and cannot start before it says in 'assumption_id' which one it tests."
            )
        if plan.traits.observed and len(plan.arms) > 1 and not plan.guardrails:
            found.append("It has no guardrail: nothing would show what the change harms.")
        if plan.traits.observed and plan.minimum_days < 7:
            found.append("It may end before a whole week was seen, although weekdays differ.")
        return found

    def require_assumption(self) -> None:
        """Raise AssumptionMissing unless the registration says which assumption is tested."""
        if self.plan.assumption_id is None:
            raise AssumptionMissing

    def days_seen(self, until: datetime | None, *, now: datetime) -> float:
        """Days from the first moment that counts to the newest exposure that does, by the tools' own clock."""
        if self.counts_from is None or until is None:
            return 0.0
        return max((min(until, now) - self.counts_from) / timedelta(days=1), 0.0)

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
            planned_units=self.planned_units,
            guardrails=plan.guardrails,
            assumption_id=plan.assumption_id,
            kind=plan.kind,
            version=self.version,
            previous_id=self.previous_id,
        )
