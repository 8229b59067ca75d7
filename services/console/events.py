"""The console listens to everything that the catalogue sends it; one use case carries it all into the lineage."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from contracts.catalog import consumed_by
from libs.messaging.handlers import Handlers, on
from libs.messaging.work import Message, Work
from services.console.use_cases.project_events import project_events


class AllTogether(Handlers):
    """Handlers that share one use case: it gets a workspace's messages of all types at once.

    Streams mix their event types finely; one statement per run of equal types would cost most of the time.
    """

    async def apply(self, messages: Sequence[Message[Any]], work: Work) -> None:
        for message in messages:
            self._handler(type(message.event))
        ordered = sorted(messages, key=lambda message: message.envelope.workspace)
        for workspace, found in groupby(ordered, key=lambda message: message.envelope.workspace):
            await project_events(list(found), work.in_workspace(workspace))  # type: ignore[arg-type]  # ours is ConsoleWork


HANDLERS = AllTogether(*(on(entry.event, project_events, together=True) for entry in consumed_by("console")))
