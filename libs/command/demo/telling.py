"""A subscriber: asks to be told, and at the end says what it was told and why. A real webhook receiver."""

import asyncio
import contextlib
from collections import Counter
from datetime import date
from typing import Any

from libs.client import WhystreamError
from libs.command.demo.story import Story, until, verify
from libs.command.tail import short

MERGED = "whystream.problem.merged.v1"
CONCLUDED = "whystream.experiment.concluded.v1"
PROPOSED = "whystream.decision.proposed.v1"
MADE = "whystream.decision.made.v1"


async def subscribe(story: Story) -> None:
    """The practice-success team wants to be told what is decided, and why."""
    wanted = {"types": ["decision.*", "experiment.concluded", "problem.merged"]}
    story.subscription = await story.whystream.subscribe(
        {
            "name": f"Practice success team {story.run}",
            "channel": "webhook",
            "url": story.receiver.url,
            "filter": wanted,
        }
    )
    story.receiver.believe(story.subscription["secret"])
    story.screen.say(f"receiver on {story.receiver.url}, to be told of {', '.join(wanted['types'])}")
    story.screen.say("the secret that signs its webhooks was shown once; it believes nothing without that signature")


async def unsubscribe(story: Story) -> None:
    """The receiver goes away with the story; nobody is to try it for days."""
    if not story.subscription:
        return
    # When the platform is just being stopped there is nobody to tell any more.
    with contextlib.suppress(WhystreamError, TimeoutError):
        async with asyncio.timeout(3):
            await story.whystream.unsubscribe(story.subscription["id"])


async def told(story: Story) -> None:
    """The receiver says what reached it: everything once, each with a good signature, the decision with its why."""
    await until(
        lambda: _missing(story),
        lambda missing: not missing,
        lambda missing: f"the receiver was not told: {', '.join(missing)}",
    )
    for type_, count in Counter(event["type"] for event in story.receiver.told).items():
        times = f", {count} times" if count > 1 else ""
        story.screen.say(f"{short(type_)}{times}: signature verified", label="was told")
    verify(not story.receiver.refused, f"{len(story.receiver.refused)} deliveries had no good signature")
    made = story.receiver.about(MADE, decision_id=story.decision["id"])[0]["data"]
    verify(bool(made["reason"] and made["evidence"] and made["alternatives"]), "the decision was told without its why")
    _say_why(story, made)


async def _missing(story: Story) -> list[str]:
    """What ought to have been told by now, and was not."""
    expected: list[tuple[str, dict[str, str]]] = [(MERGED, {"problem_id": merged}) for merged in story.merged]
    expected += [(CONCLUDED, {"experiment_id": story.experiment["id"]})]
    expected += [(type_, {"decision_id": story.decision["id"]}) for type_ in (PROPOSED, MADE)]
    return [short(type_) for type_, fields in expected if not story.receiver.about(type_, **fields)]


def _say_why(story: Story, made: dict[str, Any]) -> None:
    review = date.fromisoformat(made["review_on"])
    story.screen.plain("")
    story.screen.say(f"{made['title']}. {made['choice']}", label="WHAT")
    story.screen.say(made["reason"], label="WHY")
    for alternative in made["alternatives"]:
        story.screen.say(f"{alternative['title']}: {alternative['why_not']}", label="WHY NOT")
    for position in made.get("positions", []):
        story.screen.say(
            f"{position['stakeholder']}: {position.get('comment', '')}", label=position["position"].upper()
        )
    story.screen.say(made["answer_to_concerns"], label="ANSWER")
    story.screen.say(f"made by {made['made_by']}, to be reviewed on {review:%-d %B %Y}", label="WHO AND WHEN")
