"""Intervals drawn with characters on one common axis, with zero marked."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from services.experiments.report.scale import Scale
from services.experiments.statistics.effect import Interval

NARROWEST = 20


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of the chart. `style` is Rich's."""

    label: str
    interval: Interval
    style: str = ""


@dataclass(frozen=True, slots=True)
class Marks:
    """The characters to draw with."""

    left: str = "├"
    line: str = "─"
    right: str = "┤"
    effect: str = "●"
    zero: str = "┊"
    crossed: str = "┼"


UNICODE = Marks()
ASCII = Marks("|", "-", "|", "o", ":", "+")


def draw(bars: Sequence[Bar], *, width: int, scale: Scale, marks: Marks = UNICODE) -> list[Text]:
    """Lines of at most `width` characters: one for each bar, then the axis. None when there is nothing to draw."""
    if not bars:
        return []
    labels = min(max(len(bar.label) for bar in bars), width // 3)
    axis = _Axis.over(bars, max(NARROWEST, width - labels - 2))
    lines = [
        Text.assemble(_fitted(bar.label, labels), "  ", (_line(bar.interval, axis, marks), bar.style)) for bar in bars
    ]
    return [*lines, Text(" " * (labels + 2) + axis.labels(scale), style="dim")]


@dataclass(frozen=True, slots=True)
class _Axis:
    low: float
    high: float
    width: int

    @classmethod
    def over(cls, bars: Sequence[Bar], width: int) -> "_Axis":
        low = min(0.0, *(bar.interval.lower for bar in bars))
        high = max(0.0, *(bar.interval.upper for bar in bars))
        return cls(low, high, width)

    def column(self, value: float) -> int:
        if self.high <= self.low:
            return self.width // 2
        share = (value - self.low) / (self.high - self.low)
        return min(self.width - 1, max(0, round(share * (self.width - 1))))

    def labels(self, scale: Scale) -> str:
        """The bounds and zero, those that have room; zero first."""
        line = [" "] * self.width
        for value, text in ((0.0, "0"), (self.low, scale.amount(self.low)), (self.high, scale.amount(self.high))):
            start = min(self.width - len(text), max(0, self.column(value) - len(text) // 2))
            around = line[max(0, start - 1) : start + len(text) + 1]
            if start >= 0 and not "".join(around).strip():
                line[start : start + len(text)] = text
        return "".join(line).rstrip()


def _line(interval: Interval, axis: _Axis, marks: Marks) -> str:
    left, effect, right = (axis.column(value) for value in (interval.lower, interval.effect, interval.upper))
    line = [" "] * axis.width
    line[left : right + 1] = marks.line * (right + 1 - left)
    zero = axis.column(0.0)
    line[zero] = marks.crossed if left < zero < right else marks.zero
    line[left], line[right] = marks.left, marks.right
    line[effect] = marks.effect
    return "".join(line).rstrip()


def _fitted(label: str, width: int) -> str:
    return label.ljust(width) if len(label) <= width else label[: max(0, width - 3)] + "..."
