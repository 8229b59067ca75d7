"""What triage does by the clock: hindsight, nudges, trends, new weights, portraits, and names where a namer is set."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import asyncpg
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.messaging.processor import is_transient
from libs.messaging.tracing import job_span
from libs.messaging.work import Transactions, driver_connection
from libs.runtime.service import Running
from services.triage.domain import GAP_REPORTS
from services.triage.grouping.regroup import regroup
from services.triage.namer import Namer, NameRefused
from services.triage.store.briefs import workspaces_due
from services.triage.store.looks import workspaces_to_look_back
from services.triage.store.names import workspaces_to_name
from services.triage.store.portraits import workspaces_to_draw
from services.triage.store.preferences import workspaces_to_recount
from services.triage.store.rereading import workspaces_to_reread
from services.triage.store.trends import workspaces_to_look_at
from services.triage.store.work import TriageWork
from services.triage.use_cases.draw_portraits import draw_all, hang, sit
from services.triage.use_cases.find_gaps import find_gaps
from services.triage.use_cases.look_back import look_back, take_over
from services.triage.use_cases.name_problem import name_problem, next_to_name
from services.triage.use_cases.reread_evidence import keep_read, next_unread
from services.triage.use_cases.set_weights import recount
from services.triage.use_cases.watch_trends import watch_trends

log = structlog.get_logger("jobs")
EVERY_SECONDS = 15.0
DRAWN_EVERY_SECONDS = 1.0
LOOKED_BACK_EVERY_SECONDS = 1.0
_MOST_ROUNDS = 100
_PAUSE_PER_WORK = 2.0  # drawing takes a third of one core at most: the words that come in are waited for
_SLOWEST = 300.0
Begin = Transactions[TriageWork]


async def nudge(running: Running[TriageWork]) -> None:
    """Look for evidence gaps and onsets until cancelled."""
    await _for_ever(lambda: sweep(running.engine, running.transactions), EVERY_SECONDS)


async def consolidate(running: Running[TriageWork]) -> None:
    """Look back at evidence with hindsight, and read it anew for another embedder, until cancelled."""

    async def once() -> None:
        await read_anew(running.engine, running.transactions)
        await look_back_everywhere(running.engine, running.transactions)

    await _for_ever(once, LOOKED_BACK_EVERY_SECONDS)


async def portray(running: Running[TriageWork]) -> None:
    """Apply new weights and draw what changed until cancelled."""

    async def once() -> None:
        await rank_anew(running.engine, running.transactions)
        await draw_portraits(running.engine, running.transactions)

    await _for_ever(once, DRAWN_EVERY_SECONDS)


async def name(running: Running[TriageWork]) -> None:
    """Name problems until cancelled, where a namer is configured. Raises NamerMisconfigured."""
    namer = Namer.from_environment()
    if namer is not None:
        await _for_ever(lambda: give_names(running.engine, running.transactions, namer), EVERY_SECONDS)


async def sweep(engine: AsyncEngine, transactions: Begin) -> None:
    """Every gap and trend that is due now, in small transactions; safe beside other replicas."""

    async def gaps_due(driver: asyncpg.Connection) -> list[str]:
        return await workspaces_due(driver, reports=GAP_REPORTS)

    await _everywhere(engine, transactions, gaps_due, find_gaps, "find evidence gaps")
    await _everywhere(engine, transactions, workspaces_to_look_at, watch_trends, "watch trends")


async def look_back_everywhere(engine: AsyncEngine, transactions: Begin) -> int:
    """Every look back that is due now; returns how many. What arrives meanwhile waits only while it is taken over."""
    looked = 0
    for workspace in await _asked(engine, workspaces_to_look_back):
        with job_span("look back"):
            async with transactions.begin(workspace) as work:
                look = await look_back(work)
            if look is None:
                continue
            try:
                plan = await asyncio.to_thread(regroup, look.snapshot)
            except Exception:  # one workspace's evidence must not stop the others; what was claimed is due again later
                log.exception("looking back failed", workspace=workspace)
                continue
            async with transactions.begin(workspace) as work:
                await take_over(look, plan, work)
            looked += 1
    return looked


async def read_anew(engine: AsyncEngine, transactions: Begin) -> None:
    """Embed evidence whose vectors are of another embedder than the present one, newest first."""
    for workspace in await _asked(engine, workspaces_to_reread):
        for _ in range(_MOST_ROUNDS):
            with job_span("read evidence anew"):
                async with transactions.begin(workspace) as work:
                    unread = await next_unread(work)
                if unread is None:
                    break
                read = await work.memory.read(unread.texts, unread.languages)
                async with transactions.begin(workspace) as work:
                    await keep_read(unread, read, work)


async def rank_anew(engine: AsyncEngine, transactions: Begin) -> None:
    """Every problem of workspaces whose weights were changed."""
    await _everywhere(engine, transactions, workspaces_to_recount, recount, "rank anew", most=10**6)


async def draw_portraits(engine: AsyncEngine, transactions: Begin) -> int:
    """Every portrait that is due now; returns how many were drawn."""
    drawn = 0
    for workspace in await _asked(engine, workspaces_to_draw):
        for _ in range(_MOST_ROUNDS):
            began = time.monotonic()
            with job_span("draw portraits"):
                async with transactions.begin(workspace) as work:
                    sitting = await sit(work)
                finished = await draw_all(sitting)
                async with transactions.begin(workspace) as work:
                    await hang(finished, work)
            if not finished:
                break
            drawn += len(finished)
            await asyncio.sleep(min(5.0, _PAUSE_PER_WORK * (time.monotonic() - began)))
    return drawn


async def give_names(engine: AsyncEngine, transactions: Begin, namer: Namer) -> int:
    """Ask for each name that is due, one after another; returns how many were asked for. No failure leaves this."""
    asked = 0
    for workspace in await _asked(engine, workspaces_to_name):
        for _ in range(_MOST_ROUNDS):
            async with transactions.begin(workspace) as work:
                request = await next_to_name(work)
            if request is None:
                break
            asked += 1
            try:
                with job_span("name a problem"):
                    text = await namer.name(request.quotes)
            except NameRefused as refused:
                log.warning("no name", error=str(refused), problem_id=str(request.one.problem_id))
                async with transactions.begin(workspace) as work:
                    await (await work.names()).fail(request.one, str(refused), now=work.now)
                continue
            async with transactions.begin(workspace) as work:
                await name_problem(request, text, model=namer.model, work=work)
    return asked


async def _everywhere(
    engine: AsyncEngine,
    transactions: Begin,
    due: Callable[[asyncpg.Connection], Awaitable[list[str]]],
    step: Callable[[TriageWork], Awaitable[int]],
    what: str,
    *,
    most: int = _MOST_ROUNDS,
) -> None:
    """Repeat a step in each workspace where something is due until it has nothing left, a transaction each time."""
    for workspace in await _asked(engine, due):
        for _ in range(most):
            with job_span(what):
                async with transactions.begin(workspace) as work:
                    looked = await step(work)
            if not looked:
                break


async def _asked(engine: AsyncEngine, due: Callable[[asyncpg.Connection], Awaitable[list[str]]]) -> list[str]:
    async with engine.connect() as connection:
        return await due(await driver_connection(connection))


async def _for_ever(step: Callable[[], Awaitable[object]], every: float) -> None:
    """A database that is away is asked again later, less and less often; any other error ends the job."""
    pause = every
    while True:
        try:
            await step()
            pause = every
        except Exception as error:
            if not is_transient(error):
                raise
            pause = min(pause * 2, _SLOWEST)
            log.warning("store unavailable, trying later", error=repr(error), pause=pause)
        await asyncio.sleep(pause)
