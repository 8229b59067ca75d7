"""Change what was registered after the start: a new version, which names the one that it takes the place of."""

from uuid import UUID

from uuid_utils.compat import uuid7

from libs.runtime.problems import Invalid, NotFound
from services.experiments.domain.experiment import Experiment, WrongStatus
from services.experiments.domain.plan import Plan
from services.experiments.domain.sizing import planned_units
from services.experiments.store.work import ExperimentsWork
from services.experiments.use_cases.register_experiment import registered
from services.experiments.use_cases.start_experiment import begin
from services.experiments.use_cases.stop_experiment import end


async def revise_experiment(experiment_id: UUID, plan: Plan, reason: str, work: ExperimentsWork) -> Experiment:
    """The new version, running from now; the old one is stopped. Units of the old version are not counted in the new.

    Tools keep sending the same key: what happened before this moment belongs to the old version, the rest to the new.
    Raises NotFound, AssumptionMissing, WrongStatus unless it runs or is stopped, otherwise as `register_experiment`.
    """
    experiments = await work.experiments()
    await (await work.readouts()).claim(experiment_id, wait=True)  # before the experiment, as whoever looks does
    old = await experiments.find(experiment_id, lock=True)
    if old is None:
        raise NotFound("experiment", experiment_id)
    if old.status not in ("running", "stopped"):
        raise WrongStatus("revise", old.status)
    if plan.key != old.plan.key:
        raise Invalid(f"a new version keeps the key, '{old.plan.key}', because product tools go on sending it")
    if old.status == "running":
        await end(old, work)
    draft = Experiment(
        uuid7(),
        plan,
        "draft",
        work.now,
        planned_units(plan),
        version=old.version + 1,
        previous_id=old.id,
        revised_because=reason,
    )
    draft = await registered(draft, work)
    await experiments.add(draft)
    return await begin(draft, work.now, work)
