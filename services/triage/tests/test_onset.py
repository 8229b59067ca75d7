"""When a problem surges against its own past: soon, once, and hardly ever on noise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.triage.domain.onset import FEWEST_VOICES, WEEKS, Look, look, surging

DAYS = 365
WARM_UP = WEEKS * 7
counts = st.integers(0, 10**6)


def onsets(days: list[int], *, first: int = 21) -> list[int]:
    """The days on which an onset is told, when each day is looked at; days before `first` have too little past."""
    total = np.concatenate([[0], np.cumsum(days)])
    told, stands = [], False
    for day in range(first, len(total)):
        weeks = min(WEEKS, (day - 7) // 7)
        this = int(total[day] - total[day - 7])
        if this < FEWEST_VOICES and not stands:
            continue
        earlier = [int(total[day - 7 * n] - total[day - 7 * (n + 1)]) for n in range(1, weeks + 1)]
        now = surging(look(this, earlier), stands)
        if now and not stands:
            told.append(day)
        stands = now
    return told


@pytest.mark.parametrize("rate", [0.1, 1, 5, 20, 50])
def test_noise_is_told_less_than_once_in_twenty_problem_years(rate: float) -> None:
    """A stationary Poisson process, `rate` voices a week, a look a day; 60 simulated problem-years each, seeded."""
    rng = np.random.default_rng(20261122)
    alarms = sum(len(onsets(list(rng.poisson(rate / 7, DAYS)))) for _ in range(60))
    assert alarms / 60 <= 1 / 20


def test_bursts_are_told_less_than_once_a_problem_year() -> None:
    """The same rate in bursts: daily counts negative binomial, their variance almost four times the mean."""
    rng = np.random.default_rng(20261122)
    daily, size = 10 / 7, 0.5
    years = [list(rng.negative_binomial(size, size / (size + daily), DAYS)) for _ in range(60)]
    assert sum(len(onsets(days)) for days in years) / len(years) < 1


@pytest.mark.parametrize(("before", "after"), [(2, 12), (10, 35), (50, 130)])
def test_a_real_onset_is_told_within_ten_days_and_once(before: float, after: float) -> None:
    rng = np.random.default_rng(7)
    late = 0
    for _ in range(20):
        days = [*rng.poisson(before / 7, WARM_UP), *rng.poisson(after / 7, 21)]
        told = [day for day in onsets(days) if day > WARM_UP]
        late += not told or told[0] > WARM_UP + 10
        assert len(told) <= 1
    assert late <= 2


def test_a_second_onset_is_told_when_the_first_was_over() -> None:
    quiet, burst = [0, 0, 1, 0, 0, 1, 0], [5, 6, 5, 6, 5, 6, 5]
    days = quiet * 12 + burst + quiet * 12 + burst + quiet
    assert len(onsets(days)) == 2


def test_without_a_past_nothing_is_told() -> None:
    for earlier in ([], [0]):
        seen = look(1_000, earlier)
        assert seen == Look(1_000, len(earlier), None, None)
        assert not surging(seen, already=False)
        assert not surging(seen, already=True)


@given(counts, st.lists(counts, min_size=2, max_size=WEEKS))
def test_the_probability_is_one_and_falls_with_the_count(voices: int, earlier: list[int]) -> None:
    some, more = look(voices % 2_000, earlier), look(voices % 2_000 + 10, earlier)
    assert some.probability is not None
    assert more.probability is not None
    assert 0 <= more.probability <= some.probability + 1e-9 <= 1 + 1e-9


@given(st.lists(st.integers(0, 40), min_size=2, max_size=WEEKS))
def test_what_is_usual_or_small_is_never_an_onset(earlier: list[int]) -> None:
    assert not surging(look(FEWEST_VOICES - 1, earlier), already=False)
    assert not surging(look(max(earlier), earlier), already=False) or max(earlier) >= 2 * (sum(earlier) / len(earlier))
