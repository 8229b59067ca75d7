"""Which events reach which use case."""

from collections.abc import Sequence
from typing import Any

from contracts.experiments import ObservationExposed, ObservationMeasured
from contracts.problems import ProblemMerged, ProblemOpened, ProblemSplit, ProblemUnmerged
from libs.messaging.handlers import Handlers, on
from libs.messaging.work import Message, Work
from services.experiments.use_cases.know_problems import follow_merge, know_problem, know_split, know_unmerge
from services.experiments.use_cases.observe import observe_exposures, observe_outcomes

_LAST = {ObservationExposed: 1, ObservationMeasured: 2}


class ObservationsGathered(Handlers):
    """Hands over all observations of one kind at once, however exposures and outcomes alternate in the stream.

    Their order means nothing, and a batch that alternates would otherwise cost a round trip per observation.
    """

    async def apply(self, messages: Sequence[Message[Any]], work: Work) -> None:
        await super().apply(sorted(messages, key=lambda message: _LAST.get(type(message.event), 0)), work)


HANDLERS = ObservationsGathered(
    on(ProblemOpened, know_problem),
    on(ProblemMerged, follow_merge),
    on(ProblemSplit, know_split),
    on(ProblemUnmerged, know_unmerge),
    on(ObservationExposed, observe_exposures, together=True),
    on(ObservationMeasured, observe_outcomes, together=True),
)
