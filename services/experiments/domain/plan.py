"""What is registered before an experiment begins to count: what honesty later needs. Pure."""

from datetime import timedelta
from math import isfinite
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from contracts.event import Slug
from contracts.experiments import Arm, Guardrail, Metric
from libs.runtime.fields import Number, Words
from services.experiments.statistics.sample_size import Split, units_for_conversion, units_for_mean

MAX_PLANNED_UNITS = 1_000_000_000
MINIMUM_SHARE = 0.005


def _numeric(name: str) -> BeforeValidator:
    """Refuses a text or a truth value where this part, whose class is the events' too, has a number."""

    def check(part: Any) -> Any:
        if isinstance(part, dict) and isinstance(part.get(name), str | bool):
            raise ValueError(f"'{name}' must be a number")
        return part

    return BeforeValidator(check)


class Plan(BaseModel):
    """An experiment's registration. The first arm is the control; effects are absolute, treatment minus control.

    `baseline` is the control's expected rate (conversion) or mean; a mean also needs `baseline_deviation`, its standard
    deviation per unit. Outcomes count from a unit's first exposure for `outcome_window_days`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Slug
    problem_id: UUID
    hypothesis: Words
    primary_metric: Metric
    arms: tuple[Annotated[Arm, _numeric("weight")], ...] = Field(min_length=2, max_length=10)
    baseline: Number
    minimum_detectable_effect: Number = Field(gt=0)
    baseline_deviation: Number | None = Field(default=None, gt=0)
    guardrails: tuple[Annotated[Guardrail, _numeric("margin")], ...] = Field(default=(), max_length=20)
    assumption_id: UUID | None = None
    alpha: Number = Field(default=0.05, ge=0.0001, le=0.2)
    power: Number = Field(default=0.8, ge=0.5, le=0.99)
    outcome_window_days: Number = Field(default=7.0, gt=0, le=365)

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if len({arm.name for arm in self.arms}) < len(self.arms):
            raise ValueError("two arms have the same name")
        if len(set(self.metric_names)) < len(self.metric_names):
            raise ValueError("a metric appears twice among the primary metric and the guardrails")
        if min(self.shares) < MINIMUM_SHARE:
            raise ValueError(f"an arm's weight is less than {MINIMUM_SHARE:.1%} of the sum")
        self._require_baseline()
        if not self.planned_units <= MAX_PLANNED_UNITS:
            raise ValueError(f"this plan needs more than {MAX_PLANNED_UNITS:,} units; look for a larger effect")
        return self

    def _require_baseline(self) -> None:
        if self.primary_metric.kind == "mean":
            if self.baseline_deviation is None:
                raise ValueError("a mean needs 'baseline_deviation', its standard deviation per unit")
            if not isfinite(self.baseline_deviation / self.minimum_detectable_effect):
                raise ValueError("'minimum_detectable_effect' is too small for this deviation")
        elif self.baseline_deviation is not None:
            raise ValueError("'baseline_deviation' is only for a mean; a rate's follows from the rate")
        elif not (0 < self.baseline < 1 and 0 < self.hoped_for < 1):
            raise ValueError("'baseline' and the rate that the effect leads to must lie between 0 and 1")

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return (self.primary_metric, *(guardrail.metric for guardrail in self.guardrails))

    @property
    def metric_names(self) -> list[str]:
        return [metric.name for metric in self.metrics]

    @property
    def shares(self) -> list[float]:
        """Each arm's share of the units, in the order of the arms."""
        total = sum(arm.weight for arm in self.arms)
        return [arm.weight / total for arm in self.arms]

    @property
    def hoped_for(self) -> float:
        """The treated arm's mean or rate if the smallest effect worth detecting is there."""
        sign = 1 if self.primary_metric.direction == "increase" else -1
        return self.baseline + sign * self.minimum_detectable_effect

    @property
    def alpha_per_comparison(self) -> float:
        """Bonferroni: each arm that is compared with the control gets its part of the registered alpha."""
        return self.alpha / (len(self.arms) - 1)

    @property
    def outcome_window(self) -> timedelta:
        return timedelta(days=self.outcome_window_days)

    @property
    def planned_units(self) -> int:
        """Units over all arms that the registered power needs, for the comparison that needs most."""
        control, *others = self.shares
        return max(self._units_for(Split(control, share)) for share in others)

    def planned_for(self, arm: str) -> float:
        """The part of the planned units that falls on the control and this arm together."""
        shares = dict(zip((arm.name for arm in self.arms), self.shares, strict=True))
        return self.planned_units * (self.shares[0] + shares[arm])

    def _units_for(self, split: Split) -> int:
        alpha, power = self.alpha_per_comparison, self.power
        if self.baseline_deviation is not None:
            deviation, effect = self.baseline_deviation, self.minimum_detectable_effect
            return units_for_mean(split, deviation=deviation, effect=effect, alpha=alpha, power=power)
        return units_for_conversion(split, baseline=self.baseline, treated=self.hoped_for, alpha=alpha, power=power)
