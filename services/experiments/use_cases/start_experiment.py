"""Begin to count."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from libs.runtime.problems import Invalid, NotFound
from services.experiments.domain.experiment import Experiment
from services.experiments.store.work import ExperimentsWork


async def start_experiment(experiment_id: UUID, counts_from: datetime | None, work: ExperimentsWork) -> Experiment:
    """The running experiment; exposures count from now, or from an earlier moment for what is sent in afterwards.

    Raises NotFound, or WrongStatus unless it is a draft.
    """
    experiments = await work.experiments()
    experiment = await experiments.find(experiment_id, lock=True)
    if experiment is None:
        raise NotFound("experiment", experiment_id)
    experiment.require("draft", "start")
    if counts_from is not None and counts_from > work.now:
        raise Invalid("'counts_from' lies in the future; leave it out to count from now")
    begins = counts_from or work.now
    await experiments.start(experiment_id, at=work.now, counts_from=begins)
    await (await work.readouts()).begin(experiment_id, at=work.now)
    work.record(experiment.started())
    return replace(experiment, status="running", started_at=work.now, counts_from=begins)
