"""Whether what a process remembers of a workspace is what a process that starts anew would read."""

from typing import Any

from services.triage.grouping.engine import Engine
from services.triage.store.memory import Memory
from services.triage.store.work import TriageWork
from tests.support.driven import Driven


def shape(engine: Engine) -> list[Any]:
    """All that decides where the next item goes."""
    return [engine.state(), engine.rows()]


async def engine_of(triage: Driven) -> Engine:
    """The engine that the driven process would use now."""
    async with triage.transactions.begin(triage.workspace) as work:
        assert isinstance(work, TriageWork)
        await work.alone()
        async with (await work.groups()).changing() as held:
            return held.engine


async def assert_remembered(triage: Driven) -> None:
    """The engine in memory is the same as one that is read from the database."""
    remembered = shape(await engine_of(triage))
    memory: Memory = triage.service.work.memory
    memory.take(triage.workspace)
    assert shape(await engine_of(triage)) == remembered
