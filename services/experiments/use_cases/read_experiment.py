"""Look at an experiment, whenever anybody wants."""

from typing import Any
from uuid import UUID

from libs.runtime.problems import NotFound
from services.experiments.domain.experiment import Experiment
from services.experiments.domain.view import view
from services.experiments.store.work import ExperimentsWork
from services.experiments.use_cases.look import look


async def read_experiment(experiment_id: UUID, work: ExperimentsWork) -> tuple[Experiment, dict[str, Any]]:
    """The experiment and its readout: live, or as kept at the conclusion. Raises NotFound."""
    kept = await (await work.readouts()).claim(experiment_id, wait=True)
    experiment = await (await work.experiments()).find(experiment_id)
    if experiment is None:
        raise NotFound("experiment", experiment_id)
    if experiment.conclusion is not None:
        return experiment, experiment.conclusion["readout"]
    return experiment, view(await look(experiment, kept, work))
