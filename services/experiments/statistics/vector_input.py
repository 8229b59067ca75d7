"""Reading a vector: an experiment's sums and settings as plain JSON, with an error that names what is missing."""

from collections.abc import Mapping
from fractions import Fraction
from math import isfinite
from typing import Any, cast

import numpy as np

from services.experiments.statistics.contrast import MetricKind
from services.experiments.statistics.intervals import Alternative
from services.experiments.statistics.moments import Moments

Json = dict[str, Any]
_ROUNDING = 16 * np.finfo(float).eps  # of a sum of squares: what is left below it is rounding, not variance
_LARGEST = 1e150  # beyond it squares are no numbers any more
_PRODUCTS = {  # of a ratio with pre-exposure values: the name of each pair's sum of products
    (0, 1): "m_post_d_post",
    (0, 2): "m_post_m_pre",
    (0, 3): "m_post_d_pre",
    (1, 2): "m_pre_d_post",
    (1, 3): "d_post_d_pre",
    (2, 3): "m_pre_d_pre",
}


class UnusableVector(ValueError):
    """The vector cannot be analysed; the message says which part, and what it should be."""


def part(holder: Any, name: str, where: str) -> Any:
    if not isinstance(holder, Mapping):
        raise UnusableVector(f"{where} must be an object with {name!r}")
    if name not in holder:
        raise UnusableVector(f"{where} has no {name!r}; add it")
    return cast(Mapping[str, Any], holder)[name]


def number(holder: Any, name: str, where: str) -> float:
    return as_number(part(holder, name, where), f"{where}.{name}")


def as_number(found: Any, where: str) -> float:
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise UnusableVector(f"{where} must be a number, not {found!r}")
    if not abs(found) <= _LARGEST:
        raise UnusableVector(f"{where} must be a finite number of a size that can be squared, not {found!r}")
    return float(found)


def numbers(holder: Any, name: str, where: str) -> list[float]:
    found = part(holder, name, where)
    if not isinstance(found, list) or not found:
        raise UnusableVector(f"{where}.{name} must be a list of numbers")
    return [as_number(one, f"{where}.{name}[{index}]") for index, one in enumerate(found)]


def rows(holder: Any, name: str, where: str) -> list[list[float]]:
    """A list of lists of numbers, all as long as the first."""
    found = part(holder, name, where)
    if not isinstance(found, list) or not found:
        raise UnusableVector(f"{where}.{name} must be a list of lists of numbers")
    every = [numbers({"row": row}, "row", f"{where}.{name}[{index}]") for index, row in enumerate(found)]
    if len({len(row) for row in every}) > 1:
        raise UnusableVector(f"{where}.{name} must have rows of the same length")
    return every


class Vector:
    """One vector's settings and arms, checked as they are read."""

    def __init__(self, given: Any) -> None:
        self.method = part(given, "method", "the vector")
        self.arms = part(given, "arms", "the vector") if "arms" in given else {}
        self.settings = given.get("settings") or {}
        if not isinstance(self.arms, Mapping) or not isinstance(self.settings, Mapping):
            raise UnusableVector("'arms' and 'settings' must be objects")

    def setting(self, name: str, default: float | None = None) -> float:
        if default is not None and self.settings.get(name) is None:
            return default
        return number(self.settings, name, "settings")

    def positive(self, name: str, default: float | None = None) -> float:
        found = self.setting(name, default)
        if found <= 0:
            raise UnusableVector(f"settings.{name} must be above 0, not {found}")
        return found

    def share(self, name: str, default: float | None = None) -> float:
        """A setting strictly between 0 and 1."""
        found = self.setting(name, default)
        if not 0 < found < 1:
            raise UnusableVector(f"settings.{name} must lie between 0 and 1, not at {found}")
        return found

    @property
    def alpha(self) -> float:
        return self.share("alpha", 0.05)

    def one_of(self, name: str, *allowed: str) -> str:
        """A setting among those allowed, the first of which is the default."""
        found = self.settings.get(name)
        if found is None:
            return allowed[0]
        if found not in allowed:
            raise UnusableVector(f"settings.{name} must be one of {', '.join(allowed)}, not {found!r}")
        return cast(str, found)

    @property
    def alternative(self) -> Alternative:
        return cast(Alternative, self.one_of("alternative", "two-sided", "greater", "less"))

    @property
    def relative(self) -> bool:
        return self.one_of("difference", "absolute", "relative") == "relative"

    @property
    def kind(self) -> MetricKind:
        return "conversion" if self.one_of("metric_type", "mean", "proportion") == "proportion" else "mean"

    def arm(self, name: str) -> Mapping[str, Any]:
        found = part(self.arms, name, "arms")
        if not isinstance(found, Mapping):
            raise UnusableVector(f"arms.{name} must be an object")
        return found

    def counts(self, name: str) -> tuple[float, float]:
        """Successes and units of one arm."""
        arm, where = self.arm(name), f"arms.{name}"
        n, successes = units(arm, where), number(arm, "sum", where)
        if not 0 <= successes <= n:
            raise UnusableVector(f"{where}.sum must lie between 0 and n for a rate: {successes:g} of {n:g}")
        return successes, n

    def moments(self, name: str, kind: MetricKind | None = None) -> Moments:
        if (kind or self.kind) == "conversion":
            successes, n = self.counts(name)
            return _moments(n, [successes], {(0, 0): successes}, f"arms.{name}")
        return of_sums(self.arm(name), f"arms.{name}")

    def moments_with_pre(self, name: str) -> Moments:
        arm, where = self.arm(name), f"arms.{name}"
        sums = [number(arm, "sum", where), number(arm, "pre_sum", where)]
        squares = {
            (0, 0): number(arm, "sum_squares", where),
            (0, 1): number(arm, "sum_products", where),
            (1, 1): number(arm, "pre_sum_squares", where),
        }
        return _moments(units(arm, where), sums, squares, where)

    def moments_of_ratio(self, name: str) -> Moments:
        arm, where = self.arm(name), f"arms.{name}"
        sums = [number(arm, "sum_numerator", where), number(arm, "sum_denominator", where)]
        squares = {
            (0, 0): number(arm, "sum_squares_numerator", where),
            (0, 1): number(arm, "sum_products", where),
            (1, 1): number(arm, "sum_squares_denominator", where),
        }
        return _moments(units(arm, where), sums, squares, where)

    def moments_of_ratio_with_pre(self, name: str) -> Moments:
        arm, where = self.arm(name), f"arms.{name}"
        pairs = [numbers(arm, variable, where) for variable in ("m_post", "d_post", "m_pre", "d_pre")]
        if any(len(pair) != 2 for pair in pairs):
            raise UnusableVector(f"{where}: m_post, d_post, m_pre and d_pre are [sum, sum of squares]")
        squares = {(index, index): pair[1] for index, pair in enumerate(pairs)}
        squares |= {pair: number(arm, product, where) for pair, product in _PRODUCTS.items()}
        return _moments(units(arm, where), [pair[0] for pair in pairs], squares, where)


def of_sums(arm: Any, where: str) -> Moments:
    """Moments of one value from n, its sum and its sum of squares."""
    n, total = units(arm, where), number(arm, "sum", where)
    return _moments(n, [total], {(0, 0): number(arm, "sum_squares", where)}, where)


def units(arm: Any, where: str) -> float:
    n = number(arm, "n", where)
    if n < 0 or not isfinite(n):
        raise UnusableVector(f"{where}.n must be at least 0, not {n:g}")
    return n


def _moments(n: float, sums: list[float], squares: dict[tuple[int, int], float], where: str) -> Moments:
    """Centred from raw sums in exact fractions: what the sums still know of the variance is not lost once more."""
    size = len(sums)
    if n == 0:
        return Moments.empty(size)
    products = np.zeros((size, size))
    for (i, j), raw in squares.items():
        centred = Fraction(raw) - Fraction(sums[i]) * Fraction(sums[j]) / Fraction(n)
        products[i, j] = products[j, i] = float(centred)
        if i == j and abs(products[i, i]) <= _ROUNDING * abs(raw):
            products[i, i] = 0.0
        if i == j and products[i, i] < 0:
            raise UnusableVector(
                f"{where}: a sum of squares is smaller than the sum allows; it must be at least sum²/n"
            )
    return Moments(np.asarray(n), np.array(sums) / n, products)
