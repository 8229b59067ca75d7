"""Sufficient statistics of one arm and metric: enough for every estimate here, and exact to merge."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Summary:
    """Count, mean and centred sum of squares of one value per unit.

    Never raw sums of squares, which cancel. Sources: Welford 1962 (one value at a time); Chan, Golub and LeVeque 1979
    (merging): m2 = m2_a + m2_b + d² · n_a·n_b / (n_a + n_b), with d = mean_b - mean_a.
    """

    n: int = 0
    mean: float = 0.0
    m2: float = 0.0

    @classmethod
    def of(cls, values: Iterable[float]) -> "Summary":
        summary = cls()
        for value in values:
            summary = summary.add(value)
        return summary

    @property
    def total(self) -> float:
        return self.n * self.mean

    @property
    def variance(self) -> float:
        """Of the sample, with n - 1; needs two units."""
        return self.m2 / (self.n - 1)

    def add(self, value: float) -> "Summary":
        """With one more unit."""
        n = self.n + 1
        delta = value - self.mean
        mean = self.mean + delta / n
        return Summary(n, mean, self.m2 + delta * (value - mean))

    def merge(self, other: "Summary") -> "Summary":
        """Of the units of both."""
        if not self.n or not other.n:
            return self if self.n else other
        n = self.n + other.n
        delta = other.mean - self.mean
        mean = self.mean + delta * other.n / n
        return Summary(n, mean, self.m2 + other.m2 + delta * delta * self.n * other.n / n)

    def with_zeros(self, count: int) -> "Summary":
        """With `count` more units, whose value is 0."""
        return self.merge(Summary(count))
