"""Stop counting what happens from now on; what happened before may still arrive."""

from dataclasses import replace
from uuid import UUID

from libs.runtime.problems import NotFound
from services.experiments.domain.experiment import Experiment
from services.experiments.store.work import ExperimentsWork


async def stop_experiment(experiment_id: UUID, work: ExperimentsWork) -> Experiment:
    """The stopped experiment. Raises NotFound, or WrongStatus unless it runs."""
    experiments = await work.experiments()
    experiment = await experiments.find(experiment_id, lock=True)
    if experiment is None:
        raise NotFound("experiment", experiment_id)
    experiment.require("running", "stop")
    await experiments.stop(experiment_id, at=work.now)
    return replace(experiment, status="stopped", stopped_at=work.now)
