"""What to do, from what the readout may claim: a stated rule, not a judgement. Pure.

`TABLE` is the rule. docs/reference/recommendation.md shows it, written from here and compared by a test.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from contracts.experiments import Recommendation

PrimaryVerdict = Literal["better", "worse", "undecided", "hidden"]
GuardrailVerdict = Literal["safe", "tripped", "undecided", "hidden"]


@dataclass(frozen=True)
class Facts:
    """What is known about one treatment arm, as far as it may be claimed.

    `blocked`: why no number can be trusted, in words. `within_mde`: the interval of the primary lies inside ± the
    minimum detectable effect. `alternative_wins`: the tested risk is feasibility or viability, and the interval lies
    below the registered alternative. `days_left` at the present traffic, None if unknown. `stopped`: nothing more will
    be counted. `falls_short`: why this kind of experiment gives no reason to ship. `against`: what the arm was compared
    with, where that does not show that the arm is the cause: "than in before", "than the baseline".
    """

    arm: str
    primary: PrimaryVerdict
    guardrails: tuple[tuple[str, GuardrailVerdict], ...] = ()
    blocked: tuple[str, ...] = ()
    within_mde: bool = False
    alternative_wins: bool = False
    days_over: bool = True
    planned_reached: bool = False
    days_left: float | None = None
    stopped: bool = False
    falls_short: str | None = None
    against: str | None = None

    def guardrails_that_are(self, *verdicts: GuardrailVerdict) -> list[str]:
        return [name for name, verdict in self.guardrails if verdict in verdicts]

    @property
    def open_guardrails(self) -> list[str]:
        return self.guardrails_that_are("undecided", "hidden")

    @property
    def keeps_its_promise(self) -> bool:
        return self.primary == "better" and not self.open_guardrails

    @property
    def missing(self) -> str:
        """What is not known yet."""
        if self.primary == "hidden":
            return f"for {self.arm} the primary metric has no numbers that could be shown"
        if self.primary == "better" and self.open_guardrails:
            return f"for {self.arm} it is open whether {_and(self.open_guardrails)} stays within its margin"
        return f"for {self.arm} the primary metric is undecided"

    @property
    def wait(self) -> str:
        if self.stopped:
            return "it was stopped before that"
        if self.days_left is None:
            return "how long that takes is not known at the present traffic"
        days = max(round(self.days_left, 1), 0.1)
        return f"about {days:g} day{'' if days == 1 else 's'} left at the present traffic"

    def worse(self, what: str) -> str:
        """That `what` is worse; that the arm made it so only where units were drawn into it beside a control."""
        return f"{what} is worse in {self.arm} {self.against}" if self.against else f"{self.arm} makes {what} worse"


@dataclass(frozen=True)
class Advice:
    """A recommendation, the row of the table that gave it, and why in words. `arm` is the one to ship or stop."""

    action: Recommendation
    rule: str
    reason: str
    arm: str | None = None


@dataclass(frozen=True)
class Row:
    """One row of the table: `holds` is what `when` says, `reason` what a reader is told."""

    rule: str
    when: str
    action: Recommendation
    holds: Callable[[Facts], bool]
    reason: Callable[[Facts], str]


TABLE: tuple[Row, ...] = (
    Row(
        "blocked",
        "no number can be trusted: the sample ratio is broken (p < 0.001), more than 1 % of the units were in two arms,"
        " or an arm has fallen behind the others",
        "keep_running",
        lambda facts: bool(facts.blocked),
        lambda facts: f"{_and(facts.blocked)}; find out why before believing any number",
    ),
    Row(
        "guardrail_harm",
        "on any day: a guardrail is certainly worse than its margin allows",
        "stop",
        lambda facts: bool(facts.guardrails_that_are("tripped")),
        lambda facts: f"{facts.worse(_and(facts.guardrails_that_are('tripped')))}, by more than the margin allows",
    ),
    Row(
        "primary_harm",
        "on any day: the primary metric is certainly worse",
        "stop",
        lambda facts: facts.primary == "worse",
        lambda facts: facts.worse("the primary metric"),
    ),
    Row(
        "buy_instead",
        "the minimum of days is over, the tested risk is feasibility or viability, and the primary metric certainly"
        " gains less than the registered alternative promises",
        "buy",
        lambda facts: facts.days_over and facts.alternative_wins,
        lambda facts: f"{facts.arm} certainly gains less than the registered alternative promises",
    ),
    Row(
        "falls_short",
        "the same as for `benefit`, but the kind of experiment cannot show what shipping would bring (all kinds but"
        " `ab`)",
        "iterate",
        lambda facts: facts.days_over and facts.keeps_its_promise and facts.falls_short is not None,
        lambda facts: f"{facts.arm} does better, but {facts.falls_short}",
    ),
    Row(
        "benefit",
        "the minimum of days is over, the primary metric is certainly better, and every guardrail certainly keeps"
        " within its margin",
        "ship",
        lambda facts: facts.days_over and facts.keeps_its_promise,
        lambda facts: f"{facts.arm} makes the primary metric better and no guardrail is beyond its margin",
    ),
    Row(
        "within_mde",
        "the minimum of days is over, and the effect certainly is smaller than the minimum detectable effect, for"
        " better or worse",
        "iterate",
        lambda facts: facts.days_over and facts.within_mde,
        lambda facts: f"what differs in {facts.arm} is smaller than what was registered as worth detecting",
    ),
    Row(
        "planned_size",
        "the minimum of days is over, and the planned units are reached without a decision",
        "iterate",
        lambda facts: facts.days_over and facts.planned_reached,
        lambda facts: f"the planned units are reached and {facts.missing}",
    ),
    Row(
        "minimum_data",
        "there is too little data to show numbers",
        "keep_running",
        lambda facts: facts.primary == "hidden",
        lambda facts: f"there is too little data to show numbers; {facts.wait}",
    ),
    Row(
        "minimum_days",
        "the minimum of days is not over",
        "keep_running",
        lambda facts: not facts.days_over,
        lambda facts: f"the registered minimum of days is not over, and weekdays differ; {facts.wait}",
    ),
    Row(
        "guardrail_open",
        "the primary metric is certainly better, and a guardrail may still be beyond its margin",
        "keep_running",
        lambda facts: facts.primary == "better",
        lambda facts: f"{facts.missing}; {facts.wait}",
    ),
    Row(
        "undecided",
        "otherwise",
        "keep_running",
        lambda facts: True,
        lambda facts: f"{facts.missing}, and the planned units are not reached; {facts.wait}",
    ),
)


def recommend(facts: Facts) -> Advice:
    """What the first row that fits says, for one treatment arm.

    "Certainly" means that the whole interval lies there, at the registered alpha, however often anybody looked.
    """
    row = next(row for row in TABLE if row.holds(facts))
    named = row.action in ("ship", "stop", "buy")
    return Advice(row.action, row.rule, row.reason(facts), facts.arm if named else None)


# With several treatment arms: what may be done is done, who is undecided may run on, and harm ends it only if all do.
_ORDER: tuple[Recommendation, ...] = ("ship", "keep_running", "buy", "iterate", "stop")


def combine(advice: Sequence[Advice]) -> Advice:
    """One recommendation for several treatment arms, `advice` in the order of preference between arms that tie.

    Ship if any arm is to be shipped; else keep running while any arm is undecided; else buy, or iterate, if any arm
    asks for it; stop only when every arm is harmful.
    """
    chosen = min(advice, key=lambda one: _ORDER.index(one.action))
    harmful = [one for one in advice if one.action == "stop"]
    if chosen.action != "stop" and harmful:
        reason = f"{chosen.reason}; drop {_and([one.arm or '' for one in harmful])}: {harmful[0].reason}"
        return Advice(chosen.action, chosen.rule, reason, chosen.arm)
    return chosen


def decision_table() -> str:
    """The table as Markdown, with a number for each row: the first that fits decides."""
    rows = [f"| {n} | `{row.rule}` | {row.when} | `{row.action}` |" for n, row in enumerate(TABLE, 1)]
    return "\n".join(["| | rule | when | then |", "|---|---|---|---|", *rows])


def _and(names: Sequence[str]) -> str:
    return " and ".join(names)
