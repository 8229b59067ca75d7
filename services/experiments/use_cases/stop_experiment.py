"""Stop counting what happens from now on; what happened before may still arrive."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from libs.runtime.problems import NotFound
from services.experiments.domain.experiment import Experiment
from services.experiments.store.work import ExperimentsWork

_ONE_BLOCK = timedelta(hours=1)


async def stop_experiment(experiment_id: UUID, work: ExperimentsWork) -> Experiment:
    """The stopped experiment. Raises NotFound, or WrongStatus unless it runs."""
    await (await work.readouts()).claim(experiment_id, wait=True)  # before the experiment, as whoever looks does
    experiment = await (await work.experiments()).find(experiment_id, lock=True)
    if experiment is None:
        raise NotFound("experiment", experiment_id)
    experiment.require("running", "stop")
    return await end(experiment, work)


async def end(experiment: Experiment, work: ExperimentsWork) -> Experiment:
    """The running experiment, stopped.

    Observations may be dated after the stop already, by a clock that is fast: the blocks that they may be in are
    computed again.
    """
    await (await work.experiments()).stop(experiment.id, at=work.now)
    since = work.now - experiment.plan.outcome_window - _ONE_BLOCK
    await (await work.blocks()).reopen(experiment.id, since=since)
    await (await work.readouts()).forget_tally(experiment.id)
    return replace(experiment, status="stopped", stopped_at=work.now)
