"""Experiments without any effect (or with one), looked at by every method after every single unit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.experiments.statistics.confidence_sequence import multipliers, one_sided_multipliers
from services.experiments.statistics.effect import MINIMUM_EVENTS, MINIMUM_UNITS
from services.experiments.statistics.group_sequential import spending_bounds
from services.experiments.statistics.hybrid import decision_multiplier
from services.experiments.statistics.intervals import fixed_multiplier
from services.experiments.statistics.moments import Floats

ALPHA = 0.05
GBSTATS_TUNING = 5_000
LOOKS = 14  # of the spending rule: once a day for two weeks
SEED = 20_261_122
_STREAMS_AT_ONCE, _EVENTS_AT_ONCE = 125, 500  # so that a block fits the processor's cache


@dataclass(frozen=True)
class Bounds:
    """Every method's multiplier after 1, 2, … events; infinite where the method does not look."""

    planned: int
    live: Floats
    naive: Floats
    gbstats: Floats
    guardrail: Floats
    hybrid: Floats  # the live one before the planned size, the decision's there, and nothing after it
    spending: Floats

    @classmethod
    def over(cls, events: int, planned: int) -> "Bounds":
        n = np.arange(1, events + 1, dtype=float)
        live = multipliers(n, alpha=ALPHA, planned_units=planned)
        hybrid = np.where(n < planned, live, np.inf)
        hybrid[planned - 1] = decision_multiplier(1.0, alpha=ALPHA)
        fractions = [look / LOOKS for look in range(1, LOOKS + 1)]
        spending = np.full(events, np.inf)
        for fraction, bound in zip(fractions, spending_bounds(fractions, alpha=ALPHA), strict=True):
            spending[round(fraction * planned) - 1] = bound
        return cls(
            planned,
            live,
            np.full(events, fixed_multiplier(ALPHA)),
            multipliers(n, alpha=ALPHA, planned_units=GBSTATS_TUNING),
            one_sided_multipliers(n, alpha=ALPHA, planned_units=planned),
            hybrid,
            spending,
        )


@dataclass
class Claimed:
    """For each stream, whether the method has ever excluded 0; and what one single look at the planned size said."""

    streams: int
    by_method: dict[str, NDArray[np.bool_]] = field(default_factory=dict)

    def add(self, method: str, streams: slice, beyond: NDArray[np.bool_]) -> None:
        """`beyond` has a row per stream."""
        every = self.by_method.setdefault(method, np.zeros(self.streams, dtype=bool))
        every[streams] |= beyond.reshape(beyond.shape[0], -1).any(axis=1)

    def share(self, method: str) -> float:
        return float(self.by_method[method].mean())


class Case:
    """A kind of values: conversions at a rate (the treatment's is higher by `lift`), or log-normal ones without it."""

    def __init__(self, name: str, rate: float | None, lift: float = 0.0) -> None:
        self.name = name
        self._rate = rate
        self._lift = lift

    def values(self, random: np.random.Generator, treated: NDArray[np.bool_]) -> Floats:
        if self._rate is None:
            # ln N(0, 1), less its mean: sums of squares do not cancel here
            return np.exp(random.standard_normal(treated.shape)) - np.exp(0.5)
        rate = np.where(treated, self._rate + self._lift, self._rate) if self._lift else self._rate
        return (random.random(treated.shape, dtype=np.float32) < rate).astype(float)

    @property
    def is_rate(self) -> bool:
        return self._rate is not None


def simulate(case: Case, bounds: Bounds, *, streams: int, events: int, say: Callable[[str], None]) -> Claimed:
    """Streams of units, each sent to an arm by a coin, looked at after every unit by every method."""
    random, claimed = np.random.default_rng(SEED), Claimed(streams)
    for first in range(0, streams, _STREAMS_AT_ONCE):
        some = slice(first, min(first + _STREAMS_AT_ONCE, streams))
        _run(case, bounds, claimed, some, random=random, events=events)
        say(f"  {case.name}: {some.stop:,} of {streams:,} streams")
    return claimed


def _run(
    case: Case, bounds: Bounds, claimed: Claimed, some: slice, *, random: np.random.Generator, events: int
) -> None:
    rows = some.stop - some.start
    before = np.zeros((5, rows, 1))  # units treated, sum, sum treated, squares, squares treated
    for start in range(0, events, _EVENTS_AT_ONCE):
        stop = min(start + _EVENTS_AT_ONCE, events)
        treated = random.random((rows, stop - start), dtype=np.float32) < 0.5
        values = case.values(random, treated)
        parts = [treated, values, values * treated]
        if not case.is_rate:
            squares = values * values
            parts += [squares, squares * treated]
        totals = [np.cumsum(part, axis=1, dtype=float) + before[row] for row, part in enumerate(parts)]
        for row, total in enumerate(totals):
            before[row] = total[:, -1:]
        z = _z(np.arange(start + 1, stop + 1, dtype=float), totals, case)
        _look(bounds, claimed, some, z, slice(start, stop))


def _z(n: Floats, totals: Sequence[Floats], case: Case) -> Floats:
    """The effect in standard errors after each event, 0 while the numbers are hidden. As `contrast`, on raw sums."""
    treated, total, of_treated = totals[:3]
    control, of_control = n - treated, total - of_treated
    hidden = np.minimum(control, treated) < MINIMUM_UNITS
    if case.is_rate:
        hidden |= np.minimum(total, n - total) < MINIMUM_EVENTS
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_c, mean_t = of_control / control, of_treated / treated
        if case.is_rate:
            variance = mean_c * (1 - mean_c) / control + mean_t * (1 - mean_t) / treated
        else:
            squares, squares_t = totals[3:]
            variance = ((squares - squares_t) / control - mean_c**2) / (control - 1)
            variance += (squares_t / treated - mean_t**2) / (treated - 1)
        z = (mean_t - mean_c) / np.sqrt(variance)
    z[hidden | ~np.isfinite(z)] = 0.0
    return z


def _look(bounds: Bounds, claimed: Claimed, some: slice, z: Floats, at: slice) -> None:
    claimed.add("guardrail", some, z > bounds.guardrail[at])
    np.abs(z, out=z)
    for method in ("live", "naive", "gbstats", "hybrid", "spending"):
        wide = getattr(bounds, method)[at]
        if np.isfinite(wide).any():
            claimed.add(method, some, z > wide)
    planned = bounds.planned - 1
    if at.start <= planned < at.stop:
        claimed.add("once", some, z[:, planned - at.start] > bounds.naive[planned])
    upto = z[:, : max(0, min(at.stop, bounds.planned) - at.start)]
    if upto.shape[1]:
        claimed.add("live by N", some, upto > bounds.live[at][: upto.shape[1]])
