"""The brief: the questions that every problem must answer, with evidence, or openly as an assumption."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from libs.client import Invalid
from libs.client.api import Question
from libs.command.demo.story import StepFailed, Story, verify


@dataclass(frozen=True)
class Answer:
    """What the product team writes; without evidence it is an assumption and says so."""

    question: Question
    words: str
    evidence: Sequence[dict[str, str]] = ()


async def answer(story: Story) -> None:
    """Answer the questions that matter first; an answer that rests on nothing is refused."""
    await _refused_without_ground(story)
    answers = _answers(story)
    for one in answers:
        await story.whystream.answer_brief(
            story.problem_id, one.question, one.words, evidence=one.evidence, assumption=not one.evidence
        )
        basis = f"{len(one.evidence)} pieces of evidence" if one.evidence else "openly an assumption"
        story.screen.say(f"{one.words} ({basis})", label=one.question)
    story.problem = await story.whystream.problem(story.problem_id)
    clarity, expected = story.problem["clarity"], sum(bool(one.evidence) for one in answers) / 8
    verify(clarity >= expected, f"the brief's clarity is {clarity}, at least {expected} was expected")
    story.screen.say(f"clarity {clarity:.0%}: the share of the eight questions that is answered with evidence")


async def _refused_without_ground(story: Story) -> None:
    try:
        await story.whystream.answer_brief(story.problem_id, "impact", "It will double our revenue")
    except Invalid as refused:
        story.screen.say(refused.detail, label="refused", style="dim")
    else:
        raise StepFailed("an answer without evidence and without the word assumption was accepted")


def _answers(story: Story) -> list[Answer]:
    quotes = story.quotes
    no_shows = [quote for quote in quotes if _tells_of_no_shows(quote)] or quotes[:1]
    segments = ", ".join(sorted({str(quote["segment"]) for quote in quotes if quote.get("segment")}))
    reach = f"{story.problem['customers']} customers in {story.problem['reports']} reports"
    return [
        Answer(
            "why",
            "Clients cannot move their own appointment. They phone instead, do not get through, and stay away.",
            _evidence(quotes[:3]),
        ),
        Answer("who", f"Practices of every kind ({segments}): {reach}.", _evidence(quotes[3:6] or quotes[:3])),
        Answer(
            "success",
            "More booked appointments are kept, and practices are called no more often than before.",
            _evidence(no_shows[:3]),
        ),
        Answer("risks", "Clients may move appointments so late that the freed hour stays empty."),
    ]


def _tells_of_no_shows(quote: dict[str, Any]) -> bool:
    words = str(quote["text"]).lower()
    return any(sign in words for sign in ("no-show", "no show", "missed", "stay away", "don't come", "empty"))


def _evidence(quotes: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [{"kind": "feedback", "ref": str(quote["feedback_id"])} for quote in quotes]
