"""How many units, how many days, or how small an effect: what an experiment can tell, before it begins."""

from dataclasses import dataclass
from math import ceil, floor
from typing import Any, Literal

from services.experiments.report.errors import CalledWrongly
from services.experiments.statistics.power import mde_for_conversion, mde_for_mean
from services.experiments.statistics.sample_size import Split, units_for_conversion, units_for_mean

Rule = Literal["fixed", "hybrid", "live"]
Direction = Literal["increase", "decrease"]
RULES: tuple[Rule, ...] = ("fixed", "hybrid", "live")
MOST_UNITS = 10**12
_WEEKS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 26, 39, 52)
_LEAST_WEEKS = 6


@dataclass(frozen=True, slots=True)
class Metric:
    """The control's expected rate (`deviation` is None), or its mean and standard deviation per unit."""

    baseline: float
    deviation: float | None = None


@dataclass(frozen=True, slots=True)
class Design:
    """What is asked of the experiment. `weights`: the control's first. `per_day`: units that enter, over all arms."""

    metric: Metric
    direction: Direction = "increase"
    alpha: float = 0.05
    power: float = 0.8
    weights: tuple[float, ...] = (1.0, 1.0)
    minimum_days: int = 7
    per_day: float | None = None

    @property
    def alpha_each(self) -> float:
        """Bonferroni: each treatment that is compared with the control gets its part of alpha."""
        return self.alpha / (len(self.weights) - 1)

    @property
    def sign(self) -> int:
        return 1 if self.direction == "increase" else -1

    def units_for(self, size: float, rule: Rule) -> int:
        """Units over all arms so that each treatment's effect of this size is seen. Raises CalledWrongly."""
        try:
            units = max(self._units(split, size, rule) for split in self._splits())
        except (ValueError, ArithmeticError):
            units = MOST_UNITS + 1
        if units > MOST_UNITS:
            raise CalledWrongly("--effect", f"this takes more than {MOST_UNITS:,} units; look for a larger effect")
        return units

    def smallest_effect(self, units: int, rule: Rule) -> float | None:
        """The smallest effect that so many units over all arms let one see, signed; None if they show none."""
        found = [self._size(split, units, rule) for split in self._splits()]
        sizes = [size for size in found if size is not None]
        return self.sign * max(sizes) if len(sizes) == len(found) else None

    def days_for(self, units: int) -> int | None:
        """At the given traffic, and never less than the minimum days; None without traffic."""
        return None if self.per_day is None else max(self.minimum_days, ceil(units / self.per_day))

    def lift(self, effect: float | None) -> float | None:
        return None if effect is None or self.metric.baseline <= 0 else effect / self.metric.baseline

    def _splits(self) -> list[Split]:
        total = sum(self.weights)
        return [Split(self.weights[0] / total, weight / total) for weight in self.weights[1:]]

    def _units(self, split: Split, size: float, rule: Rule) -> int:
        base, spread, alpha, power = self.metric.baseline, self.metric.deviation, self.alpha_each, self.power
        if spread is not None:
            return units_for_mean(split, deviation=spread, effect=size, alpha=alpha, power=power, rule=rule)
        treated = base + self.sign * size
        return units_for_conversion(split, baseline=base, treated=treated, alpha=alpha, power=power, rule=rule)

    def _size(self, split: Split, units: int, rule: Rule) -> float | None:
        base, spread, alpha, power = self.metric.baseline, self.metric.deviation, self.alpha_each, self.power
        if spread is not None:
            return mde_for_mean(split, units=units, deviation=spread, alpha=alpha, power=power, rule=rule)
        found = mde_for_conversion(
            split, units=units, baseline=base, alpha=alpha, power=power, direction=self.direction, rule=rule
        )
        return None if found is None else abs(found)


@dataclass(frozen=True, slots=True)
class Answer:
    """Under one rule: so many units, so many days, this effect (absolute and signed; None: none can be seen)."""

    rule: Rule
    units: int
    days: int | None
    effect: float | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked, the answer under each rule, and the smallest effect by week where the traffic is known."""

    design: Design
    asked: Literal["size", "effect"]
    answers: tuple[Answer, ...]
    weeks: tuple[tuple[int, tuple[Answer, ...]], ...]


def plan_for_effect(design: Design, size: float) -> Plan:
    """How many units and days it takes to see an effect of this size. Raises CalledWrongly."""
    answers = []
    for rule in RULES:
        units = design.units_for(size, rule)
        answers.append(Answer(rule, units, design.days_for(units), design.sign * size))
    longest = max((answer.days or 0 for answer in answers), default=0)
    return Plan(design, "size", tuple(answers), _by_week(design, longest))


def plan_for_units(design: Design, units: int) -> Plan:
    """How small an effect so many units let one see."""
    days = design.days_for(units)
    answers = tuple(Answer(rule, units, days, design.smallest_effect(units, rule)) for rule in RULES)
    return Plan(design, "effect", answers, _by_week(design, days or 0))


def plan_for_days(design: Design, days: float) -> Plan:
    """How small an effect this many days of traffic let one see. Raises CalledWrongly without traffic."""
    if design.per_day is None:
        raise CalledWrongly("--days", "days alone are no size: say with --per-day how many units enter each day")
    units = floor(days * design.per_day)
    if not len(design.weights) <= units <= MOST_UNITS:
        raise CalledWrongly("--days", f"{units:,} units come in these days; give more days, or another --per-day")
    answers = tuple(Answer(rule, units, ceil(days), design.smallest_effect(units, rule)) for rule in RULES)
    return Plan(design, "effect", answers, _by_week(design, ceil(days)))


def _by_week(design: Design, days: int) -> tuple[tuple[int, tuple[Answer, ...]], ...]:
    """Weeks until one after the last day that matters, six at least and a year at most."""
    if design.per_day is None:
        return ()
    last = next((week for week in _WEEKS if week * 7 >= days and week >= _LEAST_WEEKS), _WEEKS[-1])
    rows = []
    for week in (week for week in _WEEKS if week <= last):
        units = min(MOST_UNITS, floor(week * 7 * design.per_day))
        if units >= len(design.weights):
            found = tuple(Answer(rule, units, week * 7, design.smallest_effect(units, rule)) for rule in RULES)
            rows.append((week, found))
    return tuple(rows)


def plan_document(plan: Plan) -> dict[str, Any]:
    """The plan for a machine. Effects are absolute: shares for a rate, never percent."""
    design = plan.design
    return {
        "kind": "conversion" if design.metric.deviation is None else "mean",
        "baseline": design.metric.baseline,
        "deviation": design.metric.deviation,
        "direction": design.direction,
        "alpha": design.alpha,
        "alpha_per_comparison": design.alpha_each,
        "power": design.power,
        "weights": design.weights,
        "minimum_days": design.minimum_days,
        "per_day": design.per_day,
        "answers": [_answer(design, answer) for answer in plan.answers],
        "by_week": [{"week": week, "answers": [_answer(design, one) for one in found]} for week, found in plan.weeks],
    }


def _answer(design: Design, answer: Answer) -> dict[str, Any]:
    effect = answer.effect
    lift = design.lift(effect)
    return {"rule": answer.rule, "units": answer.units, "days": answer.days, "effect": effect, "relative": lift}
