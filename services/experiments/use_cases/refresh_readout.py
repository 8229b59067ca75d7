"""Look at a readout again and tell what is new about it, once."""

from datetime import timedelta
from time import monotonic
from uuid import UUID

from contracts.experiments import ReadoutChanged
from services.experiments.domain.readout import Readout, read_out
from services.experiments.domain.words import summary
from services.experiments.store.readouts import Told
from services.experiments.store.work import ExperimentsWork

_PAUSE_SECONDS = 2.0
_PAUSE_PER_COST = 20.0  # a large experiment is counted for at most a twentieth of the time


async def refresh_readout(experiment_id: UUID, work: ExperimentsWork) -> bool:
    """Tell every onset that was not told before; False when there was nothing to do, as somebody else did it."""
    readouts = await work.readouts()
    told = await readouts.claim(experiment_id)
    experiment = await (await work.experiments()).find(experiment_id) if told else None
    if told is None or experiment is None:
        return False
    began = monotonic()
    readout = read_out(experiment.plan, await (await work.observations()).count(experiment), at=work.now)
    pause = timedelta(seconds=max(_PAUSE_SECONDS, _PAUSE_PER_COST * (monotonic() - began)))
    onsets = readout.onsets()
    for event in _news(experiment_id, readout, told):
        work.record(event)
    known = told.onsets | set(onsets)
    await readouts.keep(experiment_id, told=known, recommendation=readout.advice.action, due_at=work.now + pause)
    return True


def _news(experiment_id: UUID, readout: Readout, told: Told) -> list[ReadoutChanged]:
    return [
        ReadoutChanged(
            experiment_id=experiment_id,
            problem_id=readout.plan.problem_id,
            reason=reason,
            recommendation=readout.advice.action,
            units=readout.counted.total,
            summary=summary(readout),
            estimate=readout.estimate(),
            previous_recommendation=told.recommendation,
        )
        for name, reason in readout.onsets().items()
        if name not in told.onsets
    ]
