"""Which assumption to test next, by the rule of the experiments service, from what events have told. Pure.

What a person states about an assumption, without an experiment, is no event: the tree of the experiments service
(`GET /v1/problems/{id}/tree`) knows that too. Otherwise the two agree, which tests/contracts proves.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.console.domain.nodes import Node

# How much a clear conclusion says, by the kind of experiment; an inconclusive one says half of that.
STRENGTH = {"ab": 1.0, "fake_door": 0.8, "pre_post": 0.5, "prototype": 0.5, "interview": 0.4, "survey": 0.4}
_INCONCLUSIVE = 0.5
_RISKS = ("value", "usability", "feasibility", "viability")


@dataclass(frozen=True)
class NextTest:
    """The riskiest untested assumption: its importance times `lack` of evidence (0 to 1) is the greatest."""

    assumption: Node
    lack: float

    @property
    def priority(self) -> float:
        return round(self.assumption.attributes["importance"] * self.lack, 6)


@dataclass(frozen=True)
class Examined:
    """An experiment, the assumptions that it tests, and its conclusion if there is one."""

    experiment: Node
    assumptions: Sequence[Node]
    conclusion: Node | None


def riskiest(assumptions: Iterable[Node], examined: Sequence[Examined]) -> NextTest | None:
    """The assumption to test next, None if all are in test or well known.

    The greatest priority; of equals value risks before usability, feasibility and viability, then the oldest.
    Assumptions that a running experiment tests, or one that was stopped and not replaced, are passed over.
    """
    found = [NextTest(one, _lack(one, examined)) for one in assumptions if one.title and not _in_test(one, examined)]
    return min((one for one in found if one.priority > 0), key=_urgency, default=None)


def _of(assumption: Node, examined: Iterable[Examined]) -> list[Examined]:
    return [one for one in examined if any(tested.ref == assumption.ref for tested in one.assumptions)]


def _in_test(assumption: Node, examined: Iterable[Examined]) -> bool:
    return any(one.experiment.state == "running" for one in _of(assumption, examined))


def _lack(assumption: Node, examined: Iterable[Examined]) -> float:
    return round(1 - max((_strength(one) for one in _of(assumption, examined)), default=0.0), 6)


def _strength(examined: Examined) -> float:
    if examined.conclusion is None:
        return 0.0
    strength = STRENGTH.get(examined.experiment.attributes.get("kind", ""), 0.0)
    return strength * (_INCONCLUSIVE if examined.conclusion.state == "inconclusive" else 1.0)


def _urgency(found: NextTest) -> tuple[float, int, str]:
    return -found.priority, _RISKS.index(found.assumption.attributes["risk"]), found.assumption.ref.id
