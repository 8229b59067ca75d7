"""What an experiment's blocks add up to: units, health and moments, all arms up to the same moment. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from contracts.experiments import Metric
from services.experiments.domain.block import Layout
from services.experiments.statistics.moments import Moments

STALE_AFTER = timedelta(hours=6)
STALE_UNITS = 12.0  # so many units that an arm should have had and had not are chance once in 160,000 times
_TRAFFIC_HOURS = 7 * 24
_HOURS_PER_DAY = 24


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of first exposures, in the order of the arms."""

    hour: int
    units: tuple[int, ...]
    crossed: tuple[int, ...]
    newest: tuple[datetime | None, ...]

    @property
    def seen(self) -> tuple[int, ...]:
        """Units exposed per arm, also those that are left out: an arm that is shown at all is not stale."""
        return tuple(units + crossed for units, crossed in zip(self.units, self.crossed, strict=True))


@dataclass(frozen=True)
class Census:
    """Who was exposed when. `hours` in order.

    `in_step`: arms run side by side, so that one may fall behind. `waits`: they are read up to the same moment.
    """

    arms: tuple[str, ...]
    hours: tuple[Hour, ...] = ()
    in_step: bool = True
    waits: bool = True

    @property
    def watermark(self) -> int | None:
        """The last hour that every arm has reached; None where arms do not wait, or one has not begun.

        Units of later hours wait, so that a delay between the arms' reports is no difference between the arms.
        """
        reached = [max((one.hour for one in self.hours if one.seen[arm]), default=None) for arm in self._places]
        known = [hour for hour in reached if hour is not None]
        return min(known) if self.in_step and self.waits and len(known) == len(self.arms) else None

    @property
    def counted(self) -> tuple[Hour, ...]:
        limit = self.watermark
        return tuple(one for one in self.hours if limit is None or one.hour <= limit)

    @property
    def newest(self) -> tuple[datetime | None, ...]:
        """The newest first exposure of each arm."""
        moments = ([one.newest[arm] for one in self.hours] for arm in self._places)
        return tuple(max((at for at in found if at is not None), default=None) for found in moments)

    def stale(self, shares: Sequence[float]) -> tuple[str, ...]:
        """The arms that have fallen behind: STALE_AFTER the newest exposure of another arm, and by STALE_UNITS units.

        Event time against event time, so that a pause of all arms, or of the platform, makes none stale.
        """
        known = [at for at in self.newest if at is not None]
        if not known or not self.in_step:
            return ()
        return tuple(self.arms[arm] for arm in self._places if self._behind(arm, max(known), shares[arm]))

    def _behind(self, arm: int, newest: datetime, share: float) -> bool:
        own = self.newest[arm]
        since = -1 if own is None else int(own.timestamp() // 3_600)
        first = min((one.hour for one in self.hours), default=0)
        lag = newest - own if own else timedelta(hours=max(one.hour for one in self.hours) - first)
        others = sum(sum(one.seen) for one in self.hours if one.hour > since)
        return lag > STALE_AFTER and others * share / (1 - share) > STALE_UNITS

    @property
    def _places(self) -> range:
        return range(len(self.arms))


@dataclass(frozen=True)
class Tally:
    """What was counted up to the watermark. `units` per arm; `crossed` were seen in two arms and are in no number.

    `waiting` units are exposed after the watermark. `units_per_day` is the traffic of the last week that was counted,
    None without any. `until` is the newest exposure that counts.
    """

    layout: Layout
    units: Mapping[str, int]
    crossed: int
    waiting: int
    stale: tuple[str, ...]
    units_per_day: float | None
    until: datetime | None
    moments: Moments = field(compare=False)

    @property
    def total(self) -> int:
        return sum(self.units.values())

    @property
    def crossed_share(self) -> float:
        seen = self.total + self.crossed
        return self.crossed / seen if seen else 0.0

    def of(self, metric: Metric, arm: str) -> Moments:
        """Of all the arm's units; those about which nothing was measured count as 0."""
        return self.layout.of_metric(self.moments, arm, metric)

    def as_json(self) -> dict[str, Any]:
        """Everything but the layout, such that `from_json` gives the same bits."""
        return {
            "units": dict(self.units),
            "crossed": self.crossed,
            "waiting": self.waiting,
            "stale": list(self.stale),
            "units_per_day": self.units_per_day,
            "until": self.until.isoformat() if self.until else None,
            "numbers": self.moments.numbers(),
        }

    @classmethod
    def from_json(cls, layout: Layout, found: Mapping[str, Any]) -> "Tally":
        numbers = np.asarray(found["numbers"]).reshape(layout.places, -1)
        until = datetime.fromisoformat(found["until"]) if found["until"] else None
        moments = Moments.from_numbers(numbers, variables=layout.variables)
        rest = {name: found[name] for name in ("units", "crossed", "waiting", "units_per_day")}
        return cls(layout=layout, stale=tuple(found["stale"]), until=until, moments=moments, **rest)


def tally(layout: Layout, census: Census, shares: Sequence[float], moments: Moments) -> Tally:
    """Of the census and the moments of the hours that it counts."""
    counted = census.counted
    units = {arm: sum(one.units[place] for one in counted) for place, arm in enumerate(layout.arms)}
    newest = [at for one in counted for at in one.newest if at is not None]
    return Tally(
        layout=layout,
        units=units,
        crossed=sum(sum(one.crossed) for one in counted),
        waiting=sum(sum(one.units) for one in census.hours) - sum(units.values()),
        stale=census.stale(shares),
        units_per_day=_traffic(counted),
        until=max(newest, default=None),
        moments=moments,
    )


def no_tally(layout: Layout) -> Tally:
    """Of an experiment about which nothing was observed."""
    zeros = [Moments.empty(layout.variables)] * layout.places
    return tally(layout, Census(layout.arms), [0.5] * len(layout.arms), Moments.stack(zeros))


class DayMerger:
    """Adds up the moments of blocks, handed in in their order: those of each day first, then the days together.

    The same bits for the same blocks. Memory is that of one day's blocks and one part per day.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._days: list[Moments] = []
        self._day = 0
        self._parts: list[Sequence[float]] = []

    def add(self, hour: int, numbers: Sequence[float]) -> None:
        """One more block: its hour, and the numbers of its moments."""
        if self._parts and hour // _HOURS_PER_DAY != self._day:
            self._close()
        self._day = hour // _HOURS_PER_DAY
        self._parts.append(numbers)

    def total(self) -> Moments:
        """Of everything that was added."""
        if self._parts:
            self._close()
        if not self._days:
            return Moments.stack([Moments.empty(self._layout.variables)] * self._layout.places)
        return Moments.merge_all(self._days, variables=self._layout.variables)

    def _close(self) -> None:
        rows = np.array(self._parts).reshape(len(self._parts), self._layout.places, -1)
        found = Moments.from_numbers(rows, variables=self._layout.variables)
        filled = [n for n in range(len(rows)) if found.n[n].any()]  # not where every unit was seen in two arms
        parts = [Moments(found.n[n], found.means[n], found.products[n]) for n in filled]
        self._days += [Moments.merge_all(parts, variables=self._layout.variables)] if parts else []
        self._parts = []


def _traffic(hours: Sequence[Hour]) -> float | None:
    """Units per day over the last week of event time, or over what there is of it; None without any unit."""
    if not hours:
        return None
    last = hours[-1].hour
    recent = [one for one in hours if one.hour > last - _TRAFFIC_HOURS]
    span = max(last - recent[0].hour + 1, 1)
    units = sum(sum(one.units) for one in recent)
    return units * _HOURS_PER_DAY / span if units else None
