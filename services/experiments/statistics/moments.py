"""Sufficient statistics of one or several values per unit, for many metrics at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any, Union

import numpy as np
from numpy.typing import ArrayLike, NDArray

from services.experiments.statistics.summary import Summary

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Count, means and centred co-moments of k values per unit; the leading shape is that of the metrics.

    `n` has shape (...), `means` (..., k), `products` (..., k, k): the sums over units of (x_i - mean_i)·(x_j - mean_j).
    The order of the values: (value), (value, pre), (numerator, denominator) or (numerator, denominator, pre numerator,
    pre denominator), where "pre" is the same metric before the exposure.

    Never raw sums of squares, which cancel. Sources: Welford, "Note on a method for calculating corrected sums of
    squares and products" (1962), for one unit more; Chan, Golub and LeVeque, "Updating formulae and a pairwise
    algorithm for computing sample variances" (1979), for merging.
    """

    n: Floats
    means: Floats
    products: Floats

    @classmethod
    def empty(cls, variables: int = 1) -> "Moments":
        return cls(np.zeros(()), np.zeros(variables), np.zeros((variables, variables)))

    @classmethod
    def of(cls, values: ArrayLike) -> "Moments":
        """Of all units at once, the same to the last bit in whatever order they come.

        Two passes, each sum correctly rounded (Shewchuk, 1997, as `math.fsum`), with the correction of the second pass
        for the rounding of the mean (Chan, Golub and LeVeque 1983): S = Σ d_i·d_j - Σ d_i · Σ d_j / n.
        """
        rows = np.asarray(values, dtype=float)
        rows = rows[:, np.newaxis] if rows.ndim == 1 else rows
        count, variables = rows.shape
        if not count:
            return cls.empty(variables)
        means = np.array([_exact_sum(column) / count for column in rows.T])
        deviations = (rows - means).T
        left = [_exact_sum(column) for column in deviations]
        products = np.zeros((variables, variables))
        for i in range(variables):
            for j in range(i, variables):
                product = _exact_sum(deviations[i] * deviations[j]) - left[i] * left[j] / count
                products[i, j] = products[j, i] = product
        return cls(np.asarray(float(count)), means, products)

    @classmethod
    def of_summary(cls, summary: Summary) -> "Moments":
        return cls(np.asarray(float(summary.n)), np.array([summary.mean]), np.array([[summary.m2]]))

    @classmethod
    def stack(cls, metrics: Sequence[Union["Moments", Summary]]) -> "Moments":
        """Several metrics side by side, all with the same number of values."""
        every = [as_moments(metric) for metric in metrics]
        return cls(
            np.stack([one.n for one in every]),
            np.stack([one.means for one in every]),
            np.stack([one.products for one in every]),
        )

    @classmethod
    def merge_all(cls, parts: Iterable["Moments"], *, variables: int = 1) -> "Moments":
        """Of the units of all parts, the same bits for the same parts in the same order; `variables` if there is none.

        Chan's formula for many parts at once: with d_b = mean_b - mean_1, mean = mean_1 + Σ n_b·d_b / n and
        S = Σ S_b + Σ n_b·e_b·e_bᵀ, where e_b = mean_b - mean.
        """
        filled = [part for part in parts if np.any(part.n > 0)]
        if not filled:
            return cls.empty(variables)
        stacked = cls.stack(filled)
        n = stacked.n.sum(axis=0)
        weights = stacked.n[..., np.newaxis]
        first = _first_filled(stacked)
        # An empty part's means are no means, and may be anything.
        means = np.where(weights > 0, stacked.means, first)
        mean = first + (weights * (means - first)).sum(axis=0) / np.where(n > 0, n, 1)[..., np.newaxis]
        apart = means - mean
        between = weights[..., np.newaxis] * apart[..., :, np.newaxis] * apart[..., np.newaxis, :]
        return cls(n, mean, stacked.products.sum(axis=0) + between.sum(axis=0))

    @classmethod
    def from_numbers(cls, numbers: ArrayLike, *, variables: int) -> "Moments":
        """What `numbers` wrote, bit for bit; rows of numbers give metrics side by side."""
        rows = np.asarray(numbers, dtype=float)
        rising = np.triu_indices(variables)
        expected = 1 + variables + len(rising[0])
        if rows.shape[-1] != expected:
            raise ValueError(f"moments of {variables} values are {expected} numbers, not {rows.shape[-1]}")
        products = np.zeros((*rows.shape[:-1], variables, variables))
        products[..., rising[0], rising[1]] = rows[..., 1 + variables :]
        products[..., rising[1], rising[0]] = rows[..., 1 + variables :]
        return cls(rows[..., 0], rows[..., 1 : 1 + variables], products)

    @property
    def variables(self) -> int:
        return self.means.shape[-1]

    def numbers(self) -> list[Any]:
        """To be stored: n, the means, then the upper triangle of the products row by row."""
        rising = np.triu_indices(self.variables)
        upper = self.products[..., rising[0], rising[1]]
        return np.concatenate([self.n[..., np.newaxis], self.means, upper], axis=-1).tolist()

    def add(self, values: ArrayLike) -> "Moments":
        """With one more unit: its k values (per metric)."""
        row = np.asarray(values, dtype=float)
        row = row[..., np.newaxis] if self.variables == 1 and row.ndim == self.n.ndim else row
        n = self.n + 1
        before = row - self.means
        means = self.means + before / n[..., np.newaxis]
        after = row - means
        change = before[..., :, np.newaxis] * after[..., np.newaxis, :]
        # before·afterᵀ = (n-1)/n · before·beforeᵀ is symmetric; rounding is not.
        return Moments(n, means, self.products + (change + np.swapaxes(change, -1, -2)) / 2)

    def merge(self, other: "Moments") -> "Moments":
        """Of the units of both: S = S_a + S_b + d·dᵀ · n_a·n_b / n, with d = mean_b - mean_a."""
        n = self.n + other.n
        share = np.where(n > 0, other.n / np.where(n > 0, n, 1), 0.0)
        apart = other.means - self.means
        means = self.means + apart * share[..., np.newaxis]
        # Of an empty side the other's numbers are taken as they are, to the last bit.
        means = np.where((self.n == 0)[..., np.newaxis], other.means, means)
        weight = np.where((self.n > 0) & (other.n > 0), self.n * share, 0.0)[..., np.newaxis, np.newaxis]
        between = weight * apart[..., :, np.newaxis] * apart[..., np.newaxis, :]
        return Moments(n, means, self.products + other.products + between)

    def with_zeros(self, count: float) -> "Moments":
        """With `count` more units, whose values are all 0."""
        none = np.zeros_like(self.means)
        return self.merge(Moments(np.full_like(self.n, float(count)), none, np.zeros_like(self.products)))

    def select(self, *variables: int) -> "Moments":
        """Of some of the values only."""
        chosen = list(variables)
        return Moments(self.n, self.means[..., chosen], self.products[..., chosen, :][..., chosen])

    def summary(self, variable: int = 0) -> Summary:
        """Of one value of one metric, in plain numbers."""
        return Summary(int(self.n), float(self.means[variable]), float(self.products[variable, variable]))


def as_moments(given: Moments | Summary) -> Moments:
    return Moments.of_summary(given) if isinstance(given, Summary) else given


def _first_filled(stacked: Moments) -> Floats:
    """The mean of each metric's first part that has units."""
    first = np.argmax(stacked.n > 0, axis=0)[np.newaxis, ..., np.newaxis]
    return np.take_along_axis(stacked.means, first, axis=0)[0]


def _exact_sum(values: Floats) -> float:
    """Correctly rounded, infinite where the sum is beyond all numbers."""
    try:
        return fsum(values.tolist())
    except (OverflowError, ValueError):
        return float(np.sum(values))
