"""Close an experiment with what was learned, keeping the readout of this moment."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from contracts.experiments import Conclusion, ExperimentConcluded
from libs.runtime.problems import NotFound
from services.experiments.domain.experiment import Experiment
from services.experiments.domain.readout import Readout
from services.experiments.domain.view import view
from services.experiments.domain.words import summary
from services.experiments.store.work import ExperimentsWork
from services.experiments.use_cases.look import look


async def conclude_experiment(
    experiment_id: UUID, *, learned: str, conclusion: Conclusion | None, by: str, work: ExperimentsWork
) -> Experiment:
    """The concluded experiment; without a `conclusion` the readout's own stands.

    Raises NotFound, or WrongStatus unless it was stopped.
    """
    readouts, experiments = await work.readouts(), await work.experiments()
    kept = await readouts.claim(experiment_id, wait=True)
    experiment = await experiments.find(experiment_id, lock=True)
    if experiment is None:
        raise NotFound("experiment", experiment_id)
    experiment.require("stopped", "conclude")
    readout = await look(experiment, kept, work)
    said = _said(readout, conclusion or readout.conclusion, learned=learned, by=by)
    summed_up: dict[str, Any] = {
        "conclusion": said.conclusion,
        "learned": learned,
        "concluded_by": by,
        "readout": view(readout),
    }
    await experiments.conclude(experiment_id, at=work.now, conclusion=summed_up)
    await readouts.end(experiment_id)
    work.record(said)
    return replace(experiment, status="concluded", concluded_at=work.now, conclusion=summed_up)


def _said(readout: Readout, conclusion: Conclusion, *, learned: str, by: str) -> ExperimentConcluded:
    plan = readout.plan
    return ExperimentConcluded(
        experiment_id=readout.experiment.id,
        key=plan.key,
        problem_id=plan.problem_id,
        conclusion=conclusion,
        recommendation=readout.advice.action,
        units=readout.tally.total,
        summary=summary(readout),
        learned=learned,
        concluded_by=by,
        estimate=readout.estimate(),
        assumption_id=plan.assumption_id,
        kind=plan.kind,
        rule=readout.advice.rule,
    )
