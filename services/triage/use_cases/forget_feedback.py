"""Forget words everywhere in triage: text, what they were recognised by, and what was counted from them."""

from collections.abc import Sequence

from contracts.feedback import FeedbackErased
from libs.messaging.work import Message
from services.triage.grouping.overlap import PROFILE_KEEPS
from services.triage.store.work import TriageWork
from services.triage.use_cases.settle import settle


async def forget_feedback(messages: Sequence[Message[FeedbackErased]], work: TriageWork) -> None:
    """The ids stay, so that words which arrive late, or again, stay out; statements made of them are chosen anew."""
    await work.alone()
    ids = {message.event.feedback_id: message for message in messages}
    evidence, problems = await work.evidence(), await work.problems()
    stored = await evidence.find(ids)
    profiles = await evidence.profiles_of(ids)
    await evidence.erase(ids, now=work.now)
    await problems.lose_statements(ids)
    if not stored:
        return
    await evidence.count_words([one.terms for one in stored.values()], sign=-1)
    await problems.relearn(profiles, keeps=PROFILE_KEEPS)
    causes = {one.problem_id: ids[one.feedback_id] for one in stored.values() if one.problem_id}
    await (await work.voices()).recount(causes)
    await settle(causes, work, causes=causes, corrected=True)
