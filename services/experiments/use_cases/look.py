"""Look at an experiment: settle what is new, add up, and say what may be claimed."""

from services.experiments.domain.experiment import Experiment
from services.experiments.domain.finding import tally_of
from services.experiments.domain.readout import Decision, Readout, read_out
from services.experiments.domain.tally import Tally, no_tally
from services.experiments.store.readouts import Kept
from services.experiments.store.work import ExperimentsWork


async def look(experiment: Experiment, kept: Kept | None, work: ExperimentsWork) -> Readout:
    """The readout now, counted as a look. `kept` is what was claimed with the readout; None if it never started."""
    if kept is None:
        return read_out(experiment, no_tally(experiment.plan.layout), at=work.now)
    tally, new = await _tally(experiment, kept, work)
    decision = Decision.from_json(kept.decision) if kept.decision else None
    readout = read_out(experiment, tally, at=work.now, looks=kept.looks + 1, decision=decision)
    await (await work.readouts()).looked(
        experiment.id,
        looks=readout.looks,
        tally=tally.as_json() if new else None,
        decision=readout.decision.as_json() if readout.decision else None,
    )
    return readout


async def _tally(experiment: Experiment, kept: Kept, work: ExperimentsWork) -> tuple[Tally, bool]:
    """What was counted, and whether that is to be kept because it has changed."""
    layout, blocks = experiment.plan.layout, await work.blocks()
    if not experiment.plan.traits.observed:
        await blocks.rest(experiment.id)
        counts = await (await work.findings()).counts(experiment.id, planned=experiment.planned_units)
        return tally_of(layout, *counts), False
    if await blocks.settle(experiment) or kept.tally is None:
        return await blocks.add_up(experiment), True
    return Tally.from_json(layout, kept.tally), False
