"""What an experiment's numbers say at one moment, and what may be claimed from them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from contracts import experiments as said
from contracts.experiments import Guardrail, Metric
from services.experiments.domain.plan import Plan
from services.experiments.domain.recommendation import (
    Advice,
    Facts,
    GuardrailVerdict,
    PrimaryVerdict,
    combine,
    recommend,
)
from services.experiments.statistics.effect import EffectEstimate, Interval, estimate_effect
from services.experiments.statistics.sample_ratio import SampleRatio, check_sample_ratio
from services.experiments.statistics.summary import Summary

OnsetReason = Literal["readable", "claim_reached", "guardrail_tripped", "sample_ratio_broken", "powered"]


@dataclass(frozen=True)
class Counted:
    """What was counted: units per arm, units seen in two arms (in no arm's count), and a summary per (metric, arm)."""

    units: Mapping[str, int]
    excluded: int
    summaries: Mapping[tuple[str, str], Summary]

    @property
    def total(self) -> int:
        return sum(self.units.values())

    def summary(self, metric: str, arm: str) -> Summary:
        """Of all the arm's units; those without an outcome count as 0."""
        seen = self.summaries.get((metric, arm), Summary())
        return seen.with_zeros(self.units.get(arm, 0) - seen.n)


@dataclass(frozen=True)
class Comparison:
    """One treatment arm against the control on one metric. `margin` is that of a guardrail, None for the primary."""

    metric: Metric
    arm: str
    control: Summary
    treatment: Summary
    estimate: EffectEstimate
    margin: float | None = None

    @property
    def good(self) -> Interval | None:
        """The absolute effect, turned so that more is better."""
        found = self.estimate.absolute
        if found is None or self.metric.direction == "increase":
            return found
        return Interval(-found.effect, -found.upper, -found.lower)

    @property
    def primary_verdict(self) -> PrimaryVerdict:
        if self.good is None:
            return "hidden"
        if self.good.lower > 0:
            return "better"
        return "worse" if self.good.upper < 0 else "undecided"

    @property
    def guardrail_verdict(self) -> GuardrailVerdict:
        if self.good is None or self.margin is None:
            return "hidden"
        if self.good.lower > -self.margin:
            return "safe"
        return "tripped" if self.good.upper < -self.margin else "undecided"


@dataclass(frozen=True)
class Readout:
    """The whole readout: numbers, health and recommendation. `words.view` turns it into what people read."""

    plan: Plan
    at: datetime
    counted: Counted
    sample_ratio: SampleRatio
    primary: tuple[Comparison, ...]
    guardrails: tuple[Comparison, ...]
    advice: Advice

    @property
    def readable(self) -> bool:
        return all(comparison.estimate.status == "ok" for comparison in self.primary)

    @property
    def trusted(self) -> bool:
        """Whether anything may be claimed at all."""
        return self.sample_ratio.status != "broken"

    @property
    def planned_reached(self) -> bool:
        return self.counted.total >= self.plan.planned_units

    @property
    def deciding(self) -> Comparison:
        """The comparison that the recommendation is about; else that of the arm with the best lower bound."""
        named = [one for one in self.primary if one.arm == self.advice.arm]
        return named[0] if named else max(self.primary, key=_preference)

    @property
    def conclusion(self) -> said.Conclusion:
        """What the primary metric says about the hypothesis, if the numbers can be trusted."""
        verdicts = [one.primary_verdict for one in self.primary] if self.trusted else []
        if "better" in verdicts:
            return "supported"
        return "refuted" if verdicts and set(verdicts) == {"worse"} else "inconclusive"

    def estimate(self) -> said.Estimate | None:
        """The deciding comparison's, as events carry it; None while its numbers are hidden."""
        found = self.deciding.estimate
        if found.absolute is None:
            return None
        interval = found.absolute
        return said.Estimate(
            arm=self.deciding.arm,
            effect=interval.effect,
            lower=interval.lower,
            upper=interval.upper,
            method=found.method,
        )

    def onsets(self) -> dict[str, OnsetReason]:
        """What holds now and is worth telling once: a stable name for each, with the reason it is told for."""
        found: dict[str, OnsetReason] = {}
        if not self.trusted:
            found["sample_ratio_broken"] = "sample_ratio_broken"
        if self.readable:
            found["readable"] = "readable"
        if self.planned_reached:
            found["powered"] = "powered"
        if not self.trusted:
            return found
        for one in self.primary:
            if one.primary_verdict in ("better", "worse"):
                found[f"claim_reached:{one.arm}:{one.primary_verdict}"] = "claim_reached"
        for one in self.guardrails:
            if one.guardrail_verdict == "tripped":
                found[f"guardrail_tripped:{one.arm}:{one.metric.name}"] = "guardrail_tripped"
        return found


def read_out(plan: Plan, counted: Counted, *, at: datetime) -> Readout:
    """The readout of what was counted until `at`."""
    ratio = check_sample_ratio([counted.units.get(arm.name, 0) for arm in plan.arms], [arm.weight for arm in plan.arms])
    treatments = [arm.name for arm in plan.arms[1:]]
    primary = tuple(_compare(plan, counted, arm, plan.primary_metric, None) for arm in treatments)
    guardrails = tuple(_guard(plan, counted, arm, guardrail) for guardrail in plan.guardrails for arm in treatments)
    reached = counted.total >= plan.planned_units
    advice = [
        recommend(_facts(one, guardrails), sample_ratio_broken=ratio.status == "broken", planned_reached=reached)
        for one in sorted(primary, key=_preference, reverse=True)
    ]
    return Readout(plan, at, counted, ratio, primary, guardrails, combine(advice))


def _guard(plan: Plan, counted: Counted, arm: str, guardrail: Guardrail) -> Comparison:
    return _compare(plan, counted, arm, guardrail.metric, guardrail.margin)


def _compare(plan: Plan, counted: Counted, arm: str, metric: Metric, margin: float | None) -> Comparison:
    control = counted.summary(metric.name, plan.arms[0].name)
    treatment = counted.summary(metric.name, arm)
    alpha, planned = plan.alpha_per_comparison, plan.planned_for(arm)
    estimate = estimate_effect(control, treatment, kind=metric.kind, alpha=alpha, planned_units=planned)
    return Comparison(metric, arm, control, treatment, estimate, margin)


def _facts(primary: Comparison, guardrails: tuple[Comparison, ...]) -> Facts:
    watched: list[tuple[str, GuardrailVerdict]] = [
        (one.metric.name, one.guardrail_verdict) for one in guardrails if one.arm == primary.arm
    ]
    return Facts(primary.arm, primary.primary_verdict, tuple(watched))


def _preference(comparison: Comparison) -> float:
    return comparison.good.lower if comparison.good else float("-inf")
