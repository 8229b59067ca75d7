"""Register an experiment, or change its registration while it is a draft."""

from dataclasses import replace
from uuid import UUID

from uuid_utils.compat import uuid7

from libs.runtime.problems import Invalid, NotFound
from services.experiments.domain.experiment import AlternativeMissing, Experiment, RegistrationFixed
from services.experiments.domain.option import Risk
from services.experiments.domain.plan import Plan
from services.experiments.domain.sizing import planned_days, planned_units
from services.experiments.store.work import ExperimentsWork


async def register_experiment(plan: Plan, work: ExperimentsWork) -> Experiment:
    """A new draft. Raises NotFound, Invalid (also for a plan that is too large), KeyTaken for a key in use."""
    experiment = await registered(Experiment(uuid7(), plan, "draft", work.now, planned_units(plan)), work)
    await (await work.experiments()).add(experiment)
    return experiment


async def change_registration(experiment_id: UUID, plan: Plan, work: ExperimentsWork) -> Experiment:
    """The draft with another plan. Raises RegistrationFixed after the start, otherwise as `register_experiment`."""
    experiments = await work.experiments()
    experiment = await experiments.find(experiment_id, lock=True)
    if experiment is None:
        raise NotFound("experiment", experiment_id)
    if experiment.status != "draft":
        raise RegistrationFixed(experiment.status)
    changed = await registered(replace(experiment, plan=plan, planned_units=planned_units(plan)), work)
    await experiments.replace(changed)
    return changed


async def registered(experiment: Experiment, work: ExperimentsWork) -> Experiment:
    """The experiment about the problem that its problem is part of now, with its risk, traffic and duration."""
    plan = experiment.plan
    problem = await (await work.problems()).survivor(plan.problem_id)
    if problem is None:
        raise NotFound("problem", plan.problem_id)
    risk = await _risk(plan, problem, work)
    per_day = plan.units_per_day or await (await work.experiments()).traffic(now=work.now)
    return replace(
        experiment,
        plan=plan.model_copy(update={"problem_id": problem}),
        risk=risk,
        units_per_day=per_day,
        planned_days=planned_days(plan, experiment.planned_units, per_day),
    )


async def _risk(plan: Plan, problem: UUID, work: ExperimentsWork) -> Risk | None:
    """The kind of risk that is tested. Raises NotFound, Invalid, or AlternativeMissing where buying is the question."""
    if plan.assumption_id is None:
        return None
    assumption = await (await work.options()).find_assumption(plan.assumption_id)
    if assumption is None:
        raise NotFound("assumption", plan.assumption_id)
    if assumption.problem_id != problem:
        raise Invalid("the assumption is about another problem than the experiment")
    if assumption.risk in ("feasibility", "viability") and plan.alternative_effect is None:
        raise AlternativeMissing(assumption.risk)
    return assumption.risk
