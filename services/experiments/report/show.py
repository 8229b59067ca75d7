"""An analysis on a terminal: tables, the chart, and words. Plain when nobody is there to see it."""

import os
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.experiments.report.analysis import Analysis, Answer, Compared
from services.experiments.report.arms import Arm
from services.experiments.report.chart import ASCII, UNICODE, Bar, draw
from services.experiments.report.scale import level, p_value, percent
from services.experiments.report.words import claims, next_step, notes, ratio_sentence, scale_of, why_they_differ

PLAIN_WIDTH = 100
WIDEST = 120
_LIFT_NEEDS = 80


def console() -> Console:
    """Standard output: as wide as the terminal, within reason, and 100 characters where there is none."""
    found = Console(highlight=False, soft_wrap=False)
    if not found.is_terminal and "COLUMNS" not in os.environ:
        return Console(highlight=False, width=PLAIN_WIDTH)
    return found if found.width <= WIDEST else Console(highlight=False, width=WIDEST)


def show(analysis: Analysis, to: Console) -> None:
    """Print the counts, both answers, the chart, and what may be claimed."""
    to.print(_counts(analysis))
    _say(to, [ratio_sentence(analysis)], style="" if analysis.trusted else "bold red")
    to.print()
    to.print(_answers(analysis, lifts=to.width >= _LIFT_NEEDS))
    lines = _chart(analysis, to)
    if lines:
        to.print()
    for line in lines:
        to.print(line, no_wrap=True, overflow="crop")
    claimed, not_claimed = claims(analysis)
    said = next_step(analysis)
    section(to, "May be claimed", claimed or ["Nothing."], "green")
    section(to, "May not be claimed", not_claimed, "yellow")
    section(to, "To know", [why_they_differ(analysis), *notes(analysis), *([said] if said else [])], "dim")


def section(to: Console, title: str, lines: Sequence[str], style: str) -> None:
    """A heading, and sentences below it, wrapped below themselves."""
    to.print()
    to.print(Text(title, style=f"bold {style}"))
    _say(to, lines, bullet="  - ")


def _say(to: Console, lines: Iterable[str], *, bullet: str = "", style: str = "") -> None:
    indent = " " * len(bullet)
    for line in lines:
        parts = Text(writable(line), style=style).wrap(to, to.width - len(bullet))
        for place, part in enumerate(parts):
            part.rstrip()
            to.print(Text.assemble(indent if place else bullet, part))


def writable(words: str) -> str:
    """What standard output can encode; anything else as a question mark."""
    encoding = sys.stdout.encoding or "utf-8"
    return words.encode(encoding, "replace").decode(encoding)


def table(*titles: str) -> Table:
    """A table without lines; the first column is text, the others are numbers."""
    made = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for place, title in enumerate(titles):
        made.add_column(title, justify="right" if place else "left", overflow="fold")
    return made


def _counts(analysis: Analysis) -> Table:
    conversion = analysis.kind == "conversion"
    made = table("arm", "units", *(("conversions", "rate") if conversion else ("mean", "sd")))
    for arm in analysis.arms:
        cells = [writable(arm.name), f"{arm.summary.n:,}", *_numbers(arm)]
        made.add_row(*(Text(cell) for cell in cells))
    return made


def _numbers(arm: Arm) -> tuple[str, str]:
    summary = arm.summary
    if not summary.n:
        return "-", "-"
    if arm.kind == "conversion":
        return f"{round(summary.total):,}", level(summary.mean, arm.kind)
    deviation = (summary.m2 / (summary.n - 1)) ** 0.5 if summary.n > 1 else None
    return level(summary.mean, arm.kind), "-" if deviation is None else level(deviation, arm.kind)


def _answers(analysis: Analysis, *, lifts: bool) -> Table:
    unit = f" ({scale_of(analysis).unit})" if scale_of(analysis).unit else ""
    made = table("treatment - control", f"effect{unit}", f"interval{unit}", *(["lift"] if lifts else []), "p")
    for label, answer, chosen in _rows(analysis):
        cells = [label, *_answer_cells(analysis, answer, lifts)]
        made.add_row(*(Text(writable(cell), style="bold" if chosen else "") for cell in cells))
    return made


def _answer_cells(analysis: Analysis, answer: Answer, lifts: bool) -> list[str]:
    found, scale, lift = answer.interval, scale_of(analysis), answer.lift
    said = f"{percent(lift.effect)} [{percent(lift.lower)}, {percent(lift.upper)}]" if lift else "-"
    bounds = f"[{scale.bare(found.lower)}, {scale.bare(found.upper)}]" if found else "none"
    shown = [scale.bare(found.effect) if found else "-", bounds]
    return [*shown, *([said] if lifts else []), p_value(answer.p_value)]


def _chart(analysis: Analysis, to: Console) -> list[Text]:
    style = {"higher": "green", "lower": "red", "open": "yellow", "hidden": "dim"}
    bars = [
        Bar(writable(label), answer.interval, style[answer.verdict] + (" bold" if chosen else ""))
        for label, answer, chosen in _rows(analysis)
        if answer.interval
    ]
    marks = UNICODE if to.encoding.lower().startswith("utf") else ASCII
    return draw(bars, width=to.width, scale=scale_of(analysis), marks=marks)


def _rows(analysis: Analysis) -> Iterable[tuple[str, Answer, bool]]:
    """Each answer with its label, and whether it is the one from which claims are made."""
    whenever = analysis.question.look == "whenever"
    for one in analysis.compared:
        yield _label(analysis, one, "whenever"), one.whenever, whenever
        yield _label(analysis, one, "once"), one.once, not whenever


def _label(analysis: Analysis, one: Compared, look: str) -> str:
    return look if len(analysis.compared) == 1 else f"{one.arm.name}, {look}"
