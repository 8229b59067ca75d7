"""Forget words everywhere in triage: text, vector, and what was counted from them."""

from collections.abc import Sequence

from contracts.feedback import FeedbackErased
from contracts.problems import ProblemDescribed
from libs.messaging.work import Message
from services.triage.store.work import TriageWork
from services.triage.use_cases.settle import settle


async def forget_feedback(messages: Sequence[Message[FeedbackErased]], work: TriageWork) -> None:
    """The ids stay, so that words which arrive late, or again, stay out; statements made of them are chosen anew."""
    await work.alone()
    ids = {message.event.feedback_id: message for message in messages}
    evidence, problems = await work.evidence(), await work.problems()
    stored = await evidence.find(ids)
    if stored:
        async with (await work.groups()).changing() as held:
            held.engine.forget(list(stored))
    await evidence.erase(ids, now=work.now)
    await problems.lose_statements(ids)
    if not stored:
        return
    causes = {one.problem_id: ids[one.feedback_id] for one in stored.values() if one.problem_id}
    await (await work.voices()).recount(causes)
    drawn = await (await work.portraits()).blank(causes, now=work.now)
    await settle(causes, work, causes=causes, corrected=True)
    for head in (await problems.heads(drawn)).values():
        # Until it is drawn anew, and for good where no words are left.
        blank = ProblemDescribed(problem_id=head.problem_id, statement=head.statement)
        work.record(blank, cause=causes[head.problem_id])
