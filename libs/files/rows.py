"""Rows out of files of CSV, JSON Lines or JSON; a row that cannot be read is said with its line and stops no other."""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, Literal

from libs.files.errors import FileUnreadable

Format = Literal["csv", "jsonl", "json"]
_ENDINGS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
}
_LONGEST_CELL = 1_000_000
_LARGEST_JSON = 512 * 1024 * 1024


@dataclass(frozen=True)
class Row:
    """One record: its line (of JSON: its place, from 1), the bytes read so far, and its flat values or its error."""

    line: int
    offset: int
    values: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None


def format_of(path: Path) -> Format:
    """The format that the file's ending says. Raises FileUnreadable."""
    found = _ENDINGS.get(path.suffix.lower())
    if found is None:
        raise FileUnreadable(f"cannot tell the format of {path.name} by its ending; say --format csv, jsonl or json")
    return found


def rows(path: Path, kind: Format, delimiter: str | None = None) -> Iterator[Row]:
    """The records of the file, one after the other. Raises FileUnreadable when it is not of this format at all."""
    try:
        with path.open("rb") as file:
            if kind == "csv":
                yield from _csv(file, delimiter or ("\t" if path.suffix.lower() == ".tsv" else ","))
            elif kind == "jsonl":
                yield from _json_lines(file)
            else:
                yield from _json(file, path)
    except OSError as error:
        raise FileUnreadable(f"{path} cannot be read: {error.strerror}") from None


def flat(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested objects as dotted paths; None is left out."""
    found: dict[str, Any] = {}
    for name, value in document.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        elif value is not None:
            found[f"{prefix}{name}"] = value
    return found


def _csv(file: BinaryIO, delimiter: str) -> Iterator[Row]:
    csv.field_size_limit(_LONGEST_CELL)
    # Bytes that are no UTF-8 become lone surrogates here, so that only their own row is refused.
    text = TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    reader = csv.reader(text, delimiter=delimiter)
    header: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield Row(line, file.tell(), error=str(error))
            continue
        if cells is None:
            return
        if header is None:
            header = [name.strip() for name in cells]
        elif any(cells):
            yield _csv_row(line, file.tell(), header, cells)


def _csv_row(line: int, offset: int, header: list[str], cells: list[str]) -> Row:
    if len(cells) > len(header):
        return Row(line, offset, error=f"has {len(cells)} columns, the first line names {len(header)}")
    values = {name: cell for name, cell in zip(header, cells, strict=False) if name and cell.strip()}
    if any("\udc80" <= one <= "\udcff" for cell in values.values() for one in cell):
        return Row(line, offset, error="is not UTF-8")
    return Row(line, offset, values)


def _json_lines(file: BinaryIO) -> Iterator[Row]:
    offset = 0
    for line, content in enumerate(file, start=1):
        offset += len(content)
        if content.strip():
            yield _record(line, offset, content)


def _record(line: int, offset: int, content: bytes) -> Row:
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return Row(line, offset, error=f"is not JSON in UTF-8: {error}")
    return _object(line, offset, document)


def _object(line: int, offset: int, document: Any) -> Row:
    if not isinstance(document, dict):
        return Row(line, offset, error="is not a JSON object")
    return Row(line, offset, flat(document))


def _json(file: BinaryIO, path: Path) -> Iterator[Row]:
    content = file.read(_LARGEST_JSON + 1)
    if len(content) > _LARGEST_JSON:
        raise FileUnreadable(
            f"{path} is over {_LARGEST_JSON >> 20} MiB, too large for one JSON document; use JSON Lines"
        )
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise FileUnreadable(f"{path} is not JSON in UTF-8: {error}") from None
    # An export is either a bare list or an object with the list in its only or its "items" field.
    if isinstance(document, dict):
        lists = [value for value in document.values() if isinstance(value, list)]
        document = document.get("items", lists[0] if len(lists) == 1 else [document])
    if not isinstance(document, list):
        raise FileUnreadable(f"{path} holds no list of records")
    for number, one in enumerate(document, start=1):
        yield _object(number, len(content) * number // len(document), one)
