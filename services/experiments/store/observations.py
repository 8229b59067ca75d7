"""What was observed: first exposures and outcomes, in bulk; and what they add up to."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import asyncpg

from contracts.experiments import ObservationMeasured
from services.experiments.domain.experiment import Experiment
from services.experiments.domain.observation import FirstExposure
from services.experiments.domain.readout import Counted
from services.experiments.statistics.summary import Summary

# Postgres computes variances by Youngs and Cramer's update, numerically as stable as Welford's.
_COUNT = """
WITH seen AS (
    SELECT e.unit, e.variant, e.exposed_at, e.crossed, x.outcome_window,
           coalesce(x.stopped_at, 'infinity') AS stopped_at
    FROM exposure e JOIN experiment x ON x.id = e.experiment_id
    WHERE x.workspace = $1 AND x.id = $2 AND e.exposed_at < coalesce(x.stopped_at, 'infinity')
), per_unit AS (
    SELECT s.variant, o.metric,
           CASE WHEN o.metric = ANY($4::text[]) THEN (max(o.value) > 0)::int::float8 ELSE sum(o.value) END AS value
    FROM seen s JOIN outcome o ON o.workspace = $1 AND o.metric = ANY($3::text[]) AND o.unit = s.unit
        AND o.at >= s.exposed_at AND o.at < s.exposed_at + s.outcome_window AND o.at < s.stopped_at
    WHERE NOT s.crossed
    GROUP BY s.unit, s.variant, o.metric
)
SELECT variant, NULL AS metric, count(*) FILTER (WHERE NOT crossed) AS n,
       count(*) FILTER (WHERE crossed)::float8 AS mean, 0::float8 AS m2
FROM seen GROUP BY variant
UNION ALL
SELECT variant, metric, count(*), avg(value), var_pop(value) * count(*) FROM per_unit GROUP BY variant, metric
"""


class Observations:
    """What was observed about the units of one workspace."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def expose(self, exposures: Sequence[FirstExposure]) -> None:
        """Join each with what is known of its unit, as `FirstExposure.joined` does."""
        await self._driver.execute(
            "INSERT INTO exposure AS known (experiment_id, unit, variant, exposed_at, crossed)"
            " SELECT * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::boolean[])"
            " AS new (experiment_id, unit, variant, exposed_at, crossed)"
            " WHERE experiment_id IN (SELECT id FROM experiment WHERE workspace = $1)"
            " ORDER BY experiment_id, unit"  # one lock order for everybody: no deadlocks between replicas
            " ON CONFLICT (experiment_id, unit) DO UPDATE SET"
            " crossed = known.crossed OR excluded.crossed OR known.variant <> excluded.variant,"
            " exposed_at = least(known.exposed_at, excluded.exposed_at),"
            ' variant = CASE WHEN (excluded.exposed_at, excluded.variant COLLATE "C") <'
            ' (known.exposed_at, known.variant COLLATE "C") THEN excluded.variant ELSE known.variant END'
            " WHERE excluded.exposed_at < known.exposed_at OR excluded.variant <> known.variant OR excluded.crossed",
            self._workspace,
            [one.experiment_id for one in exposures],
            [one.unit for one in exposures],
            [one.variant for one in exposures],
            [one.at for one in exposures],
            [one.crossed for one in exposures],
        )

    async def measure(self, outcomes: Sequence[ObservationMeasured]) -> None:
        """Keep outcomes, also of units nobody has heard of yet: their exposure may be late."""
        records = [(self._workspace, one.metric, one.unit, one.at, one.value) for one in outcomes]
        columns = ("workspace", "metric", "unit", "at", "value")
        await self._driver.copy_records_to_table("outcome", records=records, columns=columns)

    async def wake(self, experiment_ids: Iterable[UUID]) -> None:
        """Have the readouts of these experiments looked at again."""
        await self._driver.execute(
            "INSERT INTO wake (experiment_id) SELECT id FROM experiment WHERE workspace = $1 AND id = ANY($2::uuid[])",
            self._workspace,
            list(experiment_ids),
        )

    async def count(self, experiment: Experiment) -> Counted:
        """What the experiment's exposures and outcomes add up to, all of it at one moment."""
        plan = experiment.plan
        # Before the tables are analysed, as right after a burst, the planner takes them for tiny and joins in a nested
        # loop: quadratic. Nothing here is ever better off with one.
        await self._driver.execute("SET LOCAL enable_nestloop = off")
        rows = await self._driver.fetch(
            _COUNT,
            self._workspace,
            experiment.id,
            plan.metric_names,
            [metric.name for metric in plan.metrics if metric.kind == "conversion"],
        )
        await self._driver.execute("SET LOCAL enable_nestloop = on")
        units = {row["variant"]: row["n"] for row in rows if row["metric"] is None}
        excluded = sum(int(row["mean"]) for row in rows if row["metric"] is None)
        summaries = {
            (row["metric"], row["variant"]): Summary(row["n"], row["mean"], row["m2"])
            for row in rows
            if row["metric"] is not None
        }
        return Counted(units, excluded, summaries)
