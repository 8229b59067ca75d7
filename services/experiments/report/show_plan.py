"""A plan on a terminal: the answer under each rule, what can be seen by week, and words."""

from math import ceil

from rich.console import Console
from rich.text import Text

from services.experiments.report.plan import RULES, Answer, Design, Plan, Rule
from services.experiments.report.scale import Scale, level, percent
from services.experiments.report.show import section, table
from services.experiments.statistics.effect import Interval

_LIFTS_NEED = 90
_SAID: dict[Rule, str] = {
    "fixed": "one look, at the end",
    "hybrid": "looks on the way, decision at the end",
    "live": "stop at any look",
}
_SHORT: dict[Rule, str] = {"fixed": "one look", "hybrid": "end decides", "live": "any look"}


def show_plan(plan: Plan, to: Console) -> None:
    """Print the plan. `to` decides the width."""
    scale = _scale(plan)
    to.print(Text(_heading(plan.design)))
    to.print()
    _answers(plan, scale, to)
    if plan.weeks:
        _weeks(plan, scale, to)
    section(to, "To know", _notes(plan), "dim")


def _heading(design: Design) -> str:
    metric = design.metric
    kind = "conversion" if metric.deviation is None else "mean"
    named = "rate" if metric.deviation is None else "mean"
    spread = "" if metric.deviation is None else f" (sd {level(metric.deviation, kind)})"
    arms = f"{len(design.weights)} arms"
    if len(set(design.weights)) > 1:
        arms += " " + ":".join(f"{weight:g}" for weight in design.weights)
    return (
        f"The control's {named} is {level(metric.baseline, kind)}{spread}; alpha {design.alpha:g}, "
        f"power {design.power * 100:.4g} %, {arms}."
    )


def _scale(plan: Plan) -> Scale:
    answers = [*plan.answers, *(one for _, found in plan.weeks for one in found)]
    sizes = [abs(one.effect) for one in answers if one.effect]
    kind = "conversion" if plan.design.metric.deviation is None else "mean"
    return Scale.of(kind, [Interval(0.0, 0.0, size) for size in sizes])


def _answers(plan: Plan, scale: Scale, to: Console) -> None:
    per_day = plan.design.per_day
    made = table("how it is read", "effect", "lift", "units", "days")
    for one in plan.answers:
        shown = [_SAID[one.rule], *_effect(plan.design, scale, one), f"{one.units:,}"]
        made.add_row(*(Text(cell) for cell in [*shown, "-" if one.days is None else f"{one.days:,}"]))
    to.print(made)
    if per_day is not None:
        to.print(Text(f"at {per_day:,.6g} units a day", style="dim"))


def _weeks(plan: Plan, scale: Scale, to: Console) -> None:
    lifts = to.width >= _LIFTS_NEED
    made = table("week", "units", *(_SHORT[rule] for rule in RULES))
    for week, found in plan.weeks:
        cells = []
        for one in found:
            effect, lift = _effect(plan.design, scale, one)
            cells.append(f"{effect} ({lift})" if lifts and lift != "-" else effect)
        made.add_row(*(Text(cell) for cell in (str(week), f"{found[0].units:,}", *cells)))
    to.print()
    to.print(Text("The smallest effect that can be seen, by week", style="bold"))
    to.print(made)


def _effect(design: Design, scale: Scale, one: Answer) -> tuple[str, str]:
    lift = design.lift(one.effect)
    return ("none" if one.effect is None else scale.amount(one.effect), "-" if lift is None else percent(lift))


def _notes(plan: Plan) -> list[str]:
    design, live = plan.design, plan.answers[-1]
    found = [
        "'One look' is right only if nobody stops or decides before the end. 'Stop at any look' keeps its error "
        "however often somebody looks; it needs room for more units, and often stops sooner. Between them: claims on "
        "the way, and one decision at the planned size, which is what a running experiment here does.",
        "Seen means: with this power, if the effect is there. An effect of half the size takes four times the units.",
    ]
    if any(one.effect is None for one in plan.answers):
        found.append("None: even the largest change that a rate has room for would not be seen with this power.")
    if len(design.weights) > 2:
        found.append(f"Each treatment is compared at alpha {design.alpha_each:.3g} (Bonferroni).")
    if design.per_day is None:
        found.append("Say with --per-day how many units enter each day, and the days and weeks are shown.")
    elif live.days is not None:
        found += _on_days(design, live.units, live.days)
    return found


def _on_days(design: Design, units: int, days: int) -> list[str]:
    assert design.per_day is not None
    found = []
    if ceil(units / design.per_day) < design.minimum_days:
        found.append(
            f"{design.minimum_days} days are the minimum, whatever the traffic: a week has weekdays and a weekend."
        )
    if days > 365:
        found.append(
            "More than a year: look for a larger effect, more traffic, or a metric that moves more with the change."
        )
    found.append("Add the outcome window: the units that enter last need their days too.")
    return found
