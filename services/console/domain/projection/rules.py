"""Which facts each event of the catalogue holds."""

from collections.abc import Callable, Mapping
from typing import Any

from contracts.event import Event
from services.console.domain.facts import Fact, Stamp
from services.console.domain.projection import alignment, experiments, feedback, problems

Rule = Callable[[Any, Stamp], list[Fact]]

RULES: Mapping[type[Event], Rule] = {**feedback.RULES, **problems.RULES, **experiments.RULES, **alignment.RULES}


def facts_of(event: Event, stamp: Stamp) -> list[Fact]:
    """The facts that `event`, said at `stamp`, puts into the lineage."""
    return RULES[type(event)](event, stamp)
