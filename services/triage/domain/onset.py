"""When a problem is reported more than its own past explains: told once, and not on noise. Pure.

Each look compares the distinct voices of the last 7 days with those of the problem's earlier weeks. The next week's
count given N earlier weeks with S voices is negative binomial: the Gamma-Poisson predictive distribution, whose size is
S + ½ and whose mean is (S + ½) / (N + ½). Where the earlier weeks vary more than a Poisson process would, by a factor D
(their index of dispersion, shrunk towards 1), the variance is D times as large.

An onset begins when a count that high has a probability below one in twenty thousand, is at least twice the expected
one, and at least five voices. It is over when the count is no longer unusual (one in ten); only then can another be
told.

False alarms, simulated on problems that never change, a look a day (tests/test_onset.py): one in a hundred
problem-years, one in thirty at worst, when voices come independently (Poisson, 0.1 to 50 a week); below one a
problem-year when they come in bursts that make days vary four to fifteen times as much.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WEEKS = 12
FEWEST_WEEKS = 2
UNLIKELY = 5e-5
USUAL = 0.1
FEWEST_VOICES = 5
AT_LEAST_TIMES = 2.0
_PRIOR = 0.5
_DISPERSION_PRIOR = 1.0


@dataclass(frozen=True, slots=True)
class Look:
    """The last 7 days against the problem's own past.

    `expected` is voices a week by the earlier weeks, `probability` that of a count as high as `voices` or higher;
    both None when there is too little past to tell. `weeks` is how many earlier weeks were looked at.
    """

    voices: int
    weeks: int
    expected: float | None
    probability: float | None


def look(voices: int, earlier: Sequence[int]) -> Look:
    """Compare this week's distinct voices with those of the earlier weeks, any order; fewer than two say nothing."""
    weeks = len(earlier)
    if weeks < FEWEST_WEEKS:
        return Look(voices, weeks, None, None)
    mean = (sum(earlier) + _PRIOR) / (weeks + _PRIOR)
    variance = mean * (1 + 1 / (weeks + _PRIOR)) * _dispersion(earlier)
    return Look(voices, weeks, mean, _tail(voices, mean, variance))


def surging(seen: Look, already: bool) -> bool:
    """Whether an onset stands after this look: begun now, or begun earlier and not over yet."""
    if seen.probability is None or seen.expected is None:
        return False
    if already:
        return seen.probability < USUAL
    enough = seen.voices >= max(FEWEST_VOICES, AT_LEAST_TIMES * seen.expected)
    return enough and seen.probability < UNLIKELY


def _dispersion(counts: Sequence[int]) -> float:
    """How many times more the counts vary than a Poisson process's would, at least 1."""
    mean = sum(counts) / len(counts)
    if mean <= 0:
        return 1.0
    index = sum((count - mean) ** 2 for count in counts) / mean
    return max(1.0, (index + _DISPERSION_PRIOR) / (len(counts) - 1 + _DISPERSION_PRIOR))


def _tail(count: int, mean: float, variance: float) -> float:
    """P(K ≥ count) of the negative binomial distribution with this mean and variance (variance > mean)."""
    size = mean * mean / (variance - mean)
    chance = size / (size + mean)
    below = 0.0
    term = math.exp(size * math.log(chance)) if size * math.log(chance) > -700 else 0.0
    if term == 0.0:
        return _normal_tail(count, mean, variance)
    for k in range(count):
        below += term
        term *= (size + k) / (k + 1) * (1 - chance)
    return max(0.0, 1.0 - below)


def _normal_tail(count: int, mean: float, variance: float) -> float:
    """For means in the hundreds, where the sum's first terms underflow: the normal approximation, half a voice off."""
    return 0.5 * math.erfc((count - 0.5 - mean) / math.sqrt(2 * variance))
