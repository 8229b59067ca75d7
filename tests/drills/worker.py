"""A writer and a consumer as processes of their own, to be killed: the messaging core with the smallest use cases.

    python -m tests.drills.worker intake|triage      # WHYSTREAM_* variables as for a service

`intake` records one event for every line it reads on standard input and relays them. `triage` notes every event in the
table `effect`, which has no unique key, so that a doubled effect is seen, and says one event for each. Both print one
line when they are ready, and what the drill counts.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import nats
from nats.aio.client import Client
from sqlalchemy.ext.asyncio import create_async_engine

from contracts.feedback import FeedbackReceived
from contracts.problems import FeedbackTriaged
from libs.messaging.consumer import Consumer
from libs.messaging.handlers import Handlers, on
from libs.messaging.processor import Processor
from libs.messaging.relay import Relay
from libs.messaging.work import Message, Transactions, Work
from libs.runtime.logs import configure_logs

POISON = "raise"
CRASH = "die"


async def note_effects(messages: Sequence[Message[FeedbackReceived]], work: Work) -> None:
    driver = await work.driver()
    await driver.execute("INSERT INTO effect SELECT unnest($1::uuid[])", [m.event.feedback_id for m in messages])
    for message in messages:
        if message.event.text == CRASH:
            os._exit(70)
        if message.event.text == POISON:
            raise ValueError("this text is poison")
        said = FeedbackTriaged(
            feedback_id=message.event.feedback_id,
            problem_id=None,
            score=0,
            reason="drill",
            algorithm="drill",
            assigned_by="engine",
        )
        work.record(said, cause=message, first=True)


def feedback(line: str) -> FeedbackReceived:
    identity, _, text = line.strip().partition(" ")
    now = datetime.now(UTC)
    return FeedbackReceived(
        feedback_id=UUID(identity), text=text or "words", source="drill", received_at=now, occurred_at=now
    )


async def connect(role: str) -> Client:
    """As the runtime connects, but counting the failed attempts, and with a pause that the drill chooses."""
    failures = 0

    async def count(_: Exception) -> None:
        nonlocal failures
        failures += 1
        print(f"reconnect {failures}", flush=True)

    return await nats.connect(
        os.environ["WHYSTREAM_NATS_URL"],
        inbox_prefix=f"_INBOX_{role}",
        max_reconnect_attempts=-1,
        reconnect_time_wait=float(os.environ.get("DRILL_RECONNECT_WAIT", "0.2")),
        pending_size=64 * 1024 * 1024,
        error_cb=count,
    )


async def intake(url: str, client: Client) -> None:
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1))
    transactions = Transactions(engine, "intake", Work)
    relaying = asyncio.create_task(Relay(url, client, "intake").run())
    print("ready", flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        async with transactions.begin("drill") as work:
            work.record(feedback(line.decode()), first=True)
        print(f"accepted {line.decode().split()[0]}", flush=True)
    await relaying


async def triage(url: str, client: Client) -> None:
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1))
    handlers = Handlers(on(FeedbackReceived, note_effects, together=True))
    processor = Processor(Transactions(engine, "triage", Work), handlers, retry_delay=lambda attempt: 0.1 * attempt)
    relaying = asyncio.create_task(Relay(url, client, "triage").run())
    print("ready", flush=True)
    await Consumer(client, processor, "INTAKE", "triage", batch=100).run()
    await relaying


async def main() -> None:
    role = sys.argv[1]
    configure_logs(role, "CRITICAL")  # standard output is for the drill
    client = await connect(role)
    await {"intake": intake, "triage": triage}[role](os.environ["WHYSTREAM_DATABASE_URL"], client)


if __name__ == "__main__":
    asyncio.run(main())
