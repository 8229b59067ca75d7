"""Enter what happened into the feed, and have it delivered to everybody who asked to be told."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from contracts.problems import ProblemMerged, ProblemUnmerged
from libs.messaging.work import Message
from services.alignment.domain.subject import statements_in, subject_of
from services.alignment.domain.subscriptions import name_of
from services.alignment.store.feed import Told
from services.alignment.store.work import AlignmentWork


async def tell_subscribers(messages: Sequence[Message[Any]], work: AlignmentWork) -> None:
    """Each event once in the feed, and one delivery per webhook whose filter lets it through, in one transaction."""
    feed = await work.feed()
    first = await feed.reserve(len(messages))  # first of all, so that everybody takes locks in the same order
    await _learn(messages, work)
    told = await _with_problems([_told(message) for message in messages], work)
    await feed.append(first, told, at=work.now)
    subscriptions = await (await work.subscriptions()).told_by_webhook()
    followed = {problem_id for found in subscriptions for problem_id in found.filter.problem_ids}
    now_known_as = await (await work.problems()).now_known_as(followed) if followed else {}
    wanted = [(found.id, found.filter.wanted(now_known_as)) for found in subscriptions]
    pairs = [
        (id_, item.event_id) for item in told for id_, want in wanted if want.lets_through(item.name, item.subject)
    ]
    if pairs:
        await (await work.deliveries()).add(pairs, at=work.now)


def _told(message: Message[Any]) -> Told:
    envelope = message.envelope
    return Told(
        event_id=envelope.key,
        name=name_of(envelope.type),
        about=envelope.subject,
        subject=subject_of(message.event),
        envelope=envelope.to_bytes(),
        trace=message.trace,
    )


async def _with_problems(told: list[Told], work: AlignmentWork) -> list[Told]:
    """The same, with the problem of each decision where the event does not name it."""
    bare = {item.subject.decision_id for item in told if not item.subject.problem_ids} - {None}
    if not bare:
        return told
    problems = await (await work.decisions()).problems_of([found for found in bare if found])

    def complete(item: Told) -> Told:
        problem_id = problems.get(item.subject.decision_id) if item.subject.decision_id else None
        if item.subject.problem_ids or problem_id is None:
            return item
        return replace(item, subject=replace(item.subject, problem_ids=(problem_id,)))

    return [complete(item) for item in told]


async def _learn(messages: Sequence[Message[Any]], work: AlignmentWork) -> None:
    """Keep what problems are called and what they became; what is older than known changes nothing."""
    statements: dict[UUID, tuple[str, int]] = {}
    merged: dict[UUID, UUID | None] = {}
    for message in messages:
        event = message.event
        for problem_id, statement in statements_in(event).items():
            # The first words of a problem that was split off come in another problem's event: anything is newer.
            own = getattr(event, "problem_id", None) == problem_id
            sequence = (message.envelope.sequence or 0) if own else -1
            if problem_id not in statements or statements[problem_id][1] <= sequence:
                statements[problem_id] = (statement, sequence)
        if isinstance(event, ProblemMerged):
            merged[event.problem_id] = event.into
        elif isinstance(event, ProblemUnmerged):
            merged[event.problem_id] = None
    problems = await work.problems()
    if statements:
        await problems.learn(statements)
    if merged:
        await problems.merge(merged.items())
