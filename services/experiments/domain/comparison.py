"""One arm compared on one metric, and what that comparison may claim. Pure."""

from dataclasses import dataclass

from contracts.experiments import Guardrail, Metric
from services.experiments.domain.against_baseline import estimate_against, estimate_findings
from services.experiments.domain.experiment import Experiment
from services.experiments.domain.recommendation import GuardrailVerdict, PrimaryVerdict
from services.experiments.domain.tally import Tally
from services.experiments.statistics.contrast import Status
from services.experiments.statistics.effect import estimate_decision, estimate_live
from services.experiments.statistics.estimates import Estimate, Interval
from services.experiments.statistics.guardrail import GuardrailEstimate, estimate_guardrail
from services.experiments.statistics.moments import Moments

_BOUGHT_FOR = ("feasibility", "viability")


@dataclass(frozen=True)
class Comparison:
    """One treatment arm on the primary metric: against the control, or an only arm against the baseline.

    `estimate` is what holds whenever one looks, `decision` the one look at the planned size, None before. `final` says
    whether anything may be claimed yet: counts that a person enters are read once, when the planned number is reached.
    `silent`: there are units enough, and nothing that belongs to the metric was measured of any of them.
    """

    metric: Metric
    arm: str
    control_value: float | None
    treatment_value: float | None
    estimate: Estimate
    decision: Estimate | None = None
    final: bool = True
    silent: bool = False

    @property
    def interval(self) -> Interval | None:
        """The one that claims something, turned so that more is better; none while it is hidden.

        Once the decision was read, nothing more is claimed from the live interval: the two err together in alpha.
        """
        found = (self.decision or self.estimate).absolute
        return good(found, self.metric) if found else None

    @property
    def verdict(self) -> PrimaryVerdict:
        if self.interval is None:
            return "hidden"
        if self.final and self.interval.upper < 0:
            return "worse"
        return "better" if self.final and self.interval.lower > 0 else "undecided"

    @property
    def shown(self) -> Estimate:
        """The estimate that words and events show: the decision if it was made, else the live one."""
        return self.decision or self.estimate

    def within(self, effect: float) -> bool:
        """Whether the effect certainly is smaller than this, for better or worse."""
        found = self.interval
        return self.final and found is not None and -effect < found.lower and found.upper < effect

    def below(self, alternative: float) -> bool:
        """Whether the gain certainly is smaller than what the alternative promises."""
        return self.final and self.interval is not None and self.interval.upper < alternative


@dataclass(frozen=True)
class Watched:
    """One treatment arm on a guardrail. The estimate is turned so that more is better. `silent` as in Comparison."""

    guardrail: Guardrail
    arm: str
    control_value: float | None
    treatment_value: float | None
    estimate: GuardrailEstimate
    silent: bool = False

    @property
    def metric(self) -> Metric:
        return self.guardrail.metric

    @property
    def verdict(self) -> GuardrailVerdict:
        return self.estimate.verdict


def compare(experiment: Experiment, tally: Tally, arm: str) -> Comparison:
    """One arm on the primary metric, as it may be looked at at any time."""
    plan, metric = experiment.plan, experiment.plan.primary_metric
    treatment = tally.of(metric, arm)
    alpha, planned = plan.alpha_per_comparison, _planned_for(experiment, tally, arm)
    if len(plan.arms) > 1:
        control = tally.of(metric, plan.arms[0].name)
        cuped = plan.look_back_days is not None
        estimate = estimate_live(control, treatment, kind=metric.kind, alpha=alpha, planned_units=planned, cuped=cuped)
        quiet = _silent(estimate.status, metric, control, treatment)
        return Comparison(metric, arm, value(control, metric), value(treatment, metric), estimate, silent=quiet)
    if plan.traits.observed:
        estimate = estimate_against(plan.baseline, treatment, metric=metric, alpha=alpha, planned_units=planned)
        quiet = _silent(estimate.status, metric, treatment)
        return Comparison(metric, arm, plan.baseline, value(treatment, metric), estimate, silent=quiet)
    agreed = round(float(treatment.n * treatment.means[0]))
    estimate = estimate_findings(tally.total, agreed, baseline=plan.baseline, alpha=alpha)
    final = tally.total >= experiment.planned_units
    return Comparison(metric, arm, plan.baseline, value(treatment, metric), estimate, final=final)


def decide(experiment: Experiment, tally: Tally, arm: str) -> Estimate:
    """One arm on the primary metric, for the one look at the planned size after any number of live ones."""
    plan, metric = experiment.plan, experiment.plan.primary_metric
    control, treatment = tally.of(metric, plan.arms[0].name), tally.of(metric, arm)
    # All units together have reached their number; by chance these two arms may be a few short of their part of it.
    reached = min(float(control.n + treatment.n), _planned_for(experiment, tally, arm))
    return estimate_decision(
        control,
        treatment,
        kind=metric.kind,
        alpha=plan.alpha_per_comparison,
        planned_units=reached,
        cuped=plan.look_back_days is not None,
    )


def watch(experiment: Experiment, tally: Tally, arm: str, guardrail: Guardrail) -> Watched:
    """One arm on one guardrail, as it may be looked at at any time."""
    plan, metric = experiment.plan, guardrail.metric
    control, treatment = tally.of(metric, plan.arms[0].name), tally.of(metric, arm)
    estimate = estimate_guardrail(
        control,
        treatment,
        kind=metric.kind,
        alpha=plan.alpha_per_comparison,
        planned_units=_planned_for(experiment, tally, arm),
        margin=guardrail.margin,
        direction=metric.direction,
        cuped=plan.look_back_days is not None,
    )
    quiet = _silent(estimate.status, metric, control, treatment)
    return Watched(guardrail, arm, value(control, metric), value(treatment, metric), estimate, quiet)


def alternative_wins(experiment: Experiment, comparison: Comparison) -> bool:
    """Whether buying or partnering is certainly the better way, where the tested risk makes that the question."""
    alternative = experiment.plan.alternative_effect
    return experiment.risk in _BOUGHT_FOR and alternative is not None and comparison.below(alternative)


def good(interval: Interval, metric: Metric) -> Interval:
    """The absolute effect, turned so that more is better."""
    if metric.direction == "increase":
        return interval
    return Interval(-interval.effect, -interval.upper, -interval.lower)


def value(moments: Moments, metric: Metric) -> float | None:
    """The arm's rate, mean or ratio; None without any unit, or with nothing to divide by."""
    if not float(moments.n):
        return None
    if metric.kind != "ratio":
        return float(moments.means[0])
    return float(moments.means[0] / moments.means[1]) if moments.means[1] else None


def _silent(status: Status, metric: Metric, *arms: Moments) -> bool:
    """Whether nothing of a metric was measured although there are units enough to show something."""
    if status not in ("zero_variance", "too_few_conversions", "zero_denominator"):
        return False
    own = 2 if metric.kind == "ratio" else 1  # what comes behind is of the time before the exposure
    return not any(arm.means[:own].any() or arm.products[:own, :own].any() for arm in arms)


def _planned_for(experiment: Experiment, tally: Tally, arm: str) -> float:
    """The part of the planned units that falls on the control and this arm together, by the clock of the sequence.

    Its clock is information, n_c·n_t / n, and units only while both arms grow together. Of periods that follow each
    other the first is complete when the second begins: by units the sequence would begin where it is tightest, and then
    see all of the second period. So the planned units are stretched by n / (n_c·n_t / (n·s_c·s_t)): the units over what
    they are worth in the registered shares s.
    """
    plan = experiment.plan
    planned = experiment.planned_units * plan.share_of(arm)
    if plan.in_step or len(plan.arms) == 1:
        return planned
    first, second = (float(tally.units[one.name]) for one in plan.arms)  # pre_post, which has two arms
    if not first * second:
        return planned
    return planned * (first + second) ** 2 * plan.shares[0] * plan.shares[1] / (first * second)
