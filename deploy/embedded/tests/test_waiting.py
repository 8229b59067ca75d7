"""Waiting ends: with readiness, with the child's death, or with the time; and a cancelled part may tidy up."""

import asyncio

import pytest

from deploy.embedded.errors import ProgramFailed
from deploy.embedded.home import Home
from deploy.embedded.processes import Backoff, ProcessTree
from deploy.embedded.tests.stand_ins import python_program
from deploy.embedded.waiting import READY, side_by_side, until_ready, until_status


async def test_it_asks_until_nothing_is_in_the_way(home: Home) -> None:
    answers = iter(["no connection", "recovering", READY])

    async def obstacle() -> str | None:
        return next(answers)

    tree = ProcessTree(home.processes_file)
    await until_ready(await tree.start(python_program(home, "import time; time.sleep(600)")), obstacle, within=10)
    assert list(answers) == []
    await tree.stop_all()


async def test_a_child_that_ends_before_it_is_ready_shows_its_last_words(home: Home) -> None:
    tree = ProcessTree(home.processes_file, backoff=Backoff(first=60))
    child = await tree.start(python_program(home, "raise SystemExit('no such table')"))
    with pytest.raises(ProgramFailed, match=r"(?s)ended with exit code 1 before it was ready.*no such table"):
        await until_status(child, f"{home.url}/readyz", 200, within=20)
    await tree.stop_all()


async def test_a_child_that_never_becomes_ready_is_given_up_with_the_last_obstacle(home: Home) -> None:
    tree = ProcessTree(home.processes_file)
    child = await tree.start(python_program(home, "import time; time.sleep(600)"))
    with pytest.raises(ProgramFailed, match=rf"was not ready within 0\.2 seconds \({home.url}/readyz: .*connect"):
        await until_status(child, f"{home.url}/readyz", 200, within=0.2)
    await tree.stop_all()


async def test_when_one_part_fails_the_others_tidy_up_before_its_error_is_raised() -> None:
    tidied: list[str] = []

    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError("the first error")

    with pytest.raises(ValueError, match="the first error"):
        await side_by_side(_tidies_up_slowly(tidied), fails(), _tidies_up_slowly(tidied))
    assert tidied == ["tidied", "tidied"]


async def test_a_cancellation_lets_every_part_tidy_up_to_the_end() -> None:
    tidied: list[str] = []
    both = asyncio.create_task(side_by_side(_tidies_up_at_once(), _tidies_up_slowly(tidied)))
    await asyncio.sleep(0.01)
    both.cancel()
    with pytest.raises(asyncio.CancelledError):
        await both
    assert tidied == ["tidied"]


async def _tidies_up_slowly(tidied: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0.05)
        tidied.append("tidied")


async def _tidies_up_at_once() -> None:
    await asyncio.Event().wait()
