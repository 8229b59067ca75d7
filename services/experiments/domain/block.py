"""How an experiment's units are divided, so that only the parts with new facts are computed again. Pure.

A unit belongs to one block: the hour of its first exposure, and one of 16 shards by the hash of its name. Both follow
from the unit's final state alone, and so does everything computed from blocks: whatever order the facts came in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from contracts.experiments import Metric
from services.experiments.statistics.moments import Moments

SHARDS = 16
_HOUR_SECONDS = 3_600

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, order=True)
class Block:
    """Hours since 1970 (UTC) of the first exposure, and the shard."""

    hour: int
    shard: int


def block_of(unit: str, exposed_at: datetime) -> Block:
    """The block of a unit whose first exposure was then."""
    return Block(int(exposed_at.timestamp() // _HOUR_SECONDS), crc32(unit.encode()) % SHARDS)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An outcome that a metric is made of: which metric, by its place; what tools call it; whether it is the divisor.

    `happened`: only whether a value was positive counts, not how much.
    """

    metric: int
    name: str
    below: bool
    happened: bool


@dataclass(frozen=True)
class Layout:
    """What is kept of each arm and metric, and in which order: every arm, and within it every metric.

    Values per unit are (value), (value, denominator) if any metric is a ratio, and the same of the time before the
    exposure behind them if the plan looks back. A metric without a denominator has zeros there.
    """

    arms: tuple[str, ...]
    metrics: tuple[Metric, ...]
    looks_back: bool = False

    @property
    def has_ratio(self) -> bool:
        return any(metric.kind == "ratio" for metric in self.metrics)

    @property
    def variables(self) -> int:
        return (2 if self.has_ratio else 1) * (2 if self.looks_back else 1)

    @property
    def places(self) -> int:
        return len(self.arms) * len(self.metrics)

    @property
    def wanted(self) -> list[Wanted]:
        """Every outcome that is needed."""
        above = [Wanted(n, one.name, False, one.kind == "conversion") for n, one in enumerate(self.metrics)]
        return above + [
            Wanted(n, one.denominator, True, False) for n, one in enumerate(self.metrics) if one.denominator
        ]

    def place(self, arm: int, metric: int) -> int:
        return arm * len(self.metrics) + metric

    def columns(self, top: Values, bottom: Values, pre_top: Values, pre_bottom: Values) -> Values:
        """One row per unit, of the values that are kept."""
        kept = [top, *([bottom] if self.has_ratio else [])]
        if self.looks_back:
            kept += [pre_top, *([pre_bottom] if self.has_ratio else [])]
        return np.stack(kept, axis=1)

    def of_metric(self, all_moments: Moments, arm: str, metric: Metric) -> Moments:
        """Of one arm and metric: exactly the values that its kind has."""
        place = self.place(self.arms.index(arm), [one.name for one in self.metrics].index(metric.name))
        found = Moments(all_moments.n[place], all_moments.means[place], all_moments.products[place])
        if not self.has_ratio or metric.kind == "ratio":
            return found
        return found.select(0, 2) if self.looks_back else found.select(0)


@dataclass(frozen=True)
class BlockStatistics:
    """Of one block, per arm: units that count, units left out (seen in two arms), the newest exposure; and the moments.

    `numbers` are those of `Moments.numbers()` for every place of the layout, one after the other.
    """

    units: tuple[int, ...]
    crossed: tuple[int, ...]
    newest: tuple[datetime | None, ...]
    numbers: tuple[float, ...]


def block_statistics(
    layout: Layout,
    units: Sequence[int],
    crossed: Sequence[int],
    newest: Sequence[datetime | None],
    values: Mapping[tuple[int, int], Values],
) -> BlockStatistics:
    """Of a block's units; `values` has, by (arm, metric), a row for each unit about which something was measured.

    All other units count as 0. The same bits in whatever order the rows come.
    """
    none = np.zeros((0, layout.variables))
    places = [(arm, metric) for arm in range(len(layout.arms)) for metric in range(len(layout.metrics))]
    measured = Moments.stack([Moments.of(values.get(place, none)) for place in places])
    missing = np.array([float(units[arm]) for arm, _ in places]) - measured.n
    total = measured.merge(Moments(missing, np.zeros_like(measured.means), np.zeros_like(measured.products)))
    numbers = [number for row in total.numbers() for number in row]
    return BlockStatistics(tuple(units), tuple(crossed), tuple(newest), tuple(numbers))
