"""Arms out of a file of units: one row is one unit, or several rows are one unit when a column names it."""

import csv
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from math import isfinite
from typing import BinaryIO

from services.experiments.report.arms import MOST_ARMS, Arm, Kind, of_counts, printable
from services.experiments.report.errors import CalledWrongly, InputUnusable
from services.experiments.statistics.moments import Moments
from services.experiments.statistics.summary import Summary

_KNOWN_AS = {
    "unit": ("unit", "unit_id", "user", "user_id", "userid", "customer"),
    "variant": ("variant", "arm", "group", "variation", "version"),
    "value": ("value", "outcome", "converted", "metric"),
}
FIELDS = tuple(_KNOWN_AS)
_CONTROLS = ("control", "baseline")
_WORDS = {"true": 1.0, "false": 0.0}
_SHOWN_ERRORS = 5
_MOST_ERRORS = 1_000
_MOST_VARIANTS = 100
_LARGEST = 1e12


@dataclass(frozen=True)
class Units:
    """What the file holds: the arms, control first, and how many units were seen in two arms (and count in none)."""

    arms: list[Arm]
    excluded: int


@dataclass(frozen=True)
class _Row:
    unit: str | None
    variant: str
    value: float


class _RowWrong(Exception):
    """This row cannot be read."""


def read_units(file: BinaryIO, columns: Mapping[str, str], control: str | None, treatments: Sequence[str]) -> Units:
    """The arms of a CSV file with a header line. `columns` says which column holds a field of FIELDS.

    A row that cannot be read is named and nothing is computed, because numbers out of a part of a file mislead. All
    values 0 or 1 (or true and false): conversions, 1 if any of the unit's rows is. Otherwise means, of the sum over the
    unit's rows. Raises InputUnusable, or CalledWrongly when an option names what the file does not have.
    """
    collected = _Collected()
    wrong: list[str] = []
    for line, row in _rows(file, columns):
        if isinstance(row, _Row):
            collected.add(row)
        else:
            wrong.append(f"line {line} {row}")
        if len(collected.variants) > _MOST_VARIANTS:
            said = (
                f"there are more than {_MOST_VARIANTS} variants; say which column names them with --map variant=COLUMN"
            )
            raise InputUnusable(said)
        if len(wrong) >= _MOST_ERRORS:
            break
    if wrong:
        more = f"; and {len(wrong) - _SHOWN_ERRORS} more" if len(wrong) > _SHOWN_ERRORS else ""
        raise InputUnusable(f"nothing was computed: {'; '.join(wrong[:_SHOWN_ERRORS])}{more}")
    return Units(collected.arms(_chosen(sorted(collected.variants), control, treatments)), collected.excluded)


class _Collected:
    def __init__(self) -> None:
        self.variants: set[str] = set()
        self._binary = True
        self._values: dict[str, array[float]] = {}
        self._units: dict[str, tuple[str, float] | None] = {}

    @property
    def excluded(self) -> int:
        return sum(1 for unit in self._units.values() if unit is None)

    def add(self, row: _Row) -> None:
        self.variants.add(row.variant)
        self._binary = self._binary and row.value in (0.0, 1.0)
        if row.unit is None:
            self._values.setdefault(row.variant, array("d")).append(row.value)
            return
        known = self._units.get(row.unit, (row.variant, 0.0))
        same = known and known[0] == row.variant
        self._units[row.unit] = (row.variant, known[1] + row.value) if known and same else None

    def arms(self, names: Sequence[str]) -> list[Arm]:
        """Summaries per arm. A unit's rows are summed only now, when it is known which units count."""
        for unit in self._units.values():
            if unit is not None:
                self._values.setdefault(unit[0], array("d")).append(unit[1])
        kind: Kind = "conversion" if self._binary else "mean"
        arms = []
        for name in names:
            values = self._values.get(name, array("d"))
            if self._binary:
                summary = of_counts(sum(value > 0 for value in values), len(values))
            else:
                summary = Moments.of(values).summary() if values else Summary()
            arms.append(Arm(printable(name), kind, summary))
        return arms


def _rows(file: BinaryIO, columns: Mapping[str, str]) -> Iterator[tuple[int, _Row | str]]:
    """Each row with its line, or why it cannot be read."""
    # Bytes that are no UTF-8 become lone surrogates here, so that their row can be named.
    text = TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    header = text.readline(1_000_000)
    delimiter = max(",;\t", key=header.count)
    places = _places([name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])], columns)
    reader = csv.reader(text, delimiter=delimiter)
    while True:
        line = reader.line_num + 2
        try:
            cells = next(reader, None)
            if cells is None:
                return
            if any(cells):
                yield line, _row(cells, places)
        except (csv.Error, _RowWrong) as error:
            yield line, str(error)


def _places(header: list[str], columns: Mapping[str, str]) -> dict[str, int]:
    found: dict[str, int] = {}
    lower = [name.lower() for name in header]
    for field, names in _KNOWN_AS.items():
        if field in columns:
            if columns[field] not in header:
                raise CalledWrongly("--map", f"there is no column '{printable(columns[field])}'; {_has(header)}")
            found[field] = header.index(columns[field])
        else:
            known = next((name for name in names if name in lower), None)
            if known is not None:
                found[field] = lower.index(known)
    for field in ("variant", "value"):
        if field not in found:
            said = (
                f"no column holds the {field}: name it in the first line, or say --map {field}=COLUMN; {_has(header)}"
            )
            raise InputUnusable(said)
    return found


def _row(cells: list[str], places: Mapping[str, int]) -> _Row:
    held = {field: cells[place].strip() if place < len(cells) else "" for field, place in places.items()}
    if any("\udc80" <= one <= "\udcff" for cell in held.values() for one in cell):
        raise _RowWrong("is not UTF-8")
    for field, cell in held.items():
        if not cell:
            raise _RowWrong(f"has no {field}" + ("; write 0 for a unit without the outcome" * (field == "value")))
    written = held["value"]
    try:
        value = _WORDS[written.lower()] if written.lower() in _WORDS else float(written)
    except ValueError:
        raise _RowWrong(f"has the value '{printable(written)}', which is no number") from None
    if not isfinite(value) or abs(value) > _LARGEST:
        raise _RowWrong(f"has the value '{printable(written)}', which is too large or no number")
    return _Row(held.get("unit"), held["variant"], value)


def _chosen(variants: list[str], control: str | None, treatments: Sequence[str]) -> list[str]:
    """The arms to compare, control first."""
    if not variants:
        raise InputUnusable("the file has no rows below its first line")
    has = "the file has " + ", ".join(f"'{printable(name)}'" for name in variants[:MOST_ARMS])
    if control is None:
        known = [name for name in variants if name.lower() in _CONTROLS]
        if len(known) != 1:
            raise CalledWrongly("--control", f"say which variant is the control; {has}")
        control = known[0]
    for option, name in (("--control", control), *(("--treatment", name) for name in treatments)):
        if name not in variants:
            raise CalledWrongly(option, f"there is no variant '{printable(name)}'; {has}")
    others = list(treatments) or [name for name in variants if name != control]
    if not others:
        raise InputUnusable(f"there is only one variant, '{printable(control)}', and nothing to compare it with")
    if control in others or len(set(others)) < len(others):
        raise CalledWrongly("--treatment", "a variant is named twice")
    if len(others) >= MOST_ARMS:
        raise CalledWrongly("--treatment", f"at most {MOST_ARMS} variants are compared at once; name some; {has}")
    return [control, *others]


def _has(header: list[str]) -> str:
    return "the columns are " + (", ".join(f"'{printable(name)}'" for name in header[:20]) or "none")
