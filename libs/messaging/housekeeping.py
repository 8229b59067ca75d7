"""Forgetting what no redelivery can bring back: old inbox keys, tries and stored answers, once an hour."""

import asyncio
from datetime import UTC, datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.messaging.inbox import sweep
from libs.messaging.work import driver_connection

log = structlog.get_logger("housekeeping")


async def run(engine: AsyncEngine) -> None:
    """Sweep hourly until cancelled; a failed sweep is left to the next one."""
    while True:
        try:
            async with engine.begin() as connection:
                await sweep(await driver_connection(connection), datetime.now(UTC))
        except Exception:
            log.exception("sweep failed")
        await asyncio.sleep(3_600)
