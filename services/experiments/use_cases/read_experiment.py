"""Read the numbers of an experiment, whenever anybody wants."""

from typing import Any
from uuid import UUID

from libs.runtime.problems import NotFound
from services.experiments.domain.experiment import Experiment
from services.experiments.domain.readout import read_out
from services.experiments.domain.words import view
from services.experiments.store.work import ExperimentsWork


async def read_experiment(experiment_id: UUID, work: ExperimentsWork) -> tuple[Experiment, dict[str, Any]]:
    """The experiment and its readout: live, or as kept at the conclusion. Raises NotFound."""
    experiment = await (await work.experiments()).find(experiment_id)
    if experiment is None:
        raise NotFound("experiment", experiment_id)
    if experiment.conclusion is not None:
        return experiment, experiment.conclusion["readout"]
    counted = await (await work.observations()).count(experiment)
    return experiment, view(read_out(experiment.plan, counted, at=work.now))
