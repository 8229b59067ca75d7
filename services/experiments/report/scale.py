"""How numbers are written: percentage points for a conversion, the metric's own unit for a mean, no false precision."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor, isfinite, log10

from services.experiments.report.arms import Kind
from services.experiments.statistics.effect import Interval


@dataclass(frozen=True, slots=True)
class Scale:
    """Writes every effect of one report with the same number of decimals."""

    kind: Kind
    decimals: int

    @classmethod
    def of(cls, kind: Kind, intervals: Iterable[Interval]) -> "Scale":
        """Enough decimals for three digits of the narrowest interval's width, and for bounds not to look like 0."""
        factor = 100 if kind == "conversion" else 1
        found = list(intervals)
        widths = [(one.upper - one.lower) * factor for one in found]
        narrowest = min((width for width in widths if isfinite(width) and width > 0), default=1.0)
        bounds = [abs(bound) * factor for one in found for bound in (one.lower, one.upper) if bound]
        wanted = max(
            2 - floor(log10(narrowest)), min(-floor(log10(min(bounds, default=1.0))), 4 - floor(log10(narrowest)))
        )
        return cls(kind, min(12, max(0, wanted)))

    def amount(self, value: float, *, sign: bool = True) -> str:
        """An effect or a bound of one, with its unit."""
        return f"{self.bare(value, sign=sign)} {self.unit}".rstrip()

    def bare(self, value: float, *, sign: bool = True) -> str:
        """The same, where the unit stands elsewhere."""
        return self._number(value * 100 if self.kind == "conversion" else value, sign)

    @property
    def unit(self) -> str:
        return "pp" if self.kind == "conversion" else ""

    def interval(self, found: Interval) -> str:
        """Both bounds."""
        return f"[{self.amount(found.lower)}, {self.amount(found.upper)}]"

    def _number(self, value: float, sign: bool) -> str:
        plus = "+" if sign else ""
        if abs(value) >= 1e9:
            return f"{value:{plus}.4g}"
        return f"{value:{plus},.{self.decimals}f}"


def level(value: float, kind: Kind) -> str:
    """A rate in percent, or a mean."""
    if kind == "conversion":
        return f"{value * 100:.4g} %"
    return f"{value:,.4f}".rstrip("0").rstrip(".") if 0.01 <= abs(value) < 1e9 else f"{value:.4g}"


def percent(value: float, decimals: int = 1) -> str:
    """A relative effect."""
    return f"{value * 100:+,.{decimals}f} %" if abs(value) < 1e4 else f"{value * 100:+.3g} %"


def p_value(value: float | None) -> str:
    """A p-value, never as 0."""
    if value is None:
        return "-"
    return "< 0.0001" if value < 0.0001 else f"{value:.2g}" if value < 0.1 else f"{value:.2f}"
