"""The stream's bookkeeping in memory, of the domain's own parts: what the database must come to, bit for bit."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from functools import reduce
from operator import add
from typing import Any
from uuid import UUID

import numpy as np

from contracts.event import Event
from contracts.experiments import ObservationExposed, ObservationMeasured
from services.experiments.domain.block import Block, BlockStatistics, block_statistics
from services.experiments.domain.observation import FirstExposure, Open, countable, first_exposures
from services.experiments.domain.plan import Plan
from services.experiments.domain.tally import Census, DayMerger, Hour, Tally, tally
from services.experiments.tests.support import BEGINNING

_ID = UUID(int=1)
Outcome = tuple[str, str, Any, str, float]


class Model:
    """One running experiment. `receive` takes facts, `settle` computes the blocks that have new ones."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.layout = plan, plan.layout
        arms, metrics = frozenset(plan.layout.arms), frozenset(plan.outcomes)
        self.open = [Open(_ID, plan.key, arms, metrics, BEGINNING - plan.look_back, BEGINNING, None)]
        self.exposures: dict[str, FirstExposure] = {}
        self.outcomes: dict[str, set[Outcome]] = {}
        self.unsettled: set[Block] = set()
        self.blocks: dict[Block, BlockStatistics] = {}

    def receive(self, events: Iterable[Event]) -> None:
        events = list(events)
        for one in first_exposures([event for event in events if isinstance(event, ObservationExposed)], self.open):
            self._expose(one)
        for event in countable([event for event in events if isinstance(event, ObservationMeasured)], self.open):
            self._measure((event.metric, event.unit, event.at, event.ref or "", event.value))

    def _expose(self, one: FirstExposure) -> None:
        known = self.exposures.get(one.unit)
        joined = known.joined(one) if known else one
        if joined != known:
            self.unsettled |= {joined.block} | ({known.block} if known else set())
            self.exposures[one.unit] = joined

    def _measure(self, outcome: Outcome) -> None:
        exposure, known = self.exposures.get(outcome[1]), self.outcomes.setdefault(outcome[1], set())
        if outcome in known:
            return
        known.add(outcome)
        if exposure and -self.plan.look_back <= outcome[2] - exposure.at < self.plan.outcome_window:
            self.unsettled.add(exposure.block)

    def settle(self) -> None:
        for block in self.unsettled:
            self.blocks.pop(block, None)
            units = [one for one in self.exposures.values() if one.block == block]
            if units:
                self.blocks[block] = self._computed(units)
        self.unsettled = set()

    def restart(self) -> None:
        """Only what is stored survives, in the form in which it is stored."""
        for block, found in self.blocks.items():
            numbers = json.loads(json.dumps(found.numbers))
            self.blocks[block] = replace(found, numbers=tuple(numbers))

    def rebuild(self) -> None:
        self.blocks, self.unsettled = {}, {one.block for one in self.exposures.values()}

    def tally(self) -> Tally:
        self.settle()
        ordered = sorted(self.blocks)
        hours = [self._hour(hour) for hour in sorted({block.hour for block in ordered})]
        census = Census(self.layout.arms, tuple(hours), self.plan.in_step)
        days = DayMerger(self.layout)
        for block in ordered:
            if census.watermark is None or block.hour <= census.watermark:
                days.add(block.hour, self.blocks[block].numbers)
        return tally(self.layout, census, self.plan.shares, days.total())

    def _hour(self, hour: int) -> Hour:
        found = [one for block, one in self.blocks.items() if block.hour == hour]
        arms = range(len(self.layout.arms))
        newest = [[one.newest[arm] for one in found if one.newest[arm]] for arm in arms]
        return Hour(
            hour,
            tuple(sum(one.units[arm] for one in found) for arm in arms),
            tuple(sum(one.crossed[arm] for one in found) for arm in arms),
            tuple(max((at for at in of_arm if at), default=None) for of_arm in newest),
        )

    def _computed(self, units: list[FirstExposure]) -> BlockStatistics:
        by_arm = [[one for one in units if one.variant == arm] for arm in self.layout.arms]
        values: dict[tuple[int, int], Any] = {}
        for arm, found in enumerate(by_arm):
            for metric in range(len(self.layout.metrics)):
                rows = [row for one in found if not one.crossed for row in self._row(one, metric)]
                if rows:
                    values[arm, metric] = self.layout.columns(*(np.array(column) for column in zip(*rows, strict=True)))
        return block_statistics(
            self.layout,
            [sum(not one.crossed for one in found) for found in by_arm],
            [sum(one.crossed for one in found) for found in by_arm],
            [max((one.at for one in found), default=None) for found in by_arm],
            values,
        )

    def _row(self, unit: FirstExposure, metric: int) -> list[tuple[float, float, float, float]]:
        """The unit's values, or nothing if nothing was measured about it."""
        sums = {}
        for wanted in (one for one in self.layout.wanted if one.metric == metric):
            for before in (False, True):
                sums[before, wanted.below] = self._sum(unit, wanted.name, before, wanted.happened)
        if all(found is None for found in sums.values()):
            return []
        places = ((False, False), (False, True), (True, False), (True, True))
        top, bottom, pre_top, pre_bottom = (sums.get(place) or 0.0 for place in places)
        return [(top, bottom, pre_top, pre_bottom)]

    def _sum(self, unit: FirstExposure, name: str, before: bool, happened: bool) -> float | None:
        since = -self.plan.look_back if before else timedelta(0)
        until = timedelta(0) if before else self.plan.outcome_window
        found = sorted(
            (at, ref, value)
            for metric, _, at, ref, value in self.outcomes.get(unit.unit, ())
            if metric == name and since <= at - unit.at < until
        )
        if not found:
            return None
        values = [value for _, _, value in found]
        # Not `sum`, which compensates since Python 3.12 and Postgres does not.
        return float(max(values) > 0) if happened else reduce(add, values, 0.0)
