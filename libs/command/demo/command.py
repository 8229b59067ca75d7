"""`whystream demo`: one whole story, from customers' words to a decision that those concerned were told."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Annotated, Any

import typer

from deploy.embedded.home import Home
from deploy.embedded.supervisor import up
from libs.command.demo.screen import Screen
from libs.command.demo.tell import tell
from libs.command.errors import EXIT_FAILED, EXIT_INTERRUPTED
from libs.command.installation import Holder, holder


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Stop everything after the story, and say by the exit code how it went.")
    ] = False,
) -> None:
    """Tell one whole story about a fictional product, on this machine, with everything real.

    Uses the platform that runs in this home, or starts one and, without --once, leaves it running until Ctrl-C.
    Can be run again: feedback that is here already is recognised.
    """
    home = Home.from_environment()
    running = holder(home)
    story = _with_running(home, running) if running else _with_own(home, once)
    raise SystemExit(asyncio.run(story))


async def _with_running(home: Home, running: Holder) -> int:
    """Tell the story on the platform that somebody else runs; it goes on running."""
    screen = Screen()
    screen.plain(f"using the platform that runs at {running.url} (pid {running.pid})")
    telling = asyncio.ensure_future(tell(home, running.url, screen))
    # Not killed at once, so that the receiver is signed off before it goes away.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, telling.cancel)
    try:
        good = await telling
    except asyncio.CancelledError:
        return EXIT_INTERRUPTED
    if good:
        screen.plain(f"Whystream goes on running at {running.url}")
    return 0 if good else EXIT_FAILED


async def _with_own(home: Home, once: bool) -> int:
    """Start everything, tell the story, and stop everything: at once, or when told to."""
    screen, ready = Screen(), asyncio.Event()

    def on_progress(line: str) -> None:
        screen.plain(line)
        if line.startswith("ready "):
            ready.set()

    platform = asyncio.create_task(up(home, on_progress=on_progress))
    story = asyncio.create_task(_after(ready, tell(home, home.url, screen)))
    try:
        await asyncio.wait({platform, story}, return_when=asyncio.FIRST_COMPLETED)
        if not story.done():
            return await _interrupted(platform, story)
        good = story.result()
        if good and not once:
            screen.plain(f"\nEverything is running at {home.url}; look around. Ctrl-C stops it.")
            await platform
        return 0 if good else EXIT_FAILED
    finally:
        await _stopped(story)
        await _stopped(platform)


async def _after(ready: asyncio.Event, story: Coroutine[Any, Any, bool]) -> bool:
    try:
        await ready.wait()
    except asyncio.CancelledError:
        story.close()
        raise
    return await story


async def _interrupted(platform: asyncio.Task[None], story: asyncio.Task[bool]) -> int:
    """The platform ended first: it could not start, which is raised, or was told to stop."""
    await _stopped(story)
    platform.result()
    return EXIT_INTERRUPTED


async def _stopped(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait([task])
