"""Begin to count."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from libs.runtime.problems import Invalid, NotFound
from services.experiments.domain.experiment import Experiment
from services.experiments.store.work import ExperimentsWork


async def start_experiment(experiment_id: UUID, counts_from: datetime | None, work: ExperimentsWork) -> Experiment:
    """The running experiment; exposures count from now, or from an earlier moment for what is sent in afterwards.

    Raises NotFound, AssumptionMissing, or WrongStatus unless it is a draft.
    """
    experiment = await (await work.experiments()).find(experiment_id, lock=True)
    if experiment is None:
        raise NotFound("experiment", experiment_id)
    experiment.require("draft", "start")
    if counts_from is not None and counts_from > work.now:
        raise Invalid("'counts_from' lies in the future; leave it out to count from now")
    return await begin(experiment, counts_from or work.now, work)


async def begin(experiment: Experiment, counts_from: datetime, work: ExperimentsWork) -> Experiment:
    """The draft, running. Raises AssumptionMissing."""
    experiment.require_assumption()
    await (await work.experiments()).start(experiment.id, at=work.now, counts_from=counts_from)
    await (await work.readouts()).begin(experiment.id, at=work.now)
    work.record(experiment.started())
    return replace(experiment, status="running", started_at=work.now, counts_from=counts_from)
