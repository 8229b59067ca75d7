"""Carry events into the lineage."""

from collections.abc import Sequence
from typing import Any

from libs.messaging.work import Message
from services.console.domain.facts import Fact, Stamp
from services.console.domain.projection.rules import facts_of
from services.console.store.work import ConsoleWork


async def project_events(messages: Sequence[Message[Any]], work: ConsoleWork) -> None:
    """Apply all facts of all messages at once, of whatever types, in whatever order."""
    facts: list[Fact] = []
    for message in messages:
        envelope = message.envelope
        facts += facts_of(message.event, Stamp(envelope.sequence or 0, envelope.time, envelope.key))
    await (await work.lineage()).apply(facts)
