"""Close an experiment with what was learned, keeping the readout of this moment."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from contracts.experiments import Conclusion
from libs.runtime.problems import NotFound
from services.experiments.domain.experiment import Experiment
from services.experiments.domain.readout import read_out
from services.experiments.domain.words import view
from services.experiments.store.work import ExperimentsWork


async def conclude_experiment(
    experiment_id: UUID, *, learned: str, conclusion: Conclusion | None, by: str, work: ExperimentsWork
) -> Experiment:
    """The concluded experiment; without a `conclusion` the readout's own stands.

    Raises NotFound, or WrongStatus unless it was stopped.
    """
    experiments = await work.experiments()
    experiment = await experiments.find(experiment_id, lock=True)
    if experiment is None:
        raise NotFound("experiment", experiment_id)
    experiment.require("stopped", "conclude")
    readout = read_out(experiment.plan, await (await work.observations()).count(experiment), at=work.now)
    said = experiment.concluded(readout, conclusion or readout.conclusion, learned=learned, by=by)
    kept: dict[str, Any] = {
        "conclusion": said.conclusion,
        "learned": learned,
        "concluded_by": by,
        "readout": view(readout),
    }
    await experiments.conclude(experiment_id, at=work.now, conclusion=kept)
    await (await work.readouts()).end(experiment_id)
    work.record(said)
    return replace(experiment, status="concluded", concluded_at=work.now, conclusion=kept)
