"""How fast observations become statistics, as a ratio to a raw loop in the same run.

    make bench-observations   # python -m tests.load.observations [--units 40000] [--rounds 3]

Ours: the service's own consumer on the real stream (500 at a time: decoded, deduplicated, counted, in one transaction)
and then a readout. Raw: the shortest loop that keeps the same facts, a fetch of 500 decoded, upserted in one
transaction and acknowledged, with no promise: no inbox, no validation, no second arm, no blocks, no statistics. Then
what a thousand more of the last hour cost when all blocks are settled, against computing everything again. NATS syncs
every write, Postgres runs with fsync on. A run whose units are not all counted prints no figure.
"""

import argparse
import asyncio
import json
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import nats
from nats.aio.client import Client
from nats.js.api import ConsumerConfig, DeliverPolicy
from uuid_utils.compat import uuid4, uuid7

from contracts.envelope import wrap
from contracts.event import Event
from contracts.experiments import ObservationExposed, ObservationMeasured
from contracts.problems import ProblemOpened
from deploy.embedded.home import temporary_home
from deploy.embedded.infrastructure import Infrastructure, infrastructure
from deploy.embedded.migrate_all import migrate_all
from libs.messaging.consumer import Consumer
from libs.messaging.processor import decode_event
from libs.messaging.publisher import Outgoing, publish_batch
from libs.messaging.topology import apply
from libs.runtime.logs import configure_logs
from services.experiments.use_cases.look import look
from services.experiments.use_cases.rebuild_statistics import rebuild_statistics
from tests.support.driven import Driven, driven_service

_FETCH = 500
_STREAM, _DURABLE = "OBSERVATIONS", "experiments"
_DAYS = 14
_ONE_SECOND = 1_000  # observations

_RAW = """
INSERT INTO raw_unit (experiment, unit, variant, exposed_at) SELECT * FROM unnest($1::text[], $2::text[], $3::text[],
    $4::timestamptz[]) ON CONFLICT (experiment, unit) DO UPDATE SET
    exposed_at = least(raw_unit.exposed_at, excluded.exposed_at)
"""
_RAW_OUTCOME = """
INSERT INTO raw_outcome (unit, metric, at, value) SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[],
    $4::float8[]) ON CONFLICT (unit, metric, at) DO UPDATE SET value = excluded.value
"""
_RAW_TABLES = """
CREATE TABLE raw_unit (experiment text, unit text, variant text, exposed_at timestamptz,
    PRIMARY KEY (experiment, unit));
CREATE TABLE raw_outcome (unit text, metric text, at timestamptz, value float8,
    PRIMARY KEY (unit, metric, at))
"""


class UnitsMissing(Exception):
    """Not every unit was counted; the figure would be worthless."""


@dataclass(frozen=True)
class Figures:
    """Of one round: observations per second, and what settling costs in seconds."""

    taken_in: float
    with_readout: float
    raw: float
    settled: float
    more: float
    rebuilt: float


def observed(key: str, units: int, *, days: float = _DAYS, prefix: str = "u") -> list[Event]:
    """Exposures over so many days until now, each with two outcomes on average, in an order of chance."""
    chance = random.Random(7)
    begin = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=days)
    found: list[Event] = []
    for number in range(units):
        unit, at = f"{prefix}-{number}", begin + number / units * timedelta(days=days)
        found.append(ObservationExposed(experiment=key, unit=unit, variant=chance.choice(("a", "b")), at=at))
        later = at + timedelta(minutes=chance.randint(1, 600))
        if chance.random() < 0.5:
            found.append(ObservationMeasured(unit=unit, metric=f"kept-{key}", value=1.0, at=later))
        for _ in range(chance.randint(0, 3)):
            later += timedelta(minutes=7)
            found.append(ObservationMeasured(unit=unit, metric=f"spent-{key}", value=chance.random() * 20, at=later))
    chance.shuffle(found)
    return found


async def begin(driven: Driven, key: str) -> UUID:
    problem = uuid7()
    await driven.receives(ProblemOpened(problem_id=problem, statement="x", first_feedback_id=uuid7()))
    option = await _posted(driven, f"/v1/problems/{problem}/options", {"kind": "build", "title": "x"})
    risk = {"risk": "value", "statement": "It is fast enough", "importance": 3}
    plan: dict[str, Any] = {
        "key": key,
        "assumption_id": (await _posted(driven, f"/v1/options/{option['id']}/assumptions", risk))["id"],
        "problem_id": str(problem),
        "hypothesis": "It is fast enough",
        "primary_metric": {"name": f"kept-{key}", "kind": "conversion", "direction": "increase"},
        "guardrails": [{"metric": {"name": f"spent-{key}", "kind": "mean", "direction": "increase"}, "margin": 1}],
        "arms": [{"name": "a", "weight": 1}, {"name": "b", "weight": 1}],
        "baseline": 0.5,
        "minimum_detectable_effect": 0.02,
    }
    draft = await _posted(driven, "/v1/experiments", plan)
    since = (datetime.now(UTC) - timedelta(days=_DAYS + 1)).isoformat()
    await _posted(driven, f"/v1/experiments/{draft['id']}/start", {"counts_from": since})
    return UUID(draft["id"])


async def _posted(driven: Driven, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await driven.http.post(path, json=body)
    answer.raise_for_status()
    return answer.json()


async def publish(client: Client, found: Sequence[Event], workspace: str) -> None:
    """Put the events into the stream, behind a fresh consumer that sees nothing else."""
    envelopes = [wrap(event, service="experiments", workspace=workspace) for event in found]
    out = [Outgoing(one.nats_subject, one.to_bytes(), {"Nats-Msg-Id": one.id}) for one in envelopes]
    js = client.jetstream()
    await js.delete_consumer(_STREAM, _DURABLE)
    info = await js.stream_info(_STREAM)
    config = ConsumerConfig(
        durable_name=_DURABLE,
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=info.state.last_seq + 1,
        ack_wait=30,
        max_ack_pending=2_000,
    )
    await js.add_consumer(_STREAM, config)
    for start in range(0, len(out), 1_000):
        await publish_batch(client, out[start : start + 1_000])


async def take_in(driven: Driven, client: Client) -> float:
    """Seconds until the service's own consumer has acknowledged everything."""
    consumer = Consumer(client, driven.processor(decode=decode_event), _STREAM, _DURABLE, batch=_FETCH)
    started = time.perf_counter()
    running = asyncio.create_task(consumer.run())
    await _until_acknowledged(client, started)
    took = time.perf_counter() - started
    consumer.stop()
    await running
    return took


async def _until_acknowledged(client: Client, started: float) -> None:
    while time.perf_counter() - started < 300:
        info = await client.jetstream().consumer_info(_STREAM, _DURABLE)
        if info.num_pending == 0 and info.num_ack_pending == 0:
            return
        await asyncio.sleep(0.01)
    raise UnitsMissing("not all observations were acknowledged within 300 s")


async def settle(driven: Driven, experiment: UUID, units: int) -> float:
    started = time.perf_counter()
    async with driven.transactions.begin(driven.workspace) as work:
        kept = await (await work.readouts()).claim(experiment, wait=True)
        found = await (await work.experiments()).find(experiment)
        assert found is not None
        readout = await look(found, kept, work)
    if readout.tally.total + readout.tally.waiting != units:
        raise UnitsMissing(f"{readout.tally.total:,} of {units:,} units were counted")
    return time.perf_counter() - started


async def take_in_raw(url: str, client: Client, size: int) -> float:
    connection = await asyncpg.connect(url)
    await connection.execute(_RAW_TABLES)
    subscription = await client.jetstream().pull_subscribe_bind(_DURABLE, _STREAM)
    started, done = time.perf_counter(), 0
    while done < size:
        fetched = await subscription.fetch(min(_FETCH, size - done), timeout=10)
        async with connection.transaction():
            await _upsert(connection, [json.loads(one.data)["data"] for one in fetched])
        for one in fetched:
            await one.ack()
        done += len(fetched)
    await _until_acknowledged(client, started)
    took = time.perf_counter() - started
    await subscription.unsubscribe()
    await connection.execute("DROP TABLE raw_unit, raw_outcome")
    await connection.close()
    return took


async def _upsert(connection: asyncpg.Connection, found: Sequence[dict[str, Any]]) -> None:
    exposures = {one["unit"]: one for one in found if "variant" in one}
    outcomes = {(one["unit"], one["metric"], one["at"]): one for one in found if "metric" in one}
    await connection.execute(
        _RAW,
        [one["experiment"] for one in exposures.values()],
        list(exposures),
        [one["variant"] for one in exposures.values()],
        [datetime.fromisoformat(one["at"]) for one in exposures.values()],
    )
    await connection.execute(
        _RAW_OUTCOME,
        [one["unit"] for one in outcomes.values()],
        [one["metric"] for one in outcomes.values()],
        [datetime.fromisoformat(one["at"]) for one in outcomes.values()],
        [one["value"] for one in outcomes.values()],
    )


async def one_round(driven: Driven, parts: Infrastructure, client: Client, units: int) -> Figures:
    key = f"load-{uuid4().hex[:10]}"
    experiment = await begin(driven, key)
    events = observed(key, units)
    await publish(client, events, f"raw-{key}")
    raw = await take_in_raw(parts.database_url("experiments"), client, len(events))
    await publish(client, events, driven.workspace)
    took = await take_in(driven, client)
    settled = await settle(driven, experiment, units)
    some = observed(key, 10 * _ONE_SECOND, days=1 / 24, prefix="more")[:_ONE_SECOND]
    new_units = len({one.unit for one in some if isinstance(one, ObservationExposed)})
    await publish(client, some, driven.workspace)
    await take_in(driven, client)
    more = await settle(driven, experiment, units + new_units)
    async with driven.transactions.begin(driven.workspace) as work:
        await rebuild_statistics(experiment, work)
    rebuilt = await settle(driven, experiment, units + new_units)
    size = len(events)
    return Figures(size / took, size / (took + settled), size / raw, settled, more, rebuilt)


async def main(units: int, rounds: int) -> None:
    configure_logs("bench", "ERROR")
    with temporary_home() as home:
        async with infrastructure(home) as parts:
            client = await nats.connect(parts.nats_url("admin"), pending_size=64 * 1024 * 1024)
            await apply(client.jetstream())
            await migrate_all({"experiments": parts.database_url("experiments")})
            async with driven_service("experiments", parts, "load") as driven:
                figures = [await one_round(driven, parts, client, units) for _ in range(rounds)]
            await client.close()
    middle = {name: statistics.median(getattr(one, name) for one in figures) for name in Figures.__annotations__}
    print(f"{units:,} units over {_DAYS} days, median of {rounds} rounds")
    print(f"  into the units' state        {middle['taken_in']:>9,.0f} observations/s")
    print(f"  and into a readout           {middle['with_readout']:>9,.0f} observations/s")
    print(f"  raw fetch + upsert           {middle['raw']:>9,.0f} observations/s")
    print(f"  ratio to raw                 {middle['with_readout'] / middle['raw']:>9.2f}")
    print(f"  first readout                {middle['settled']:>9.2f} s")
    print(f"  readout after {_ONE_SECOND:,} more     {middle['more']:>9.2f} s")
    print(f"  everything computed again    {middle['rebuilt']:>9.2f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=40_000, help="how many units are exposed in a round")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    asyncio.run(main(given.units, given.rounds))
