"""The readout as people read it: JSON with every claim, and every claim that is not made, in words. Pure."""

from typing import Any

from contracts.experiments import Metric
from services.experiments.domain.readout import Comparison, Readout
from services.experiments.statistics.effect import MINIMUM_EVENTS, MINIMUM_UNITS, Interval

_UNTRUSTED = "Nothing is claimed: units do not arrive in the registered ratio, so that no arm can be trusted."
_HIDDEN = {
    "too_few_units": f"fewer than {MINIMUM_UNITS} units in an arm: numbers are hidden until then",
    "too_few_conversions": f"fewer than {MINIMUM_EVENTS} units with, or without, the outcome: numbers are hidden",
    "no_variance": "all units of an arm have the same value, so that no interval can be given",
}


def view(readout: Readout) -> dict[str, Any]:
    """The readout's document, of JSON types only."""
    plan, counted = readout.plan, readout.counted
    claimed, not_claimed = claims(readout)
    return {
        "at": readout.at.isoformat(),
        "summary": summary(readout),
        "claimed": claimed,
        "not_claimed": not_claimed,
        "recommendation": {
            "action": readout.advice.action,
            "rule": readout.advice.rule,
            "reason": readout.advice.reason,
            "arm": readout.advice.arm,
        },
        "units": {
            "counted": counted.total,
            "planned": plan.planned_units,
            "share_of_planned": round(counted.total / plan.planned_units, 4),
            "arms": [
                {"arm": arm.name, "weight": arm.weight, "units": counted.units.get(arm.name, 0)} for arm in plan.arms
            ],
        },
        "primary_metric": {
            **plan.primary_metric.model_dump(),
            "comparisons": [{**_comparison(one), "verdict": one.primary_verdict} for one in readout.primary],
        },
        "guardrails": [_guardrail(one) for one in readout.guardrails],
        "health": _health(readout),
        "method": _method(readout),
    }


def summary(readout: Readout) -> str:
    """One line of at most 500 characters: what is claimed and what to do."""
    first = _primary_sentence(readout.deciding) if readout.trusted else _UNTRUSTED
    action = readout.advice.action.replace("_", " ").capitalize()
    line = (
        f"{first} {action}: {readout.advice.reason}. {readout.counted.total:,} of {readout.plan.planned_units:,} units."
    )
    return line if len(line) <= 500 else line[:499] + "…"


def claims(readout: Readout) -> tuple[list[str], list[str]]:
    """What may be said, and what may not, in sentences."""
    if not readout.trusted:
        return [], [_UNTRUSTED]
    claimed: list[str] = []
    not_claimed: list[str] = []
    for one in readout.primary:
        (claimed if one.primary_verdict in ("better", "worse") else not_claimed).append(_primary_sentence(one))
    for one in readout.guardrails:
        (claimed if one.guardrail_verdict in ("safe", "tripped") else not_claimed).append(_guardrail_sentence(one))
    not_claimed += _never_claimed(readout)
    return claimed, not_claimed


def _primary_sentence(one: Comparison) -> str:
    if one.estimate.absolute is None:
        return f"{one.arm} on {one.metric.name}: {_HIDDEN[one.estimate.status]}."
    shown = amount(one.estimate.absolute, one.metric)
    if one.primary_verdict == "undecided":
        return f"Whether {one.arm} changes {one.metric.name} for better or worse is undecided: {shown}."
    return f"{one.arm} makes {one.metric.name} {one.primary_verdict}: {shown}."


def _guardrail_sentence(one: Comparison) -> str:
    if one.estimate.absolute is None:
        return f"{one.arm} on guardrail {one.metric.name}: {_HIDDEN[one.estimate.status]}."
    shown = f"{amount(one.estimate.absolute, one.metric)}, margin {_number(one.margin or 0, one.metric)}"
    said = {
        "safe": f"{one.arm} does not make {one.metric.name} worse by more than the margin",
        "tripped": f"{one.arm} makes {one.metric.name} worse than the margin allows",
    }
    undecided = f"Whether {one.arm} keeps {one.metric.name} within the margin is undecided"
    return f"{said.get(one.guardrail_verdict, undecided)}: {shown}."


def _never_claimed(readout: Readout) -> list[str]:
    found = []
    if any(one.guardrail_verdict == "safe" for one in readout.guardrails):
        found.append("That a guardrail is unchanged is not claimed, only that it is not worse by more than its margin.")
    if any(one.primary_verdict != "hidden" for one in readout.primary):
        found.append("How long the effect lasts, and what it is for units outside this experiment, is not claimed.")
        found.append("Relative effects are shown and not tested.")
    return found


def amount(interval: Interval, metric: Metric) -> str:
    """The effect with its bounds, in percentage points for a conversion, in the metric's own unit for a mean."""
    effect, lower, upper = (
        _number(value, metric, sign=True) for value in (interval.effect, interval.lower, interval.upper)
    )
    return f"{effect} [{lower}, {upper}]"


def _number(value: float, metric: Metric, *, sign: bool = False) -> str:
    if metric.kind == "conversion":
        return f"{value * 100:{'+' if sign else ''}.2f} pp"
    return f"{value:{'+' if sign else ''}.4g}"


def _comparison(one: Comparison) -> dict[str, Any]:
    """Numbers only when there are enough units; below that a status and no number that could mislead."""
    shown: dict[str, Any] = {"arm": one.arm, "status": one.estimate.status}
    if one.estimate.absolute is None:
        return {**shown, "effect": None, "relative": None, "note": _HIDDEN[one.estimate.status]}
    relative = one.estimate.relative
    return {
        **shown,
        "control_mean": one.control.mean,
        "treatment_mean": one.treatment.mean,
        "effect": _interval(one.estimate.absolute),
        "relative": _interval(relative) if relative else None,
        "note": None if relative else "the control's mean is not above 0, so that there is no relative effect",
    }


def _guardrail(one: Comparison) -> dict[str, Any]:
    return {**one.metric.model_dump(), "margin": one.margin, **_comparison(one), "verdict": one.guardrail_verdict}


def _interval(found: Interval) -> dict[str, float]:
    return {"effect": found.effect, "lower": found.lower, "upper": found.upper}


def _health(readout: Readout) -> dict[str, Any]:
    ratio, excluded = readout.sample_ratio, readout.counted.excluded
    seen = readout.counted.total + excluded
    said = {
        "ok": "The arms receive the registered shares of units, as far as chance lets one tell.",
        "broken": "The arms do not receive the registered shares of units (p < 0.001): find the cause first.",
        "too_few_units": "There are too few units to check the ratio between the arms.",
    }
    return {
        "sample_ratio": {"status": ratio.status, "p_value": ratio.p_value, "note": said[ratio.status]},
        "double_exposure": {
            "units": excluded,
            "share": round(excluded / seen, 6) if seen else 0.0,
            "note": "Units that were seen in more than one arm are left out of every number above.",
        },
    }


def _method(readout: Readout) -> dict[str, Any]:
    plan, deciding = readout.plan, readout.deciding
    return {
        "name": deciding.estimate.method,
        "alpha": plan.alpha,
        "alpha_per_comparison": plan.alpha_per_comparison,
        "power": plan.power,
        "planned_units": plan.planned_units,
        "outcome_window_days": plan.outcome_window_days,
        "note": (
            "The intervals hold at every look at once, so that anybody may look at any time and stop. For that they "
            "are about half as wide again at the planned units as one fixed look would give; the planned units are "
            "those of the textbook formula for one look, and the same power under this interval takes about twice as "
            "many. Units whose outcome window is still open count with what they did so far."
        ),
    }
