"""Compute every number of an experiment again from the units that are stored."""

from uuid import UUID

from libs.runtime.problems import NotFound
from services.experiments.domain.experiment import Experiment
from services.experiments.store.work import ExperimentsWork


async def rebuild_statistics(experiment_id: UUID, work: ExperimentsWork) -> Experiment:
    """The experiment, whose next readout is computed from nothing but units: it will say the same, to the last bit.

    Raises NotFound, or WrongStatus for a draft (nothing to compute) and after the conclusion (its readout is kept).
    """
    readouts = await work.readouts()
    kept = await readouts.claim(experiment_id, wait=True)
    experiment = await (await work.experiments()).find(experiment_id)
    if experiment is None:
        raise NotFound("experiment", experiment_id)
    if kept is None:
        experiment.require("running", "compute again")
    await (await work.blocks()).reopen(experiment_id)
    await readouts.forget_tally(experiment_id)
    return experiment
