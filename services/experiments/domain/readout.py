"""What an experiment's numbers say at one moment, and what may be claimed from them. Pure."""

from collections.abc import Mapping, Set
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal

from contracts import experiments as said
from services.experiments.domain.comparison import (
    Comparison,
    Watched,
    alternative_wins,
    compare,
    decide,
    watch,
)
from services.experiments.domain.experiment import Experiment
from services.experiments.domain.health import check_ratio
from services.experiments.domain.plan import Plan
from services.experiments.domain.recommendation import Advice, Facts, combine, recommend
from services.experiments.domain.tally import STALE_AFTER, Tally
from services.experiments.statistics.estimates import Estimate, Interval
from services.experiments.statistics.sample_ratio import SequentialSampleRatio

MOST_CROSSED = 0.01
OnsetReason = Literal["readable", "claim_reached", "guardrail_tripped", "sample_ratio_broken", "powered", "stale"]
# What may end and begin anew is told again; everything else is news once.
_RETURNING = frozenset({"stale"})


@dataclass(frozen=True)
class Decision:
    """The one look at the planned size: when it was, how many units it saw, and what it said of each arm."""

    at: datetime
    units: int
    estimates: Mapping[str, Estimate]

    def as_json(self) -> dict[str, Any]:
        arms = {arm: asdict(estimate) for arm, estimate in self.estimates.items()}
        return {"at": self.at.isoformat(), "units": self.units, "arms": arms}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Decision":
        estimates = {arm: _estimate(fields) for arm, fields in found["arms"].items()}
        return cls(datetime.fromisoformat(found["at"]), found["units"], estimates)


@dataclass(frozen=True)
class Readout:
    """The whole readout: numbers, health and recommendation. `view.view` turns it into what people read.

    `looks` counts how often somebody read it or the job looked for what is new to tell, this time included.
    """

    experiment: Experiment
    at: datetime
    tally: Tally
    looks: int
    sample_ratio: SequentialSampleRatio | None
    blocked: tuple[str, ...]
    primary: tuple[Comparison, ...]
    guardrails: tuple[Watched, ...]
    decision: Decision | None
    advice: Advice
    days_left: float | None

    @property
    def plan(self) -> Plan:
        return self.experiment.plan

    @property
    def readable(self) -> bool:
        return all(comparison.estimate.status == "ok" for comparison in self.primary)

    @property
    def trusted(self) -> bool:
        """Whether anything may be claimed at all."""
        return not self.blocked

    @property
    def planned_reached(self) -> bool:
        return self.tally.total >= self.experiment.planned_units

    @property
    def days_seen(self) -> float:
        return self.experiment.days_seen(self.tally.until, now=self.at)

    @property
    def deciding(self) -> Comparison:
        """The comparison that the recommendation is about; else that of the arm with the best lower bound."""
        named = [one for one in self.primary if one.arm == self.advice.arm]
        return named[0] if named else max(self.primary, key=_preference)

    @property
    def conclusion(self) -> said.Conclusion:
        """What the primary metric says about the hypothesis, if the numbers can be trusted."""
        verdicts = [one.verdict for one in self.primary] if self.trusted else []
        if "better" in verdicts:
            return "supported"
        return "refuted" if verdicts and set(verdicts) == {"worse"} else "inconclusive"

    def estimate(self) -> said.Estimate | None:
        """The deciding comparison's, as events carry it; None while its numbers are hidden or cannot be trusted."""
        found = self.deciding.shown
        if found.absolute is None or not self.trusted:
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
        if self.sample_ratio and self.sample_ratio.status == "broken":
            found["sample_ratio_broken"] = "sample_ratio_broken"
        if self.tally.stale:
            found["stale"] = "stale"
        if self.readable and self.trusted:
            found["readable"] = "readable"
        if self.planned_reached:
            found["powered"] = "powered"
        return found | (self._claims() if self.trusted else {})

    def _claims(self) -> dict[str, OnsetReason]:
        found: dict[str, OnsetReason] = {}
        for one in self.primary:
            if one.verdict in ("better", "worse"):
                found[f"claim_reached:{one.arm}:{one.verdict}"] = "claim_reached"
        for one in self.guardrails:
            if one.verdict == "tripped":
                found[f"guardrail_tripped:{one.arm}:{one.metric.name}"] = "guardrail_tripped"
        return found


def known_onsets(told: Set[str], now: Set[str]) -> frozenset[str]:
    """What counts as told after this look."""
    return frozenset(told - (_RETURNING - now) | now)


def read_out(
    experiment: Experiment, tally: Tally, *, at: datetime, looks: int = 0, decision: Decision | None = None
) -> Readout:
    """The readout of what was counted until `at`; the decision is made here if it is due and was not made before."""
    plan = experiment.plan
    ratio = check_ratio([tally.units[arm.name] for arm in plan.arms], plan.shares) if plan.in_step else None
    blocked = _blocked(plan, tally, ratio)
    days_over = not plan.traits.observed or experiment.days_seen(tally.until, now=at) >= plan.minimum_days
    reached = tally.total >= experiment.planned_units
    if decision is None and reached and days_over and not blocked:
        decision = _decision(experiment, tally, at)
    found = [compare(experiment, tally, arm) for arm in plan.treatments]
    primary = tuple(replace(one, decision=decision.estimates.get(one.arm) if decision else None) for one in found)
    watched = tuple(
        watch(experiment, tally, arm, guardrail) for guardrail in plan.guardrails for arm in plan.treatments
    )
    days_left = _days_left(experiment, tally, at)
    common = Facts(
        arm="",
        primary="hidden",
        blocked=blocked,
        days_over=days_over,
        planned_reached=reached,
        days_left=days_left,
        stopped=experiment.stopped_at is not None,
        falls_short=plan.traits.falls_short,
        against=plan.against,
    )
    advice = [
        recommend(_facts(experiment, one, watched, common)) for one in sorted(primary, key=_preference, reverse=True)
    ]
    return Readout(experiment, at, tally, looks, ratio, blocked, primary, watched, decision, combine(advice), days_left)


def _blocked(plan: Plan, tally: Tally, ratio: SequentialSampleRatio | None) -> tuple[str, ...]:
    found = []
    if ratio and ratio.status == "broken":
        found.append("units do not arrive in the registered ratio")
    if plan.in_step and tally.crossed_share > MOST_CROSSED:
        found.append(f"{tally.crossed_share:.1%} of the units were seen in more than one arm")
    if tally.stale:
        hours = STALE_AFTER.total_seconds() / 3_600
        found.append(f"{' and '.join(tally.stale)} fell more than {hours:g} hours behind the other arms")
    return tuple(found)


def _decision(experiment: Experiment, tally: Tally, at: datetime) -> Decision | None:
    if len(experiment.plan.arms) < 2:
        return None
    estimates = {arm: decide(experiment, tally, arm) for arm in experiment.plan.treatments}
    readable = all(one.status == "ok" for one in estimates.values())
    return Decision(at, tally.total, estimates) if readable else None


def _facts(experiment: Experiment, primary: Comparison, watched: tuple[Watched, ...], common: Facts) -> Facts:
    return replace(
        common,
        arm=primary.arm,
        primary=primary.verdict,
        guardrails=tuple((one.metric.name, one.verdict) for one in watched if one.arm == primary.arm),
        within_mde=primary.within(experiment.plan.minimum_detectable_effect),
        alternative_wins=alternative_wins(experiment, primary),
    )


def _days_left(experiment: Experiment, tally: Tally, at: datetime) -> float | None:
    """Until the planned units are there and the minimum of days is over, at the present traffic.

    None if that is unknown, or after the stop.
    """
    plan = experiment.plan
    if not plan.traits.observed or experiment.stopped_at is not None:
        return None
    days = max(plan.minimum_days - experiment.days_seen(tally.until, now=at), 0.0)
    missing = max(experiment.planned_units - tally.total, 0)
    traffic = tally.units_per_day or experiment.units_per_day
    if not missing:
        return days
    return max(days, missing / traffic) if traffic else None


def _preference(comparison: Comparison) -> float:
    return comparison.interval.lower if comparison.interval else float("-inf")


def _estimate(fields: Mapping[str, Any]) -> Estimate:
    intervals = {
        name: Interval(**fields[name]) if fields[name] else None for name in ("absolute", "relative", "small_sample")
    }
    return Estimate(**{**fields, **intervals})
