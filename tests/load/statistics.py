"""Whether the statistics keep their promises: error while looking at every event, width, power, and speed.

    make bench-statistics    # python -m tests.load.statistics [--streams 4000] [--events 100000]

The error is measured by simulating experiments without any effect and asking after every single unit whether the
interval excludes 0; the first look is at the burn-in that the live readout also hides numbers below (100 units per arm;
for rates also 10 conversions). Beside our methods stand the textbook's interval, looked at as often, and the sequential
interval of gbstats with its default tuning to 5,000 units. Every figure is printed with its bar.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from math import ceil, sqrt
from pathlib import Path

import numpy as np

from services.experiments.statistics.confidence_sequence import multipliers
from services.experiments.statistics.effect import estimate_decision_all, estimate_fixed_all, estimate_live_all
from services.experiments.statistics.group_sequential import spending_bounds
from services.experiments.statistics.guardrail import estimate_guardrail_all
from services.experiments.statistics.hybrid import decision_multiplier
from services.experiments.statistics.intervals import fixed_multiplier
from services.experiments.statistics.moments import Moments
from services.experiments.statistics.sample_size import Split, units_for_conversion
from services.experiments.statistics.vectors import analyse
from services.experiments.tests.statistics.comparing import disagreements
from services.experiments.tests.statistics.peeking import ALPHA, GBSTATS_TUNING, LOOKS, SEED, Bounds, Case, simulate


class Report:
    """Prints each figure with its bar, and remembers whether all were kept."""

    def __init__(self) -> None:
        self.kept = True

    def figure(self, text: str, value: float, bar: float | None = None, unit: str = "%") -> None:
        shown = f"{value:.2f} {unit}"
        if bar is None:
            print(f"  {text:58} {shown}")
            return
        good = value <= bar
        self.kept &= good
        print(f"  {text:58} {shown}  (bar {bar:.2f} {unit}){'' if good else '  MISSED'}")


def error(report: Report, *, streams: int, events: int, say: Callable[[str], None]) -> None:
    """Type I error in three cases."""
    bar = 100 * (ALPHA + 3 * sqrt(ALPHA * (1 - ALPHA) / streams))
    bounds = Bounds.over(events, events // 5)
    for case in (Case("Bernoulli 5 %", 0.05), Case("Bernoulli 30 %", 0.3), Case("log-normal", None)):
        began = time.perf_counter()
        found = simulate(case, bounds, streams=streams, events=events, say=say)
        print(f"\n{case.name}: {streams:,} streams without effect, looked at after each of {events:,} events")
        print(f"  N = {bounds.planned:,}; {time.perf_counter() - began:.0f} s")
        report.figure("live interval, any of all looks", 100 * found.share("live"), bar)
        report.figure("live until N, then one hybrid decision", 100 * found.share("hybrid"), bar)
        report.figure(f"O'Brien-Fleming spending, {LOOKS} looks", 100 * found.share("spending"), bar)
        report.figure("guardrail called safe at its margin (one-sided)", 100 * found.share("guardrail"), bar)
        report.figure("one look at N, textbook", 100 * found.share("once"))
        report.figure("naive: textbook, any of all looks", 100 * found.share("naive"))
        report.figure(f"gbstats sequential, N* = {GBSTATS_TUNING:,}", 100 * found.share("gbstats"))


def width(report: Report) -> None:
    """How much wider than one textbook look."""
    fixed = fixed_multiplier(ALPHA)

    def wider(z: float) -> float:
        return 100 * (z / fixed - 1)

    everywhere = multipliers(np.geomspace(0.4, 5, 2_000), alpha=ALPHA, planned_units=1.0)
    at = {times: float(multipliers(times, alpha=ALPHA, planned_units=1.0)) for times in (0.4, 1.0, 5.0)}
    print("\nWider than the textbook's interval for one look")
    report.figure("live at 0.4 N", wider(at[0.4]), 61)
    report.figure("live at N", wider(at[1.0]), 55)
    report.figure("live at 5 N", wider(at[5.0]), 61)
    report.figure("live, worst from 0.4 N to 5 N", wider(float(everywhere.max())), 61)
    report.figure("decision at N, hybrid", wider(float(decision_multiplier(1.0, alpha=ALPHA))), 15)
    for looks in (5, 7, LOOKS):
        bounds = spending_bounds([look / looks for look in range(1, looks + 1)], alpha=ALPHA)
        report.figure(f"decision at N, spending, {looks} looks", wider(bounds[-1]), 8)


def power(report: Report, *, streams: int, say: Callable[[str], None]) -> None:
    """How often an effect of exactly the MDE is claimed by N."""
    baseline, mde, wanted = 0.05, 0.01, 0.8
    for rule in ("fixed", "hybrid", "live"):
        planned = units_for_conversion(
            Split(0.5, 0.5), baseline=baseline, treated=baseline + mde, alpha=ALPHA, power=wanted, rule=rule
        )
        bounds = Bounds.over(planned, planned)
        found = simulate(
            Case(f"5 % to 6 %, N {planned:,}", 0.05, mde), bounds, streams=streams, events=planned, say=say
        )
        print(f"\nPower at the MDE (5 % to 6 %), N = {planned:,} as the rule {rule!r} asks for {100 * wanted:.0f} %")
        for method, text in (
            ("once", "one look at N, textbook"),
            ("hybrid", "live until N or hybrid decision"),
            ("spending", f"O'Brien-Fleming spending, {LOOKS} looks"),
            ("live by N", "live alone"),
        ):
            report.figure(text, 100 * found.share(method))


def speed(report: Report, *, metrics: int = 1_000, rounds: int = 30) -> None:
    """Time to recompute many metrics from their moments."""
    random = np.random.default_rng(SEED)
    arms = [
        Moments(
            random.integers(50_000, 60_000, metrics).astype(float),
            random.normal(10, 0.01, (metrics, 1)),
            random.uniform(1e5, 2e5, (metrics, 1, 1)),
        )
        for _ in range(2)
    ]

    def three() -> None:
        estimate_fixed_all(*arms, kind="mean", alpha=ALPHA)
        estimate_live_all(*arms, kind="mean", alpha=ALPHA, planned_units=100_000)
        estimate_guardrail_all(*arms, kind="mean", alpha=ALPHA, planned_units=100_000, margin=0.1)

    def decision() -> None:
        estimate_decision_all(*arms, kind="mean", alpha=ALPHA, planned_units=100_000)

    print(f"\nTime for {metrics:,} metrics of two arms")
    report.figure("fixed, live and guardrail together", _milliseconds(three, rounds), 5, "ms")
    report.figure("the decision at N besides", _milliseconds(decision, rounds), None, "ms")


def _milliseconds(work: Callable[[], None], rounds: int) -> float:
    """The fastest of several runs: what the work costs when nothing else runs on the processor (as `timeit` does)."""
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append(1_000 * (time.perf_counter() - began))
    return min(taken)


def vectors(report: Report) -> None:
    """The vectors of a file named by WHYSTREAM_VECTORS, if there is one."""
    named = os.environ.get("WHYSTREAM_VECTORS")
    if not named:
        print("\nWHYSTREAM_VECTORS names no file of vectors: not compared")
        return
    given = json.loads(Path(named).read_text())["vectors"]
    wrong = {one["id"]: found for one in given if (found := disagreements(one, analyse(one)))}
    print(f"\nVectors: {len(given) - len(wrong)} of {len(given)} agree")
    for name, found in wrong.items():
        print(f"  {name}: {found}")
    report.kept &= not wrong


def run(*, streams: int, events: int, quiet: bool = False) -> bool:
    report, began = Report(), time.monotonic()
    last = [began]

    def say(text: str) -> None:
        if not quiet and time.monotonic() - last[0] >= 5:
            last[0] = time.monotonic()
            print(f"{text} ({last[0] - began:.0f} s)", flush=True)

    speed(report)
    width(report)
    vectors(report)
    power(report, streams=ceil(streams / 2), say=say)
    error(report, streams=streams, events=events, say=say)
    return report.kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=4_000)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--quiet", action="store_true", help="no progress")
    options = parser.parse_args()
    if not run(streams=options.streams, events=options.events, quiet=options.quiet):
        raise SystemExit("a figure missed its bar")


if __name__ == "__main__":
    main()
