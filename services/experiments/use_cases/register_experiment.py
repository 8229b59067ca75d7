"""Register an experiment, or change its registration while it is a draft."""

from dataclasses import replace
from uuid import UUID

from uuid_utils.compat import uuid7

from libs.runtime.problems import Invalid, NotFound
from services.experiments.domain.experiment import Experiment, RegistrationFixed
from services.experiments.domain.plan import Plan
from services.experiments.store.work import ExperimentsWork


async def register_experiment(plan: Plan, work: ExperimentsWork) -> Experiment:
    """A new draft. Raises NotFound for an unknown problem or assumption, KeyTaken for a key in use."""
    experiment = Experiment(uuid7(), await _resolved(plan, work), "draft", work.now)
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
    changed = replace(experiment, plan=await _resolved(plan, work))
    await experiments.replace(changed)
    return changed


async def _resolved(plan: Plan, work: ExperimentsWork) -> Plan:
    """The plan about the problem that its problem is part of now."""
    problem = await (await work.problems()).survivor(plan.problem_id)
    if problem is None:
        raise NotFound("problem", plan.problem_id)
    if plan.assumption_id is not None:
        assumption = await (await work.options()).find_assumption(plan.assumption_id)
        if assumption is None:
            raise NotFound("assumption", plan.assumption_id)
        if assumption.problem_id != problem:
            raise Invalid("the assumption is about another problem than the experiment")
    return plan.model_copy(update={"problem_id": problem})
