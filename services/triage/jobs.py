"""What triage does by the clock."""

import asyncio

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.messaging.processor import is_transient
from libs.messaging.tracing import job_span
from libs.messaging.work import Transactions, driver_connection
from libs.runtime.service import Running
from services.triage.domain import GAP_REPORTS
from services.triage.store.briefs import workspaces_due
from services.triage.store.work import TriageWork
from services.triage.use_cases.find_gaps import find_gaps

log = structlog.get_logger("nudges")
EVERY_SECONDS = 15.0
_MOST_ROUNDS = 100


async def nudge(running: Running[TriageWork]) -> None:
    """Look for evidence gaps until cancelled; a database that is away is asked again later, less and less often."""
    pause = EVERY_SECONDS
    while True:
        try:
            await sweep(running.engine, running.transactions)
            pause = EVERY_SECONDS
        except Exception as error:
            if not is_transient(error):
                raise
            pause = min(pause * 2, 300.0)
            log.warning("store unavailable, looking for gaps later", error=repr(error), pause=pause)
        await asyncio.sleep(pause)


async def sweep(engine: AsyncEngine, transactions: Transactions[TriageWork]) -> None:
    """Everything that is due now, in small transactions; safe beside other replicas."""
    async with engine.connect() as connection:
        workspaces = await workspaces_due(await driver_connection(connection), reports=GAP_REPORTS)
    for workspace in workspaces:
        for _ in range(_MOST_ROUNDS):
            with job_span("find evidence gaps"):
                async with transactions.begin(workspace) as work:
                    looked = await find_gaps(work)
            if not looked:
                break
