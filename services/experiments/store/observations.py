"""What was observed: first exposures and outcomes, in bulk, each marking the blocks that it changes."""

from collections.abc import Sequence

import asyncpg

from contracts.experiments import ObservationMeasured
from services.experiments.domain.observation import FirstExposure

_EXPOSE = """
WITH changed AS (
    INSERT INTO exposure AS known (experiment_id, unit, variant, exposed_at, crossed, hour, shard)
    SELECT * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::boolean[], $7::int[], $8::int[])
        AS item (experiment_id, unit, variant, exposed_at, crossed, hour, shard)
    WHERE experiment_id IN (SELECT id FROM experiment WHERE workspace = $1)
    ON CONFLICT (experiment_id, unit) DO UPDATE SET
        crossed = known.crossed OR excluded.crossed OR known.variant <> excluded.variant,
        exposed_at = least(known.exposed_at, excluded.exposed_at),
        hour = least(known.hour, excluded.hour),
        variant = CASE WHEN (excluded.exposed_at, excluded.variant COLLATE "C") <
            (known.exposed_at, known.variant COLLATE "C") THEN excluded.variant ELSE known.variant END
    WHERE excluded.exposed_at < known.exposed_at
        OR NOT known.crossed AND (excluded.crossed OR excluded.variant <> known.variant)
    RETURNING new.experiment_id, old.hour AS before, new.hour, new.shard
)
INSERT INTO unsettled (experiment_id, hour, shard)
SELECT experiment_id, hour, shard FROM changed
UNION SELECT experiment_id, before, shard FROM changed WHERE before IS NOT NULL
"""

_MEASURE = """
WITH new AS (
    INSERT INTO outcome (workspace, metric, unit, at, ref, value)
    SELECT $1, * FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::float8[])
    ON CONFLICT DO NOTHING
    RETURNING metric, unit, at
)
INSERT INTO unsettled (experiment_id, hour, shard)
SELECT DISTINCT e.experiment_id, e.hour, e.shard
FROM new JOIN experiment x ON x.workspace = $1 AND x.status IN ('running', 'stopped') AND new.metric = ANY (x.metrics)
    JOIN exposure e ON e.experiment_id = x.id AND e.unit = new.unit
WHERE new.at >= e.exposed_at - x.look_back AND new.at < e.exposed_at + x.outcome_window
"""


class Observations:
    """What was observed about the units of one workspace. Call `alone` before anything is added."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def alone(self) -> None:
        """Wait until nobody else adds observations to this workspace; held to the end of the transaction.

        An outcome and its unit's exposure, added by two transactions that do not see each other, would both leave the
        unit's block unmarked, and the outcome would never count.
        """
        lock = f"observations/{self._workspace}"
        await self._driver.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", lock)

    async def expose(self, exposures: Sequence[FirstExposure]) -> None:
        """Join each with what is known of its unit, as `FirstExposure.joined` does."""
        await self._driver.execute(
            _EXPOSE,
            self._workspace,
            [one.experiment_id for one in exposures],
            [one.unit for one in exposures],
            [one.variant for one in exposures],
            [one.at for one in exposures],
            [one.crossed for one in exposures],
            [one.block.hour for one in exposures],
            [one.block.shard for one in exposures],
        )

    async def measure(self, outcomes: Sequence[ObservationMeasured]) -> None:
        """Keep outcomes, also of units nobody has heard of yet: their exposure may be late. One twice is one."""
        await self._driver.execute(
            _MEASURE,
            self._workspace,
            [one.metric for one in outcomes],
            [one.unit for one in outcomes],
            [one.at for one in outcomes],
            [one.ref or "" for one in outcomes],
            [one.value + 0.0 for one in outcomes],  # there is one zero: -0.0 would be kept if it came first
        )
