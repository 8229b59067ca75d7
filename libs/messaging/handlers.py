"""Which use case an event reaches: the thin edge between the stream and a service's verbs."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from opentelemetry import trace

from contracts.event import Event
from libs.messaging.work import Message, Work

UseCase = Callable[[Any, Any], Awaitable[None]]


class HandlerMissing(LookupError):
    """The catalogue sends this service an event that no use case handles."""


@dataclass(frozen=True)
class Handler:
    """`use_case(event, work)`; or, when `together`, `use_case(messages, work)` for a workspace's messages at once.

    A `together` use case must record each event with `cause=` the message it comes from.
    """

    event: type[Event]
    use_case: UseCase
    together: bool = False


class Handlers:
    """The handlers of one service, one per event type."""

    def __init__(self, *handlers: Handler) -> None:
        self._by_event = {handler.event: handler for handler in handlers}

    @property
    def events(self) -> set[type[Event]]:
        return set(self._by_event)

    async def apply(self, messages: Sequence[Message[Any]], work: Work) -> None:
        """Run every message's use case, in order within a workspace, inside the transaction of `work`."""
        ordered = sorted(messages, key=lambda message: message.envelope.workspace)  # stable: order is kept within one
        for (workspace, kind), run in groupby(ordered, key=lambda m: (m.envelope.workspace, type(m.event))):
            handler = self._handler(kind)
            found = list(run)
            if handler.together:
                await handler.use_case(found, work.in_workspace(workspace))
                continue
            for message in found:
                with trace.use_span(message.span, record_exception=False) if message.span else nullcontext():
                    await handler.use_case(message.event, work.for_message(message))

    def _handler(self, kind: type[Event]) -> Handler:
        handler = self._by_event.get(kind)
        if handler is None:
            raise HandlerMissing(
                f"no use case for {kind.__name__}; add it to events.py or to no consumer in the catalogue"
            )
        return handler


def on(event: type[Event], use_case: UseCase, *, together: bool = False) -> Handler:
    """Shorthand for the table in a service's events.py."""
    return Handler(event, use_case, together)
