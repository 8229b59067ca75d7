"""What is registered before an experiment begins to count: what honesty later needs. Pure."""

from datetime import timedelta
from math import isfinite
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from contracts.event import Slug
from contracts.experiments import Arm, ExperimentKind, Guardrail, Metric
from libs.runtime.fields import Number, Words
from services.experiments.domain.block import Layout
from services.experiments.domain.kinds import KINDS, Traits

MINIMUM_SHARE = 0.005
_PARTICIPANTS = (Arm(name="participants", weight=1.0),)


def _numeric(name: str) -> BeforeValidator:
    """Refuses a text or a truth value where this part, whose class is the events' too, has a number."""

    def check(part: Any) -> Any:
        if isinstance(part, dict) and isinstance(part.get(name), str | bool):
            raise ValueError(f"'{name}' must be a number")
        return part

    return BeforeValidator(check)


class Plan(BaseModel):
    """An experiment's registration. The first arm is the control; effects are absolute, treatment minus control.

    `baseline` is the control's expected rate (conversion), mean or ratio; for a mean or ratio `baseline_deviation` is
    its standard deviation per unit. An experiment with one arm is compared with `baseline` itself. Outcomes count from
    a unit's first exposure for `outcome_window_days`; with `look_back_days` what was measured before it, so many days
    back, is used to sharpen the effect (CUPED). `alternative_effect` is what the bought or partnered alternative
    promises on the primary metric, in the good direction, as `minimum_detectable_effect` is. `units_per_day` is the
    expected traffic; without it that of the workspace's other experiments is used.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Slug
    kind: ExperimentKind = "ab"
    problem_id: UUID
    hypothesis: Words
    primary_metric: Metric
    arms: tuple[Annotated[Arm, _numeric("weight")], ...] = Field(default=_PARTICIPANTS, min_length=1, max_length=10)
    baseline: Number
    minimum_detectable_effect: Number = Field(gt=0)
    baseline_deviation: Number | None = Field(default=None, gt=0)
    guardrails: tuple[Annotated[Guardrail, _numeric("margin")], ...] = Field(default=(), max_length=20)
    assumption_id: UUID | None = None
    alpha: Number = Field(default=0.05, ge=0.0001, le=0.2)
    power: Number = Field(default=0.8, ge=0.5, le=0.99)
    minimum_days: Number = Field(default=7.0, ge=0, le=365)
    outcome_window_days: Number = Field(default=7.0, gt=0, le=365)
    look_back_days: Number | None = Field(default=None, gt=0, le=365)
    alternative_effect: Number | None = Field(default=None, ge=-1e12, le=1e12)
    units_per_day: Number | None = Field(default=None, gt=0, le=1e12)

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        self._require_arms()
        if len(set(self.metric_names)) < len(self.metric_names):
            raise ValueError("a metric appears twice among the primary metric and the guardrails")
        for metric in self.metrics:
            if (metric.kind == "ratio") != (metric.denominator is not None):
                raise ValueError("a ratio needs a 'denominator', and only a ratio has one")
        if self.guardrails and len(self.arms) < 2:
            raise ValueError("guardrails compare with a control arm, and this experiment has one arm only")
        if self.look_back_days is not None and len(self.arms) < 2:
            raise ValueError("'look_back_days' sharpens the comparison of two arms, and this experiment has one")
        if not self.traits.observed and self.primary_metric.kind != "conversion":
            raise ValueError(f"a {self.kind} counts how many of those asked agreed: its metric is a conversion")
        self._require_baseline()
        return self

    def _require_arms(self) -> None:
        least, most = self.traits.arms
        if not least <= len(self.arms) <= most:
            wanted = f"{least} to {most} arms" if least < most else f"{least} arm{'s' if least > 1 else ''}"
            raise ValueError(f"'arms': an experiment of kind {self.kind} has {wanted}, not {len(self.arms)}")
        if len({arm.name for arm in self.arms}) < len(self.arms):
            raise ValueError("two arms have the same name")
        if min(self.shares) < MINIMUM_SHARE:
            raise ValueError(f"an arm's weight is less than {MINIMUM_SHARE:.1%} of the sum")

    def _require_baseline(self) -> None:
        if self.primary_metric.kind != "conversion":
            if self.baseline_deviation is None:
                raise ValueError("a mean or ratio needs 'baseline_deviation', its standard deviation per unit")
            if not isfinite(self.baseline_deviation / self.minimum_detectable_effect):
                raise ValueError("'minimum_detectable_effect' is too small for this deviation")
        elif self.baseline_deviation is not None:
            raise ValueError("'baseline_deviation' is only for a mean or ratio; a rate's follows from the rate")
        elif not (0 < self.baseline < 1 and 0 < self.hoped_for < 1):
            raise ValueError("'baseline' and the rate that the effect leads to must lie between 0 and 1")

    @property
    def traits(self) -> Traits:
        return KINDS[self.kind]

    @property
    def layout(self) -> Layout:
        """What is kept of the units' outcomes."""
        return Layout(tuple(arm.name for arm in self.arms), self.metrics, self.look_back_days is not None)

    @property
    def in_step(self) -> bool:
        """Whether arms are read up to the same moment: they run side by side, and units are drawn into them."""
        return self.traits.randomised and len(self.arms) > 1

    @property
    def against(self) -> str | None:
        """What arms are compared with, in words, where a difference does not show that the arm is its cause."""
        if len(self.arms) == 1:
            return "than the baseline"
        return None if self.traits.randomised else f"than in {self.arms[0].name}"

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return (self.primary_metric, *(guardrail.metric for guardrail in self.guardrails))

    @property
    def metric_names(self) -> list[str]:
        return [metric.name for metric in self.metrics]

    @property
    def outcomes(self) -> list[str]:
        """What tools call the outcomes that this experiment counts."""
        return sorted({one.name for one in self.layout.wanted})

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
    def treatments(self) -> list[str]:
        """The arms that are compared: with the control, or an only arm with the baseline."""
        return [arm.name for arm in self.arms[1:] or self.arms]

    @property
    def alpha_per_comparison(self) -> float:
        """Bonferroni: each arm that is compared with the control gets its part of the registered alpha."""
        return self.alpha / len(self.treatments)

    @property
    def outcome_window(self) -> timedelta:
        return timedelta(days=self.outcome_window_days)

    @property
    def look_back(self) -> timedelta:
        return timedelta(days=self.look_back_days or 0)

    def share_of(self, arm: str) -> float:
        """The part of all units that falls on the control and this arm together."""
        shares = dict(zip((one.name for one in self.arms), self.shares, strict=True))
        return shares[arm] + (self.shares[0] if len(self.arms) > 1 else 0.0)
