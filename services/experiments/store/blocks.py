"""Statistics by block: computed again from the units of those blocks that have new facts, and added up."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import numpy as np

from services.experiments.domain.block import Block, Values, block_statistics
from services.experiments.domain.experiment import Experiment
from services.experiments.domain.tally import Census, DayMerger, Hour, Tally, tally

_BLOCKS_AT_ONCE = 1_000
_UNITS_AT_ONCE = 20_000  # whose values are read together: what bounds the memory, with the units of one block
# By arm: units that count, units left out, the newest first exposure.
People = dict[int, tuple[int, int, datetime | None]]
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)

_TAKE = """
WITH gone AS (DELETE FROM unsettled WHERE experiment_id = $1 RETURNING hour, shard)
SELECT DISTINCT hour, shard FROM gone ORDER BY hour, shard
"""

_UNITS = """
SELECT e.hour, e.shard, e.variant, count(*) FILTER (WHERE NOT e.crossed) AS units,
       count(*) FILTER (WHERE e.crossed) AS crossed, max(e.exposed_at) AS newest
FROM unnest($2::int[], $3::int[]) AS block (hour, shard)
    JOIN exposure e ON e.experiment_id = $1 AND e.hour = block.hour AND e.shard = block.shard
WHERE e.exposed_at < $4
GROUP BY e.hour, e.shard, e.variant
"""

# Sums of floats depend on their order: within a unit it is that of time, then of what tells outcomes apart. The lateral
# part is one look into the key's index per unit and metric, so that the work follows the blocks, not the whole table.
_VALUES = """
SELECT hour, shard, variant, metric, array_agg(top) AS top, array_agg(bottom) AS bottom,
       array_agg(pre_top) AS pre_top, array_agg(pre_bottom) AS pre_bottom
FROM (
    SELECT e.hour, e.shard, e.variant, wanted.metric,
           coalesce(sum(found.value) FILTER (WHERE NOT wanted.below), 0) AS top,
           coalesce(sum(found.value) FILTER (WHERE wanted.below), 0) AS bottom,
           coalesce(sum(found.pre_value) FILTER (WHERE NOT wanted.below), 0) AS pre_top,
           coalesce(sum(found.pre_value) FILTER (WHERE wanted.below), 0) AS pre_bottom
    FROM unnest($2::int[], $3::int[]) AS block (hour, shard)
        JOIN exposure e ON e.experiment_id = $1 AND e.hour = block.hour AND e.shard = block.shard
        CROSS JOIN unnest($5::int[], $6::text[], $7::bool[], $8::bool[]) AS wanted (metric, name, below, happened)
        CROSS JOIN LATERAL (
            SELECT CASE WHEN wanted.happened
                       THEN (max(o.value) FILTER (WHERE o.at >= e.exposed_at) > 0)::int
                       ELSE sum(o.value ORDER BY o.at, o.ref, o.value) FILTER (WHERE o.at >= e.exposed_at)
                   END AS value,
                   CASE WHEN wanted.happened
                       THEN (max(o.value) FILTER (WHERE o.at < e.exposed_at) > 0)::int
                       ELSE sum(o.value ORDER BY o.at, o.ref, o.value) FILTER (WHERE o.at < e.exposed_at)
                   END AS pre_value
            FROM outcome o
            WHERE o.workspace = $9 AND o.metric = wanted.name AND o.unit = e.unit
                AND o.at >= e.exposed_at - $10::interval AND o.at < e.exposed_at + $11::interval AND o.at < $4
        ) AS found
    WHERE NOT e.crossed AND e.exposed_at < $4 AND (found.value IS NOT NULL OR found.pre_value IS NOT NULL)
    GROUP BY e.hour, e.shard, e.variant, wanted.metric, e.unit
) AS per_unit
GROUP BY hour, shard, variant, metric
"""

_KEEP = """
INSERT INTO block (experiment_id, hour, shard, units, crossed, newest, numbers)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (experiment_id, hour, shard) DO UPDATE SET
    units = excluded.units, crossed = excluded.crossed, newest = excluded.newest, numbers = excluded.numbers
"""

_CENSUS = """
SELECT hour, array_agg(units ORDER BY place) AS units, array_agg(crossed ORDER BY place) AS crossed,
       array_agg(newest ORDER BY place) AS newest
FROM (
    SELECT hour, part.place, sum(part.units) AS units, sum(part.crossed) AS crossed, max(part.newest) AS newest
    FROM block, unnest(units, crossed, newest) WITH ORDINALITY AS part (units, crossed, newest, place)
    WHERE experiment_id = $1 GROUP BY hour, part.place
) AS per_arm
GROUP BY hour ORDER BY hour
"""


class Blocks:
    """The blocks of one workspace's experiments. Whoever settles must have claimed the experiment's readout."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def settle(self, experiment: Experiment) -> bool:
        """Compute again every block with new facts; False when there was none.

        The marks go in a statement of their own before anything is read: every fact that one of them stands for is
        visible to what is read next, and a fact that comes meanwhile leaves its own mark for the next time.
        """
        rows = await self._driver.fetch(_TAKE, experiment.id)
        blocks = [Block(row["hour"], row["shard"]) for row in rows]
        # Right after a burst, before the tables are analysed, the planner takes them for tiny and would scan them.
        await self._driver.execute("SET LOCAL enable_seqscan = off")
        for start in range(0, len(blocks), _BLOCKS_AT_ONCE):
            await self._compute(experiment, blocks[start : start + _BLOCKS_AT_ONCE])
        await self._driver.execute("SET LOCAL enable_seqscan = on")
        return bool(blocks)

    async def add_up(self, experiment: Experiment) -> Tally:
        """What all blocks add up to, up to the moment that every arm has reached."""
        layout, plan = experiment.plan.layout, experiment.plan
        rows = await self._driver.fetch(_CENSUS, experiment.id)
        hours = (Hour(row["hour"], tuple(row["units"]), tuple(row["crossed"]), tuple(row["newest"])) for row in rows)
        census = Census(layout.arms, tuple(hours), plan.in_step, waits=experiment.stopped_at is None)
        days = DayMerger(layout)
        async for hour, numbers in self._up_to(experiment.id, census.watermark):
            days.add(hour, numbers)
        return tally(layout, census, plan.shares, days.total())

    async def reopen(self, experiment_id: UUID, *, since: datetime | None = None) -> None:
        """Mark blocks to be computed again: all, or those with exposures `since` then."""
        await self._driver.execute(
            "INSERT INTO unsettled (experiment_id, hour, shard)"
            " SELECT DISTINCT experiment_id, hour, shard FROM exposure"
            " WHERE experiment_id = $1 AND ($2::timestamptz IS NULL OR exposed_at >= $2)",
            experiment_id,
            since,
        )
        if since is None:
            await self._driver.execute("DELETE FROM block WHERE experiment_id = $1", experiment_id)

    async def wake(self, experiment_id: UUID) -> None:
        """Have the readout looked at although no unit has changed."""
        await self._driver.execute(
            "INSERT INTO unsettled (experiment_id, hour, shard) VALUES ($1, 0, 0)", experiment_id
        )

    async def rest(self, experiment_id: UUID) -> None:
        """Undo `wake`, before what it stands for is read."""
        await self._driver.execute("DELETE FROM unsettled WHERE experiment_id = $1", experiment_id)

    async def _compute(self, experiment: Experiment, blocks: Sequence[Block]) -> None:
        arms, found = experiment.plan.layout.arms, dict[Block, People]()
        stopped_at = experiment.stopped_at or _NEVER
        for row in await self._driver.fetch(_UNITS, experiment.id, *_columns(blocks), stopped_at):
            people = found.setdefault(Block(row["hour"], row["shard"]), {})
            people[arms.index(row["variant"])] = (row["units"], row["crossed"], row["newest"])
        for some in _parts(found):
            values = await self._values(experiment, some, stopped_at)
            await self._keep(experiment, {block: (found[block], values.get(block, {})) for block in some})
        empty = [block for block in blocks if block not in found]
        await self._driver.execute(
            "DELETE FROM block WHERE experiment_id = $1 AND (hour, shard) IN"
            " (SELECT * FROM unnest($2::int[], $3::int[]))",
            experiment.id,
            *_columns(empty),
        )

    async def _keep(
        self, experiment: Experiment, found: Mapping[Block, tuple[People, dict[tuple[int, int], Values]]]
    ) -> None:
        layout = experiment.plan.layout
        rows = []
        for block, (people, values) in found.items():
            in_order = [people.get(arm, (0, 0, None)) for arm in range(len(layout.arms))]
            units, crossed, newest = zip(*in_order, strict=True)
            computed = block_statistics(layout, units, crossed, newest, values)
            rows.append((experiment.id, block.hour, block.shard, units, crossed, newest, computed.numbers))
        await self._driver.executemany(_KEEP, rows)

    async def _values(
        self, experiment: Experiment, blocks: Sequence[Block], stopped_at: datetime
    ) -> dict[Block, dict[tuple[int, int], Values]]:
        """By block and (arm, metric): a row for each unit about which something was measured."""
        plan, layout = experiment.plan, experiment.plan.layout
        wanted = layout.wanted
        rows = await self._driver.fetch(
            _VALUES,
            experiment.id,
            *_columns(blocks),
            stopped_at,
            [one.metric for one in wanted],
            [one.name for one in wanted],
            [one.below for one in wanted],
            [one.happened for one in wanted],
            self._workspace,
            plan.look_back,
            plan.outcome_window,
        )
        found: dict[Block, dict[tuple[int, int], Values]] = {}
        for row in rows:
            four = (np.asarray(row[name], dtype=float) for name in ("top", "bottom", "pre_top", "pre_bottom"))
            place = (layout.arms.index(row["variant"]), row["metric"])
            found.setdefault(Block(row["hour"], row["shard"]), {})[place] = layout.columns(*four)
        return found

    async def _up_to(self, experiment_id: UUID, hour: int | None) -> AsyncIterator[tuple[int, Sequence[float]]]:
        """The blocks in order, until that hour."""
        rows = self._driver.cursor(
            "SELECT hour, numbers FROM block"
            " WHERE experiment_id = $1 AND ($2::int IS NULL OR hour <= $2) ORDER BY hour, shard",
            experiment_id,
            hour,
            prefetch=500,
        )
        async for row in rows:
            yield row["hour"], row["numbers"]


def _columns(blocks: Sequence[Block]) -> tuple[list[int], list[int]]:
    return [one.hour for one in blocks], [one.shard for one in blocks]


def _parts(found: Mapping[Block, People]) -> Iterator[list[Block]]:
    """The blocks, so many at a time as have _UNITS_AT_ONCE units together."""
    part, size = list[Block](), 0
    for block, people in found.items():
        part.append(block)
        size += sum(units for units, _, _ in people.values())
        if size >= _UNITS_AT_ONCE:
            yield part
            part, size = [], 0
    if part:
        yield part
