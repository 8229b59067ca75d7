"""The readout as a document of JSON types: words first, then every number with its status. Pure."""

from dataclasses import asdict
from typing import Any

from services.experiments.domain.comparison import Comparison, Watched
from services.experiments.domain.readout import MOST_CROSSED, Readout
from services.experiments.domain.tally import STALE_AFTER, STALE_UNITS
from services.experiments.domain.words import HIDDEN, claims, guardrail_interval, summary, why_hidden
from services.experiments.statistics.estimates import Interval

_RATIO_NOTES = {
    "ok": "The arms receive the registered shares of units, as far as chance lets one tell.",
    "broken": "The arms do not receive the registered shares of units (p < 0.001): find the cause first.",
    "not_applicable": "Units are not drawn into arms here, so that there is no ratio to check.",
}
_HOLDS_ALWAYS = (
    "Brackets hold the interval at the registered level. Live intervals hold at every look at once, so that anybody "
    "may look at any time and stop. The planned units are those at which the decision, read once and after any number "
    "of live looks, has the registered power. Units whose outcome window is still open count with what they did so far."
)
_WAITING = "Units of hours that an arm has not reached yet."
_BEYOND = "People asked after the planned number: the result is read once, so that they change nothing."
_HOLDS_ONCE = (
    "Brackets hold the interval at the registered level. It is for one look, at the registered number of people: "
    "before that it is shown and nothing is claimed."
)


def view(readout: Readout) -> dict[str, Any]:
    """The readout's document."""
    plan, advice = readout.plan, readout.advice
    claimed, not_claimed = claims(readout)
    return {
        "at": readout.at.isoformat(),
        "kind": plan.kind,
        "summary": summary(readout),
        "claimed": claimed,
        "not_claimed": not_claimed,
        "gaps": readout.experiment.gaps,
        "recommendation": {"action": advice.action, "rule": advice.rule, "reason": advice.reason, "arm": advice.arm},
        "units": _units(readout),
        "time": _time(readout),
        "primary_metric": {
            **plan.primary_metric.model_dump(exclude_none=True),
            "minimum_detectable_effect": plan.minimum_detectable_effect,
            "comparisons": [_comparison(readout, one) for one in readout.primary],
        },
        "guardrails": [_guardrail(readout, one) for one in readout.guardrails],
        "health": _health(readout),
        "method": _method(readout),
    }


def _units(readout: Readout) -> dict[str, Any]:
    counted, planned = readout.tally, readout.experiment.planned_units
    return {
        "counted": counted.total,
        "waiting": counted.waiting,
        "waiting_note": _WAITING if readout.plan.traits.observed else _BEYOND,
        "planned": planned,
        "share_of_planned": round(counted.total / planned, 4),
        "arms": [
            {"arm": arm.name, "weight": arm.weight, "units": counted.units.get(arm.name, 0)}
            for arm in readout.plan.arms
        ],
    }


def _time(readout: Readout) -> dict[str, Any]:
    plan = readout.plan
    observed = plan.traits.observed
    return {
        "days_seen": round(readout.days_seen, 3) if observed else None,
        "minimum_days": plan.minimum_days if observed else None,
        "days_left": _rounded(readout.days_left),
        "units_per_day": _rounded(readout.tally.units_per_day),
        "planned_days": _rounded(readout.experiment.planned_days),
    }


def _comparison(readout: Readout, one: Comparison) -> dict[str, Any]:
    """Numbers only when there are enough units; below that a status and no number that could mislead."""
    found = one.estimate
    status = found.status if readout.trusted else "blocked"
    if found.absolute is None or not readout.trusted:
        nothing = {"effect": None, "relative": None, "p_value": None}
        note = why_hidden(one) if readout.trusted else HIDDEN[status]
        return {"arm": one.arm, "status": status, **nothing, "note": note, "verdict": "hidden"}
    decided = one.decision.absolute if one.decision else None
    return {
        "arm": one.arm,
        "status": status,
        "control_mean": one.control_value,
        "treatment_mean": one.treatment_value,
        "effect": asdict(found.absolute),
        "relative": asdict(found.relative) if found.relative else None,
        "p_value": found.p_value,
        "decision": asdict(decided) if decided else None,
        "variance_reduction": found.variance_reduction,
        "note": None if found.relative else "the control's mean is not above 0, so that there is no relative effect",
        "verdict": one.verdict,
    }


def _guardrail(readout: Readout, one: Watched) -> dict[str, Any]:
    interval: Interval | None = guardrail_interval(one) if readout.trusted else None
    status = one.estimate.status if readout.trusted else "blocked"
    note = HIDDEN.get(status) if interval or not readout.trusted else why_hidden(one)
    shown: dict[str, Any] = {"effect": None, "note": note, "verdict": "hidden"}
    if interval:
        shown = {
            "control_mean": one.control_value,
            "treatment_mean": one.treatment_value,
            "effect": asdict(interval),
            "p_value": one.estimate.p_value,
            "note": "each bound holds by itself, at every look",
            "verdict": one.verdict,
        }
    metric = one.metric.model_dump(exclude_none=True)
    return {**metric, "margin": one.guardrail.margin, "arm": one.arm, "status": status, **shown}


def _health(readout: Readout) -> dict[str, Any]:
    ratio, tally = readout.sample_ratio, readout.tally
    status = ratio.status if ratio else "not_applicable"
    hours = STALE_AFTER.total_seconds() / 3_600
    return {
        "trusted": readout.trusted,
        "blocked": list(readout.blocked),
        "sample_ratio": {
            "status": status,
            "p_value": ratio.p_value if ratio else None,
            "chi2_p_value": ratio.chi2_p_value if ratio else None,
            "note": _RATIO_NOTES[status],
        },
        "double_exposure": {
            "units": tally.crossed,
            "share": round(tally.crossed_share, 6),
            "most": MOST_CROSSED,
            "note": "Units that were seen in more than one arm are left out of every number above.",
        },
        "arms_in_step": {
            "stale": list(tally.stale),
            "until": tally.until.isoformat() if tally.until else None,
            "note": (
                "All arms are read up to the last hour that each has reached; units of later hours wait. An arm is "
                f"stale when its newest exposure is more than {hours:g} hours behind another's and more than "
                f"{STALE_UNITS:g} units of its share are missing."
            ),
        },
    }


def _method(readout: Readout) -> dict[str, Any]:
    plan, estimate, decision = readout.plan, readout.deciding.estimate, readout.decision
    spent = readout.deciding.shown.alpha_spent
    return {
        "name": estimate.method,
        "decision": readout.deciding.decision.method if readout.deciding.decision else None,
        "decided_at": decision.at.isoformat() if decision else None,
        "decided_units": decision.units if decision else None,
        "alpha": plan.alpha,
        "alpha_per_comparison": plan.alpha_per_comparison,
        "alpha_spent": spent,
        "alpha_share": round(spent / plan.alpha_per_comparison, 4) if spent is not None else None,
        "power": plan.power,
        "planned_units": readout.experiment.planned_units,
        "looks": readout.looks,
        "outcome_window_days": plan.outcome_window_days,
        "cuped_look_back_days": plan.look_back_days,
        "note": _HOLDS_ALWAYS if plan.traits.observed else _HOLDS_ONCE,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
