"""A courier in a process of its own, to be killed: `python -m services.alignment.tests.couriering LEASE_SECONDS`."""

import asyncio
import os
import sys

from sqlalchemy.ext.asyncio import create_async_engine

from libs.messaging.work import Transactions
from services.alignment.delivery import courier
from services.alignment.domain.deliveries import DeliveryRules
from services.alignment.store.work import AlignmentWork


async def main() -> None:
    engine = create_async_engine(os.environ["WHYSTREAM_DATABASE_URL"].replace("postgresql:", "postgresql+asyncpg:", 1))
    rules = DeliveryRules(lease=float(sys.argv[1]), timeout=20.0, poll=0.05)
    async with courier(Transactions(engine, "alignment", AlignmentWork), rules) as found, asyncio.timeout(60):
        await found.run()


if __name__ == "__main__":
    asyncio.run(main())
