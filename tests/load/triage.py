"""Triage's hot path with Postgres: words in to assignments committed, and how long a look back holds words up.

    python -m tests.load.triage [--items 20000] [--batch N] [--embedder light]

The words are those of `tests.load.grouping`: the demo's sample with other words mixed in. Postgres runs with fsync on.
Run it under `taskset -c 0` for the figure of one core, database included.
"""

import argparse
import asyncio
import os
import resource
import time
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import create_async_engine
from uuid_utils.compat import uuid7

from contracts.envelope import Envelope, wrap
from contracts.feedback import Customer, FeedbackReceived
from deploy.embedded.home import temporary_home
from deploy.embedded.infrastructure import infrastructure
from libs.messaging.work import Transactions
from libs.runtime.garbage import look_for_garbage_less_often
from services.triage.grouping.regroup import regroup
from services.triage.main import SERVICE
from services.triage.store.work import TriageWork
from services.triage.use_cases.look_back import look, look_back, take_over
from tests.load.grouping import mixed
from tests.support.driven import delivered
from tests.support.plugin import _migrate

WORKSPACE = "bench"


def batch(texts: list[str], first: int) -> list[Envelope]:
    now = datetime.now(UTC)
    return [
        wrap(
            FeedbackReceived(
                feedback_id=uuid7(),
                text=text,
                source="bench",
                received_at=now,
                occurred_at=now,
                customer=Customer(id=f"c-{(first + index) % 4_999}", segment="clinic"),
            ),
            service="intake",
            workspace=WORKSPACE,
        )
        for index, text in enumerate(texts)
    ]


async def hindsight(transactions: Transactions[TriageWork]) -> tuple[float, float, float] | None:
    """Seconds that the look back that is due takes: copying, thinking (nobody waits for it), and taking over."""
    began = time.perf_counter()
    async with transactions.begin(WORKSPACE) as work:
        seen = await look_back(work)
    if seen is None:
        return None
    copied = time.perf_counter()
    plan = await asyncio.to_thread(regroup, seen.snapshot)
    thought = time.perf_counter()
    async with transactions.begin(WORKSPACE) as work:
        await take_over(seen, plan, work)
    return copied - began, thought - copied, time.perf_counter() - thought


async def run(items: int, size: int) -> None:
    look_for_garbage_less_often()
    with temporary_home() as home:
        async with infrastructure(home) as parts:
            await asyncio.to_thread(_migrate, parts, "triage")
            url = parts.database_url("triage").replace("postgresql://", "postgresql+asyncpg://", 1)
            engine = create_async_engine(url, pool_size=5)
            transactions: Transactions[TriageWork] = Transactions(engine, "triage", SERVICE.work)
            from libs.messaging.processor import Processor

            processor = Processor(transactions, SERVICE.handlers)
            texts = list(mixed(items))
            took, rounds, looks = 0.0, [], []
            for first in range(0, items, size):
                raw = [delivered(envelope) for envelope in batch(texts[first : first + size], first)]
                began = time.perf_counter()
                assert await processor.process(raw, "TEST") == [None] * len(raw)
                rounds.append(time.perf_counter() - began)
                took += rounds[-1]
                if (seconds := await hindsight(transactions)) is not None:
                    looks.append(seconds)
            memory = SERVICE.work.memory
            memory.forget()
            began = time.perf_counter()
            async with transactions.begin(WORKSPACE) as work:
                await look(work)
            again = time.perf_counter() - began
            slowest = max(rounds)
            print(f"{items / took:,.0f} items/s; the slowest batch of {size} took {slowest:.2f} s")
            for copied, thought, taken in looks[-3:]:
                print(f"look back: {copied:.2f} s to copy, {thought:.2f} s to think, {taken:.2f} s to take over")
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"window read anew in {again:.2f} s; {peak:,.0f} MB at most")
            await engine.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=SERVICE.batch)
    parser.add_argument("--embedder", default="light")
    options = parser.parse_args()
    os.environ["WHYSTREAM_EMBEDDER"] = options.embedder
    asyncio.run(run(options.items, options.batch))


if __name__ == "__main__":
    main()
