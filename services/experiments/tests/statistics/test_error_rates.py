"""A/A experiments looked at after every unit keep the registered error (`make bench-statistics`: at full size)."""

from math import sqrt

import pytest

from services.experiments.tests.statistics.peeking import ALPHA, Bounds, Case, simulate

STREAMS, EVENTS, PLANNED = 1_000, 10_000, 4_000


@pytest.mark.parametrize("case", [Case("30 %", 0.3), Case("5 %", 0.05), Case("log-normal", None)], ids=lambda c: c.name)
def test_looking_all_the_time_keeps_the_registered_error_rate(case: Case) -> None:
    found = simulate(case, Bounds.over(EVENTS, PLANNED), streams=STREAMS, events=EVENTS, say=lambda _: None)
    most = ALPHA + 3 * sqrt(ALPHA * (1 - ALPHA) / STREAMS)
    for method in ("live", "hybrid", "spending", "guardrail"):
        assert found.share(method) <= most, method
    assert found.share("naive") > 3 * ALPHA  # what the promise is about
