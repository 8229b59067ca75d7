"""The opportunity tree of a problem: options, what each assumes, what is known about it, and what to test next. Pure.

The rule: of all assumptions that no experiment is testing, test the one with the greatest priority = importance
(1 to 5) × lack of evidence (0 to 1); of equals value risks before usability,
feasibility and viability, then the oldest.
Lack of evidence is 1 minus the strength of the strongest evidence: a conclusion counts as much as its kind of
experiment is able to say (`kinds.py`), an inconclusive one half of that, what a person states 0.3, unclear 0.1.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.experiments.domain.evidence import Evidence, Says
from services.experiments.domain.experiment import Experiment
from services.experiments.domain.option import Assumption, Option, Risk

RULE = (
    "Test first what matters most and is known least: importance (1 to 5) × lack of evidence (1 nothing is known, 0 a "
    "conclusive A/B test). Assumptions that an experiment is testing now are passed over; of equals, value risks come "
    "before usability, feasibility and viability, and older ones first. The assumptions of 'change nothing' count too."
)
RISKS: tuple[Risk, ...] = ("value", "usability", "feasibility", "viability")
_STATED: dict[Says, float] = {"supports": 0.3, "refutes": 0.3, "unclear": 0.1}
_INCONCLUSIVE = 0.5
_CONCLUSIONS: dict[str, Says] = {"supported": "supports", "refuted": "refutes", "inconclusive": "unclear"}


@dataclass(frozen=True)
class Known:
    """One piece of evidence about an assumption: which way it points, how strongly, and where it comes from."""

    says: Says
    strength: float
    words: str
    source: Experiment | Evidence


@dataclass(frozen=True)
class Branch:
    """An assumption with all that is known about it, and the experiments on it, newest first.

    `in_test`: one of them runs, or was stopped and is to be concluded; not if a new version took its place.
    """

    assumption: Assumption
    known: tuple[Known, ...]
    experiments: tuple[Experiment, ...]
    in_test: bool = False

    @property
    def lack(self) -> float:
        return round(1 - max((one.strength for one in self.known), default=0.0), 6)

    @property
    def priority(self) -> float:
        return round(self.assumption.importance * self.lack, 6)

    @property
    def evidence(self) -> Says | None:
        """Which way the evidence points: that of the strongest, unclear if equals contradict; None without any."""
        strongest = max((one.strength for one in self.known), default=0.0)
        says: list[Says] = list({one.says for one in self.known if one.strength == strongest})
        if not says:
            return None
        return says[0] if len(says) == 1 else "unclear"


@dataclass(frozen=True)
class Tree:
    """The options of a problem, each with its branches, and the branch to test next, None if there is nothing left."""

    options: tuple[tuple[Option, tuple[Branch, ...]], ...]
    test_next: Branch | None


def grow(
    options: Sequence[Option],
    assumptions: Sequence[Assumption],
    experiments: Sequence[Experiment],
    stated: Sequence[Evidence],
) -> Tree:
    """The tree of one problem."""
    branches = [_branch(one, experiments, stated) for one in assumptions]
    untested = [branch for branch in branches if branch.priority > 0 and not branch.in_test]
    grown = tuple(
        (option, tuple(branch for branch in branches if branch.assumption.option_id == option.id)) for option in options
    )
    return Tree(grown, min(untested, key=_urgency, default=None))


def _branch(assumption: Assumption, experiments: Sequence[Experiment], stated: Iterable[Evidence]) -> Branch:
    own = tuple(one for one in experiments if one.plan.assumption_id == assumption.id)
    replaced = {one.previous_id for one in experiments}
    in_test = any(one.status in ("running", "stopped") and one.id not in replaced for one in own)
    concluded = [_concluded(one) for one in own if one.conclusion]
    people = [Known(one.says, _STATED[one.says], one.note, one) for one in stated if one.assumption_id == assumption.id]
    return Branch(assumption, (*concluded, *people), own, in_test)


def _concluded(experiment: Experiment) -> Known:
    conclusion = experiment.conclusion or {}
    says = _CONCLUSIONS[conclusion["conclusion"]]
    strength = experiment.plan.traits.strength * (_INCONCLUSIVE if says == "unclear" else 1.0)
    return Known(says, strength, conclusion["learned"], experiment)


def _urgency(branch: Branch) -> tuple[float, int, UUID]:
    return -branch.priority, RISKS.index(branch.assumption.risk), branch.assumption.id
