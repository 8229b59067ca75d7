"""The job beside the edges: readouts with new facts are looked at again."""

import asyncio
from datetime import timedelta

import structlog

from libs.messaging.processor import is_transient
from libs.messaging.tracing import job_span
from libs.messaging.work import Transactions, driver_connection
from libs.runtime.service import Running
from services.experiments.store.readouts import Due, due_readouts
from services.experiments.store.work import ExperimentsWork
from services.experiments.use_cases.refresh_readout import refresh_readout

log = structlog.get_logger("readouts")

_POLL_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 10.0
_PUT_OFF = timedelta(minutes=1)


async def refresh_readouts(running: Running[ExperimentsWork]) -> None:
    """Look for due readouts until cancelled, waiting out any absence of the database."""
    pause = _POLL_SECONDS
    while True:
        try:
            await refresh_due(running.transactions)
            pause = _POLL_SECONDS
        except Exception as error:
            if not is_transient(error):
                raise
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            log.warning("store unavailable, looking again later", error=repr(error), pause=pause)
        await asyncio.sleep(pause)


async def refresh_due(transactions: Transactions[ExperimentsWork], *, limit: int = 100) -> int:
    """Refresh what is due now, each in its own transaction; returns how many this call refreshed.

    Safe to run in several replicas. One readout that fails is put off and does not stop the others.
    """
    async with transactions.engine.connect() as connection:
        found = await due_readouts(await driver_connection(connection), limit=limit)
    refreshed = 0
    for due in found:
        try:
            with job_span("refresh readout"):
                async with transactions.begin(due.workspace) as work:
                    refreshed += await refresh_readout(due.experiment_id, work)
        except Exception as error:
            if is_transient(error):
                raise
            log.exception("a readout failed, putting it off", experiment_id=str(due.experiment_id))
            await _put_off(due, transactions)
    return refreshed


async def _put_off(due: Due, transactions: Transactions[ExperimentsWork]) -> None:
    async with transactions.begin(due.workspace) as work:
        await (await work.readouts()).put_off(due.experiment_id, until=work.now + _PUT_OFF)
