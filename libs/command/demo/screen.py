"""How the story is told on a terminal: steps with their time, lines, progress. Plain when nobody is there to see it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from libs.command.tail import safe

PLAIN_WIDTH = 110
_PLAIN_STEPS = 4
LABEL = 19


class Counter:
    """Progress of one piece of work: a bar on a terminal, a few lines otherwise."""

    def __init__(self, screen: "Screen", progress: Progress, task: TaskID, total: int) -> None:
        self._screen, self._progress, self._task, self._total = screen, progress, task, total
        self._said = 0

    def reach(self, count: int) -> None:
        """So much of the whole is done."""
        self._progress.update(self._task, completed=count)
        reached = count * _PLAIN_STEPS // self._total if self._total else _PLAIN_STEPS
        if not self._screen.live and reached > self._said:
            self._said = reached
            self._screen.say(f"{count:,} of {self._total:,}", style="dim")


class Screen:
    """Where the story goes, line by line. Words of customers are printed, never interpreted."""

    def __init__(self, console: Console | None = None) -> None:
        terminal = Console(highlight=False)
        self.console = console or (terminal if terminal.is_terminal else Console(highlight=False, width=PLAIN_WIDTH))
        self.live = self.console.is_terminal
        self.times: list[tuple[str, float]] = []

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """One step of the story; its time is printed when it went well."""
        number = len(self.times) + 1
        self.console.print()
        self.console.print(Rule(f"{number}. {title}", align="left", characters="─", style="cyan"))
        began = time.monotonic()
        yield
        took = time.monotonic() - began
        self.times.append((title, took))
        self.console.print(Text(f"  ✓ {took:.1f} s", style="green"))

    def say(self, words: str, *, label: str = "", style: str = "") -> None:
        """Some words, wrapped below themselves; `label` stands before them."""
        said: RenderableType = Text(words, style=style)
        if label:
            grid = Table.grid(padding=(0, 1))
            grid.add_column(width=LABEL, no_wrap=True)
            grid.add_row(Text(label, style="bold"), said)
            said = grid
        self.console.print(Padding(said, (0, 0, 0, 2), expand=False))

    def quote(self, words: str) -> None:
        """What a customer wrote, in part and made safe."""
        self.console.print(Text.assemble("    “", (safe(words, self.console.width - 8), "italic"), "”"))

    def show(self, what: RenderableType) -> None:
        """A table or a tree."""
        self.console.print(what)

    def plain(self, line: str) -> None:
        """One line without any dress, for other programs to read too."""
        self.console.print(Text(line), soft_wrap=True)

    @contextmanager
    def counting(self, what: str, total: int) -> Iterator[Counter]:
        """Progress towards `total`."""
        parts = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*parts, console=self.console, transient=True, disable=not self.live) as progress:
            yield Counter(self, progress, progress.add_task(what, total=total), total)
