"""The whole story in its order, told against a platform that runs; and what came of each step."""

import time
from collections.abc import Awaitable, Callable

from deploy.embedded.home import Home
from libs.client import WhystreamError
from libs.command.demo import brief, correction, decision, experiment, telling, thread, words
from libs.command.demo.receiver import Receiver
from libs.command.demo.screen import Screen
from libs.command.demo.story import Story
from libs.command.errors import CommandError
from libs.command.installation import caller, installation

Step = Callable[[Story], Awaitable[None]]
STEPS: tuple[tuple[str, Step], ...] = (
    ("Customers speak, through the tools that they use", words.send_words),
    ("Problems appear behind the words", words.see_problems),
    ("A team asks to be told", telling.subscribe),
    ("A person corrects the engine", correction.correct),
    ("The brief is answered", brief.answer),
    ("What must be true is registered before it is tested", experiment.register),
    ("20,000 clients take part", experiment.run),
    ("The experiment is concluded", experiment.conclude),
    ("A decision, with its reason and its critics", decision.decide),
    ("Those who asked are told what, and why", telling.told),
    ("The thread back to every word", thread.show),
)


async def tell(home: Home, url: str, screen: Screen) -> bool:
    """Tell the story; True when every step came out as it should. The screen says which did not, and why."""
    receiver = Receiver()
    began = time.monotonic()
    try:
        async with caller(home, url) as whystream:
            story = Story(whystream, screen, receiver, installation(home), url)
            try:
                good = await _steps(story)
            finally:
                await telling.unsubscribe(story)
    finally:
        receiver.close()
    if good:
        _times(screen, time.monotonic() - began)
    return good


async def _steps(story: Story) -> bool:
    for number, (title, step) in enumerate(STEPS, start=1):
        try:
            with story.screen.step(title):
                await step(story)
        except (CommandError, WhystreamError) as error:
            story.screen.say(f"✗ step {number} ({title}) failed: {error}", style="bold red")
            return False
    return True


def _times(screen: Screen, total: float) -> None:
    screen.plain("")
    screen.say(f"the story was told and verified in {total:.1f} s:", style="bold")
    for title, took in screen.times:
        screen.say(f"{took:6.1f} s  {title}")
