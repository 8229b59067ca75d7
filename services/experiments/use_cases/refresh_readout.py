"""Look at a readout again and tell what is new about it, once."""

from datetime import timedelta
from time import monotonic
from typing import Any
from uuid import UUID

from contracts.experiments import Estimate, ReadoutChanged
from services.experiments.domain.readout import Readout, known_onsets
from services.experiments.domain.words import summary
from services.experiments.store.readouts import Kept
from services.experiments.store.work import ExperimentsWork
from services.experiments.use_cases.look import look

_PAUSE_SECONDS = 2.0
_PAUSE_PER_COST = 20.0  # a large experiment is counted for at most a twentieth of the time


async def refresh_readout(experiment_id: UUID, work: ExperimentsWork) -> bool:
    """Tell every onset that was not told before; False when there was nothing to do, as somebody else did it."""
    readouts = await work.readouts()
    kept = await readouts.claim(experiment_id, wait=False)
    experiment = await (await work.experiments()).find(experiment_id) if kept else None
    if kept is None or experiment is None:
        return False
    began = monotonic()
    readout = await look(experiment, kept, work)
    pause = timedelta(seconds=max(_PAUSE_SECONDS, _PAUSE_PER_COST * (monotonic() - began)))
    for event in _news(readout, kept):
        work.record(event)
    told = known_onsets(kept.told, set(readout.onsets()))
    await readouts.told(experiment_id, told=told, before=_said(readout), due_at=work.now + pause)
    return True


def _said(readout: Readout) -> dict[str, Any]:
    """What the next onset is told beside."""
    estimate = readout.estimate()
    return {
        "recommendation": readout.advice.action,
        "rule": readout.advice.rule,
        "units": readout.tally.total,
        "estimate": estimate.model_dump(mode="json") if estimate else None,
    }


def _news(readout: Readout, kept: Kept) -> list[ReadoutChanged]:
    before = kept.before or {}
    estimate = before.get("estimate")
    return [
        ReadoutChanged(
            experiment_id=readout.experiment.id,
            problem_id=readout.plan.problem_id,
            reason=reason,
            recommendation=readout.advice.action,
            units=readout.tally.total,
            summary=summary(readout),
            estimate=readout.estimate(),
            rule=readout.advice.rule,
            previous_recommendation=before.get("recommendation"),
            previous_rule=before.get("rule"),
            previous_units=before.get("units"),
            previous_estimate=Estimate.model_validate(estimate) if estimate else None,
        )
        for name, reason in readout.onsets().items()
        if name not in kept.told
    ]
