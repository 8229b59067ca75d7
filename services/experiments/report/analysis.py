"""Two answers to one comparison: the one that holds whenever somebody looks, and the one for a single fixed look."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from services.experiments.report.arms import Arm, Kind
from services.experiments.statistics.effect import Estimate, Interval, estimate_fixed, estimate_live
from services.experiments.statistics.proportions import newcombe
from services.experiments.statistics.sample_ratio import SampleRatio, check_sample_ratio

UNPLANNED = 5_000.0
MOST_EXCLUDED = 0.01
Verdict = Literal["higher", "lower", "open", "hidden"]
Look = Literal["whenever", "once"]


@dataclass(frozen=True, slots=True)
class Answer:
    """An estimate, and the interval that is shown of it: `small`, which is for small counts, where there is one.

    Of a small-sample interval a claim is made only for a single look: over many looks nothing is proven of it.
    """

    estimate: Estimate
    look: Look
    small: Interval | None = None

    @property
    def interval(self) -> Interval | None:
        return self.small or self.estimate.absolute

    @property
    def lift(self) -> Interval | None:
        """Relative to the control's mean; shown, never tested."""
        return None if self.small else self.estimate.relative

    @property
    def p_value(self) -> float | None:
        return None if self.small else self.estimate.p_value

    @property
    def verdict(self) -> Verdict:
        found = self.interval
        if found is None or (self.small and self.look == "whenever"):
            return "hidden"
        if found.lower > 0:
            return "higher"
        return "lower" if found.upper < 0 else "open"


@dataclass(frozen=True, slots=True)
class Compared:
    """One treatment against the control."""

    arm: Arm
    whenever: Answer
    once: Answer


@dataclass(frozen=True, slots=True)
class Question:
    """How the numbers are looked at. `planned`: units over all arms, chosen before the data; None if nobody did."""

    look: Look = "whenever"
    alpha: float = 0.05
    planned: float | None = None
    weights: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the counts say. The first arm is the control; effects are treatment minus control."""

    question: Question
    arms: tuple[Arm, ...]
    sample_ratio: SampleRatio
    compared: tuple[Compared, ...]
    excluded: int = 0

    @property
    def kind(self) -> Kind:
        return self.arms[0].kind

    @property
    def alpha_each(self) -> float:
        """Bonferroni: each treatment that is compared with the control gets its part of alpha."""
        return self.question.alpha / len(self.compared)

    @property
    def excluded_share(self) -> float:
        """Units seen in two arms, of all units."""
        seen = self.excluded + sum(arm.summary.n for arm in self.arms)
        return self.excluded / seen if seen else 0.0

    @property
    def trusted(self) -> bool:
        return self.sample_ratio.status != "broken" and self.excluded_share <= MOST_EXCLUDED

    def answer(self, one: Compared) -> Answer:
        """The answer from which claims are made, as the question was asked."""
        return one.whenever if self.question.look == "whenever" else one.once


def analyse(arms: Sequence[Arm], question: Question, *, excluded: int = 0) -> Analysis:
    """Compare each arm with the first. Both answers are given, whichever look was asked for."""
    weights = question.weights or tuple(1.0 for _ in arms)
    alpha, control = question.alpha / (len(arms) - 1), arms[0]
    compared = []
    for arm, weight in zip(arms[1:], weights[1:], strict=True):
        planned = UNPLANNED
        if question.planned is not None:
            planned = question.planned * (weights[0] + weight) / sum(weights)
        compared.append(_compare(control, arm, alpha, planned))
    ratio = check_sample_ratio([arm.summary.n for arm in arms], weights)
    return Analysis(question, tuple(arms), ratio, tuple(compared), excluded)


def _compare(control: Arm, arm: Arm, alpha: float, planned: float) -> Compared:
    of, to = control.summary, arm.summary
    live = estimate_live(of, to, kind=arm.kind, alpha=alpha, planned_units=planned)
    fixed = estimate_fixed(of, to, kind=arm.kind, alpha=alpha)
    small = None
    if live.small_sample is not None:
        lower, upper = newcombe(round(of.total), of.n, round(to.total), to.n, alpha=alpha)
        small = Interval(to.mean - of.mean, float(lower), float(upper))
    return Compared(arm, Answer(live, "whenever", live.small_sample), Answer(fixed, "once", small))
