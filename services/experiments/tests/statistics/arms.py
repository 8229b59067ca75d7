"""Arms made of known numbers, and strategies for arms of any."""

import numpy as np
from hypothesis import strategies as st

from services.experiments.statistics.moments import Moments
from services.experiments.statistics.summary import Summary

HOSTILE = [0.0, -0.0, 1.0, -1.0, 0.1, 1e-300, 1e-160, 1e160, 1e308, -1e308, float("nan"), float("inf"), float("-inf")]
hostile_numbers = st.sampled_from(HOSTILE) | st.floats()
hostile_counts = st.sampled_from([0.0, 1.0, 2.0, 99.0, 100.0, 1e9, 1e300, -3.0, float("nan"), float("inf")])


def conversions(n: int, converted: int) -> Summary:
    return of_sums(n, converted, converted)


def of_sums(n: int, total: float, squares: float) -> Summary:
    return Summary(n, total / n, squares - total**2 / n)


@st.composite
def summaries(draw: st.DrawFn, smallest: int = 100) -> Summary:
    """An arm whose numbers may be shown: enough units, a mean and a spread of ordinary sizes."""
    n = draw(st.integers(smallest, 10**7))
    deviation = draw(st.floats(0.01, 100))
    return Summary(n, draw(st.floats(-1_000, 1_000)), deviation**2 * (n - 1))


@st.composite
def conversion_arms(draw: st.DrawFn) -> Summary:
    n = draw(st.integers(0, 10**6))
    return conversions(n, draw(st.integers(0, n))) if n else Summary()


@st.composite
def hostile_moments(draw: st.DrawFn, variables: int = 1) -> Moments:
    """Numbers that no units have: of any size and sign, not numbers, or contradicting each other."""
    means = [draw(hostile_numbers) for _ in range(variables)]
    products = [[draw(hostile_numbers) for _ in range(variables)] for _ in range(variables)]
    return Moments(np.asarray(draw(hostile_counts)), np.array(means), np.array(products))
