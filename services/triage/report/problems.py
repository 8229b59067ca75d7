"""`whystream group FILE`: the problems behind the words of one file, for a person to read."""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from libs.files.columns import CellWrong, Columns
from libs.files.rows import format_of, rows
from services.triage.embedding.embedder import Embedder
from services.triage.grouping.portrait import Heard, draw
from services.triage.grouping.words import terms_of
from services.triage.report.run import Run

_AT_ONCE = 512
_SAMPLED = 200
_QUOTES = 3
_LONGEST_QUOTE = 200
_SHOWN_REFUSED = 5


@dataclass(frozen=True)
class Spoken:
    """One line of the file: its number, what was said, and by whom if that is known."""

    line: int
    text: str
    customer: str | None
    language: str


@dataclass(frozen=True)
class Group:
    """A problem: what customers say, the words that set it apart, quotes, and the places of its lines."""

    number: int
    statement: str
    terms: Sequence[str]
    quotes: Sequence[str]
    items: Sequence[int]
    customers: int


def read_spoken(path: Path, columns: Columns) -> tuple[list[Spoken], list[str]]:
    """The lines that have a text, and why the others were left out. Raises FileUnreadable."""
    found, refused = [], []
    for row in rows(path, format_of(path)):
        try:
            if row.error:
                raise CellWrong(row.error)
            item = columns.feedback(row.values)
        except CellWrong as error:
            refused.append(f"line {row.line}: {error}")
            continue
        customer: Mapping[str, Any] = item.get("customer") or {}
        found.append(Spoken(row.line, item["text"], customer.get("id"), item.get("language") or ""))
    return found, refused


def find_groups(spoken: Sequence[Spoken], embedder: Embedder, console: Console) -> list[Group]:
    """The problems of all lines, those that most customers have first; progress goes to the console."""
    run = Run(embedder)
    with _progress(console, len(spoken)) as (progress, task):
        for start in range(0, len(spoken), _AT_ONCE):
            some = spoken[start : start + _AT_ONCE]
            for _ in run.place([one.text for one in some], [one.language for one in some]):
                pass
            progress.advance(task, len(some))
        progress.update(task, description="looking back")
        for _ in run.look_back():
            pass
        return _groups(spoken, run)


def show_groups(groups: Sequence[Group], spoken: Sequence[Spoken], most: int, out: Console) -> None:
    """Print the largest problems, and what was left out."""
    for place, group in enumerate(groups[:most], start=1):
        people = f"{group.customers} customers, " if any(spoken[item].customer for item in group.items) else ""
        out.print(Text.assemble((f"{place}. ", "bold cyan"), (group.statement, "bold")))
        detail = f"{people}{len(group.items)} reports" + (f" · {', '.join(group.terms)}" if group.terms else "")
        out.print(Padding(Text(detail, "dim"), (0, 0, 0, 3)))
        for quote in group.quotes:
            out.print(Padding(Text(f"“{_short(quote)}”"), (0, 0, 0, 3)))
        out.print()
    placed = sum(len(group.items) for group in groups)
    rest = f"; the {len(groups) - most} smaller ones with --top {len(groups)}" if len(groups) > most else ""
    left = len(spoken) - placed
    alone = f"; {left} belong to no problem, as nothing else is like them" if left else ""
    out.print(Text(f"{len(spoken)} lines, {len(groups)} problems{rest}{alone}."))


def write_groups(groups: Sequence[Group], spoken: Sequence[Spoken], path: Path) -> None:
    """Each line with its problem as CSV: line, problem (empty for none), statement, text."""
    of_item = {item: (place, group) for place, group in enumerate(groups, start=1) for item in group.items}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["line", "problem", "statement", "text"])
        for item, one in enumerate(spoken):
            place, group = of_item.get(item, ("", None))
            writer.writerow([one.line, place, group.statement if group else "", one.text])


def show_refused(refused: Sequence[str], console: Console) -> None:
    """Name some of the lines that were left out."""
    for why in refused[:_SHOWN_REFUSED]:
        console.print(Text(why))
    if len(refused) > _SHOWN_REFUSED:
        console.print(Text(f"and {len(refused) - _SHOWN_REFUSED} more lines"))


def _groups(spoken: Sequence[Spoken], run: Run) -> list[Group]:
    members: dict[int, list[int]] = {}
    for item, number in enumerate(run.belongs()):
        if number is not None:
            members.setdefault(number, []).append(item)
    sampled = {number: items[-_SAMPLED:] for number, items in members.items()}
    uses = {number: _uses(spoken[item].text for item in items) for number, items in sampled.items()}
    everything: Counter[str] = Counter()
    for counted in uses.values():
        everything.update(counted)
    reports = sum(len(items) for items in sampled.values())
    found = []
    for number, items in members.items():
        some = sampled[number]
        heard = [_heard(item, spoken[item]) for item in some]
        drawn = draw(heard, run.vectors(some), everything - uses[number], reports - len(some))
        statement = drawn.statement if drawn else spoken[items[0]].text
        quotes = [spoken[key.int].text for key in drawn.quotes[:_QUOTES]] if drawn else []
        terms = [term.word for term in drawn.terms[:5]] if drawn else []
        voices = len({spoken[item].customer or f"line {spoken[item].line}" for item in items})
        found.append(Group(number, _short(statement), terms, quotes, items, voices))
    return sorted(found, key=lambda group: (-group.customers, -len(group.items), group.number))


def _heard(item: int, one: Spoken) -> Heard:
    return Heard(UUID(int=item), one.text, one.customer or f"line {one.line}", one.customer is not None)


def _uses(texts: Iterable[str]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for text in texts:
        counted.update(terms_of(text).keys())
    return counted


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_QUOTE else line[: _LONGEST_QUOTE - 1] + "…"


@contextmanager
def _progress(console: Console, total: int):
    parts = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*parts, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress, progress.add_task("grouping", total=max(1, total))
