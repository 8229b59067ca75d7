"""The tally of every drill that ran, printed at the end."""

from collections.abc import Iterator

import pytest

from tests.drills.arena import Tally

_TALLIES: list[Tally] = []


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    found = Tally(request.node.name.removeprefix("test_").replace("_", " "))
    yield found
    _TALLIES.append(found)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _TALLIES:
        return
    terminalreporter.section("drills")
    terminalreporter.write_line(f"{'faults':>6} {'accepted':>8} {'lost':>5} {'doubled':>7} {'dead':>5}  drill")
    for found in _TALLIES:
        numbers = f"{found.faults:>6} {found.accepted:>8} {found.lost:>5} {found.doubled:>7} {found.dead:>5}"
        terminalreporter.write_line(f"{numbers}  {'; '.join([found.name, *found.notes])}")
