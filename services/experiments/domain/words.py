"""What a readout says in sentences: every claim, and every claim that is not made. Pure."""

from contracts.experiments import Metric
from services.experiments.domain.comparison import Comparison, Watched
from services.experiments.domain.readout import Readout
from services.experiments.statistics.effect import MINIMUM_EVENTS, MINIMUM_UNITS
from services.experiments.statistics.estimates import Interval

_LONGEST_LINE = 500
HIDDEN = {
    "no_units": "nothing was observed yet",
    "insufficient_data": "fewer than 2 units in an arm, so that no interval can be given",
    "too_few_units": f"fewer than {MINIMUM_UNITS} units in an arm: numbers are hidden until then",
    "too_few_conversions": f"fewer than {MINIMUM_EVENTS} units with, or without, the outcome: numbers are hidden",
    "zero_variance": "all units of an arm have the same value, so that no interval can be given",
    "zero_denominator": "the denominator is 0 in an arm, so that there is no ratio",
    "not_yet": "the planned units are not reached",
    "unusable": "the values are too large or too small to compute with",
    "blocked": "no number can be trusted, see health: numbers are hidden",
}


def summary(readout: Readout) -> str:
    """One line of at most 500 characters: what is claimed and what to do."""
    counted, planned = readout.tally.total, readout.experiment.planned_units
    first = primary_sentence(readout, readout.deciding) if readout.trusted else untrusted(readout)
    action = readout.advice.action.replace("_", " ").capitalize()
    if readout.advice.action == "keep_running" and readout.experiment.stopped_at:
        action = "Undecided at the stop"
    line = f"{first} {action}: {readout.advice.reason}. {counted:,} of {planned:,} {_units(readout)}."
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "…"


def claims(readout: Readout) -> tuple[list[str], list[str]]:
    """What may be said, and what may not, in sentences."""
    if not readout.trusted:
        return [], [untrusted(readout)]
    claimed: list[str] = []
    not_claimed: list[str] = []
    for one in readout.primary:
        (claimed if one.verdict in ("better", "worse") else not_claimed).append(primary_sentence(readout, one))
    for one in readout.guardrails:
        (claimed if one.verdict in ("safe", "tripped") else not_claimed).append(_guardrail_sentence(readout, one))
    return claimed, not_claimed + _never_claimed(readout)


def untrusted(readout: Readout) -> str:
    return f"Nothing is claimed: {' and '.join(readout.blocked)}, so that no arm can be trusted."


def primary_sentence(readout: Readout, one: Comparison) -> str:
    if one.shown.absolute is None:
        return f"{one.arm} on {one.metric.name}: {why_hidden(one)}."
    when = f", as decided at {readout.decision.units:,} units" if one.decision and readout.decision else ""
    return f"{_verdict(readout, one)}: {amount(one.shown.absolute, one.metric)}{when}."


def _verdict(readout: Readout, one: Comparison) -> str:
    """What is true of the arm; that it is the cause only where units were drawn into it beside a control."""
    name, against, only = one.metric.name, readout.plan.against, len(readout.plan.arms) == 1
    if only:
        against = f"{against} of {level(readout.plan.baseline, one.metric)}"
    if one.verdict == "undecided":
        wait = "" if one.final else " (read once, when the planned number is reached)"
        what = (
            f"{name} is better or worse in {one.arm} {against}"
            if against
            else f"{one.arm} makes {name} better or worse"
        )
        return f"Whether {what} is undecided{wait}"
    if against:
        return f"{name} is {one.verdict} in {one.arm} {against}{'' if only else ', for whatever reason'}"
    return f"{one.arm} makes {name} {one.verdict}"


def _guardrail_sentence(readout: Readout, one: Watched) -> str:
    found, name = guardrail_interval(one), one.metric.name
    if found is None:
        return f"{one.arm} on guardrail {name}: {why_hidden(one)}."
    shown = f"{amount(found, one.metric)}, margin {number(one.guardrail.margin, one.metric)}"
    against = readout.plan.against
    if against:
        said = {
            "safe": f"{name} is not worse in {one.arm} {against} by more than the margin",
            "tripped": f"{name} is worse in {one.arm} {against} by more than the margin, for whatever reason",
        }
        return f"{said.get(one.verdict, f'Whether {name} is within the margin in {one.arm} is undecided')}: {shown}."
    said = {
        "safe": f"{one.arm} does not make {name} worse by more than the margin",
        "tripped": f"{one.arm} makes {name} worse than the margin allows",
    }
    return f"{said.get(one.verdict, f'Whether {one.arm} keeps {name} within the margin is undecided')}: {shown}."


def _never_claimed(readout: Readout) -> list[str]:
    found = []
    if any(one.verdict == "safe" for one in readout.guardrails):
        found.append("That a guardrail is unchanged is not claimed, only that it is not worse by more than its margin.")
    if readout.plan.traits.caveat:
        found.append(readout.plan.traits.caveat)
    if any(one.verdict != "hidden" for one in readout.primary):
        found.append("How long the effect lasts, and what it is for units outside this experiment, is not claimed.")
        found.append("Relative effects are shown and not tested.")
    if readout.advice.rule == "minimum_days":
        found.append("That it holds on other days of the week is not claimed before the registered days are over.")
    return found


def why_hidden(one: Comparison | Watched) -> str:
    """Why there are no numbers; of a metric that nothing was ever measured of, where to look for it."""
    if not one.silent:
        return HIDDEN[one.estimate.status]
    names = " or ".join(f"'{name}'" for name in (one.metric.name, one.metric.denominator) if name)
    return f"nothing called {names} was measured of any unit: check that it is sent, under this name, within the window"


def guardrail_interval(one: Watched) -> Interval | None:
    """The effect with its two one-sided bounds, in the metric's own direction; None while hidden."""
    found = one.estimate
    if found.effect is None or found.lower is None or found.upper is None or one.verdict == "hidden":
        return None
    if one.metric.direction == "increase":
        return Interval(found.effect, found.lower, found.upper)
    return Interval(-found.effect, -found.upper, -found.lower)


def amount(interval: Interval, metric: Metric) -> str:
    """The effect with its bounds, in percentage points for a conversion, else in the metric's own unit."""
    effect, lower, upper = (
        number(value, metric, sign=True) for value in (interval.effect, interval.lower, interval.upper)
    )
    return f"{effect} [{lower}, {upper}]"


def level(value: float, metric: Metric) -> str:
    """A rate in percent, where a difference of rates is in percentage points."""
    return f"{value:.2%}" if metric.kind == "conversion" else number(value, metric)


def number(value: float, metric: Metric, *, sign: bool = False) -> str:
    if metric.kind == "conversion":
        return f"{value * 100:{'+' if sign else ''}.2f} pp"
    return f"{value:{'+' if sign else ''}.4g}"


def _units(readout: Readout) -> str:
    return "units" if readout.plan.traits.observed else "people asked"
