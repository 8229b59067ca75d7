"""What to do, from what the readout may claim: a stated rule, not a judgement. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from contracts.experiments import Recommendation

PrimaryVerdict = Literal["better", "worse", "undecided", "hidden"]
GuardrailVerdict = Literal["safe", "tripped", "undecided", "hidden"]


@dataclass(frozen=True)
class Facts:
    """What is known about one treatment arm, as far as it may be claimed."""

    arm: str
    primary: PrimaryVerdict
    guardrails: tuple[tuple[str, GuardrailVerdict], ...] = ()


@dataclass(frozen=True)
class Advice:
    """A recommendation, the row of the table that gave it, and why in words. `arm` is the one to ship or stop."""

    action: Recommendation
    rule: str
    reason: str
    arm: str | None = None


def recommend(facts: Facts, *, sample_ratio_broken: bool, planned_reached: bool) -> Advice:
    """The first row that fits, for one treatment arm against the control:

    | rule           | when                                                                   | then         |
    |----------------|------------------------------------------------------------------------|--------------|
    | blocked        | the sample ratio is broken: no number can be trusted                   | keep_running |
    | guardrail_harm | a guardrail is certainly worse than its margin allows                  | stop         |
    | primary_harm   | the primary metric is certainly worse                                  | stop         |
    | benefit        | the primary is certainly better, no guardrail can be beyond its margin | ship         |
    | planned_size   | the planned units are reached and none of the above holds              | iterate      |
    | minimum_data   | there is too little data to show numbers                               | keep_running |
    | undecided      | otherwise                                                              | keep_running |

    "Certainly" means that the whole interval lies there, at the registered alpha, whenever one looks.
    """
    if sample_ratio_broken:
        reason = "units do not arrive in the registered ratio; find out why before believing any number"
        return Advice("keep_running", "blocked", reason)
    tripped = [name for name, verdict in facts.guardrails if verdict == "tripped"]
    if tripped:
        reason = f"{facts.arm} makes {_and(tripped)} worse than the margin allows"
        return Advice("stop", "guardrail_harm", reason, facts.arm)
    if facts.primary == "worse":
        return Advice("stop", "primary_harm", f"{facts.arm} makes the primary metric worse", facts.arm)
    open_guardrails = [name for name, verdict in facts.guardrails if verdict != "safe"]
    if facts.primary == "better" and not open_guardrails:
        reason = f"{facts.arm} makes the primary metric better and no guardrail is beyond its margin"
        return Advice("ship", "benefit", reason, facts.arm)
    return _without_verdict(facts, open_guardrails, planned_reached)


def combine(advice: Sequence[Advice]) -> Advice:
    """One recommendation for several treatment arms, `advice` in the order of preference between arms that tie.

    Ship if any arm is to be shipped; else keep running while any arm is undecided; else iterate if any arm asks for it;
    stop only when every arm is harmful.
    """
    order: tuple[Recommendation, ...] = ("ship", "keep_running", "iterate", "stop")
    chosen = min(advice, key=lambda one: order.index(one.action))
    harmful = [one for one in advice if one.action == "stop"]
    if chosen.action != "stop" and harmful:
        reason = f"{chosen.reason}; drop {_and([one.arm or '' for one in harmful])}: {harmful[0].reason}"
        return Advice(chosen.action, chosen.rule, reason, chosen.arm)
    return chosen


def _without_verdict(facts: Facts, open_guardrails: list[str], planned_reached: bool) -> Advice:
    """The table's last three rows."""
    missing = f"for {facts.arm} the primary metric is undecided"
    if facts.primary == "better":
        missing = f"for {facts.arm} it is open whether {_and(open_guardrails)} stays within its margin"
    if planned_reached:
        return Advice("iterate", "planned_size", f"the planned units are reached and {missing}")
    if facts.primary == "hidden":
        return Advice("keep_running", "minimum_data", "there is too little data to show numbers")
    return Advice("keep_running", "undecided", f"{missing}, and the planned units are not reached")


def _and(names: Sequence[str]) -> str:
    return " and ".join(names)
