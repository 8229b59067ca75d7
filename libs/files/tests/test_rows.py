"""Every row of a file comes out once, with its line; a bad one is named and stops no other."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from libs.files.errors import FileUnreadable
from libs.files.rows import Row, flat, format_of, rows


def read(path: Path, content: bytes, delimiter: str | None = None) -> list[Row]:
    path.write_bytes(content)
    return list(rows(path, format_of(path), delimiter))


def test_csv_rows_keep_their_line_across_quoted_line_breaks(tmp_path: Path) -> None:
    found = read(tmp_path / "a.csv", '\ufefftext,stars\n"two\nlines",5\n\n"Größe, ""ok""",\n'.encode())
    assert [(row.line, dict(row.values)) for row in found] == [
        (2, {"text": "two\nlines", "stars": "5"}),
        (5, {"text": 'Größe, "ok"'}),
    ]


def test_csv_rows_that_cannot_be_read_are_named_and_the_others_come(tmp_path: Path) -> None:
    found = read(tmp_path / "a.csv", b"text\ngood\n\xff\xfe\na,b\nlast\n")
    assert [(row.line, row.error is None) for row in found] == [(2, True), (3, False), (4, False), (5, True)]
    assert [row.error for row in found if row.error] == ["is not UTF-8", "has 2 columns, the first line names 1"]


def test_a_cell_beyond_all_reason_is_one_bad_row(tmp_path: Path) -> None:
    found = read(tmp_path / "a.csv", b"text\n" + b"x" * 1_000_001 + b"\ngood\n")
    assert [row.error is None for row in found] == [False, True]


def test_other_delimiters(tmp_path: Path) -> None:
    assert dict(read(tmp_path / "a.tsv", b"text\tid\nhi\t1\n")[0].values) == {"text": "hi", "id": "1"}
    assert dict(read(tmp_path / "a.csv", b"text;id\nhi;1\n", ";")[0].values) == {"text": "hi", "id": "1"}


def test_json_lines(tmp_path: Path) -> None:
    found = read(tmp_path / "a.jsonl", b'{"text":"a","customer":{"id":"c"}}\n\n{broken\n[1]\n"\xff"\n{"text":null}\n')
    assert [(row.line, row.error is None) for row in found] == [
        (1, True),
        (3, False),
        (4, False),
        (5, False),
        (6, True),
    ]
    assert dict(found[0].values) == {"text": "a", "customer.id": "c"}
    assert found[-1].offset == (tmp_path / "a.jsonl").stat().st_size


@pytest.mark.parametrize(
    "wrap", [lambda items: items, lambda items: {"items": items, "total": 2}, lambda items: {"x": items}]
)
def test_json_lists_bare_or_in_an_object(tmp_path: Path, wrap: object) -> None:
    content = json.dumps(wrap([{"text": "a"}, 5])).encode()  # type: ignore[operator]  # a lambda above
    found = read(tmp_path / "a.json", content)
    assert [(row.line, row.error) for row in found] == [(1, None), (2, "is not a JSON object")]


@pytest.mark.parametrize("content", [b"{broken", b"5", b"\xff"])
def test_a_json_file_that_is_none_is_refused_whole(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(FileUnreadable):
        read(tmp_path / "a.json", content)


def test_an_unknown_ending_says_what_to_do() -> None:
    with pytest.raises(FileUnreadable, match="say --format"):
        format_of(Path("export.xlsx"))


@given(some.binary())
def test_any_bytes_are_rows_or_errors_in_json_lines(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    for row in read(tmp_path_factory.mktemp("any") / "a.jsonl", content):
        assert row.error or row.values is not None


def test_flat_leaves_out_what_is_null() -> None:
    assert flat({"a": {"b": 1, "c": None}, "d": [1], "e": None}) == {"a.b": 1, "d": [1]}
