"""One replica of triage as a process of its own, to be killed: its real handlers, relay and looks back.

    python -m tests.drills.replica      # WHYSTREAM_* variables as for the service

For every line on standard input it prints the digest of the engine that it has in memory for that workspace, brought up
to date, and the digest of the same engine read from the database.
"""

import asyncio
import hashlib
import os
import sys

import nats
from nats.aio.client import Client
from sqlalchemy.ext.asyncio import create_async_engine

from libs.messaging.consumer import Consumer
from libs.messaging.processor import Processor, is_transient
from libs.messaging.relay import Relay
from libs.messaging.work import Transactions
from libs.runtime.logs import configure_logs
from services.triage.jobs import look_back_everywhere
from services.triage.main import SERVICE
from services.triage.store.work import TriageWork


async def digest(transactions: Transactions[TriageWork], workspace: str) -> str:
    async with transactions.begin(workspace) as work:
        await work.alone()
        async with (await work.groups()).changing() as held:
            kept = repr((held.engine.state(), held.engine.rows()))
    return hashlib.sha256(kept.encode()).hexdigest()


async def look_back(transactions: Transactions[TriageWork]) -> None:
    while True:
        try:
            await look_back_everywhere(transactions.engine, transactions)
        except Exception as error:
            if not is_transient(error):
                raise
        await asyncio.sleep(0.3)


async def answer(transactions: Transactions[TriageWork]) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        workspace = line.decode().strip()
        remembered = await digest(transactions, workspace)
        SERVICE.work.memory.forget()
        print(f"digest {remembered} {await digest(transactions, workspace)}", flush=True)


async def replica(url: str, client: Client) -> None:
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1))
    transactions: Transactions[TriageWork] = Transactions(engine, "triage", SERVICE.work)
    processor = Processor(transactions, SERVICE.handlers, retry_delay=lambda attempt: 0.1 * attempt)
    await SERVICE.work.memory.embedder()
    print("ready", flush=True)
    await asyncio.gather(
        Relay(url, client, "triage").run(),
        Consumer(client, processor, "INTAKE", "triage", batch=60).run(),
        look_back(transactions),
        answer(transactions),
    )


async def main() -> None:
    configure_logs("triage", "CRITICAL")  # standard output is for the drill
    client = await nats.connect(
        os.environ["WHYSTREAM_NATS_URL"], inbox_prefix="_INBOX_triage", max_reconnect_attempts=-1
    )
    await replica(os.environ["WHYSTREAM_DATABASE_URL"], client)


if __name__ == "__main__":
    asyncio.run(main())
