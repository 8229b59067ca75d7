"""Take in what product tools observed, many at once."""

from collections.abc import Sequence

from contracts.experiments import ObservationExposed, ObservationMeasured
from libs.messaging.work import Message
from services.experiments.domain.observation import countable, first_exposures
from services.experiments.store.work import ExperimentsWork


async def observe_exposures(messages: Sequence[Message[ObservationExposed]], work: ExperimentsWork) -> None:
    """Each unit belongs to the arm of its earliest exposure; what no open experiment covers is passed over."""
    observations = await work.observations()
    await observations.alone()
    experiments = await (await work.experiments()).still_open()
    exposures = first_exposures([message.event for message in messages], experiments)
    if exposures:
        await observations.expose(exposures)


async def observe_outcomes(messages: Sequence[Message[ObservationMeasured]], work: ExperimentsWork) -> None:
    """Outcomes are kept whether or not their unit is known yet; what no open experiment uses is passed over."""
    observations = await work.observations()
    await observations.alone()
    experiments = await (await work.experiments()).still_open()
    kept = countable([message.event for message in messages], experiments)
    if kept:
        await observations.measure(kept)
