"""Does `whystream group` tell a newcomer what their file says, and answer a program line by line?"""

import csv
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.triage.command import app

SAMPLE = Path(__file__).parents[3] / "libs/command/demo/feedback.jsonl"
_LOGIN = [
    "I cannot log in since yesterday's update",
    "Login fails after the update, the password is right",
    "After the update the login page only comes back again",
    "since the update I cannot log in any more",
    "The new version does not let me log in",
    "log in does not work after updating the app",
]
_EXPORT = [
    "Please add an export of all invoices for my accountant",
    "I need to export invoices as CSV for the accountant",
    "Exporting every invoice one by one takes hours",
    "invoice export for accounting is missing",
    "my accountant wants all invoices in one export",
    "There is no way to export the invoices of a quarter",
]


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["Account", "Review"])
        for place, text in enumerate([*_LOGIN, *_EXPORT, "zzz"]):
            writer.writerow([f"acc-{place % 9}", text])
    return path


def run(*arguments: str | Path, given: str | None = None) -> Any:
    return CliRunner().invoke(app, [*map(str, arguments), "--embedder", "light"], input=given)


def test_a_newcomers_export_becomes_problems_with_quotes(reviews, tmp_path):
    result = run(reviews, "--map", "text=Review", "--map", "customer.id=Account", "--out", tmp_path / "out.csv")
    assert result.exit_code == 0, result.output
    assert "13 lines" in result.output
    assert "“" in result.output
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == [*_LOGIN, *_EXPORT, "zzz"]
    largest = Counter(row["problem"] for row in rows[:6]).most_common(1)[0]
    assert largest[0]
    assert largest[1] >= 4
    assert largest[0] not in {row["problem"] for row in rows[6:12]}
    assert rows[-1]["problem"] == ""


def test_a_column_that_nobody_could_guess_is_asked_for(tmp_path):
    path = tmp_path / "export.csv"
    path.write_text("Account,Verbatim\nacc-1,I cannot log in\n")
    result = run(path)
    assert result.exit_code == 1
    assert "--map text=COLUMN" in result.output


def test_a_bad_line_is_named_and_stops_no_other(tmp_path):
    path = tmp_path / "items.jsonl"
    path.write_text("\n".join([json.dumps({"text": text}) for text in _LOGIN] + ["{broken"]) + "\n")
    result = run(path)
    assert result.exit_code == 1
    assert "line 7" in result.output
    assert "6 lines" in result.output


def test_without_a_file_it_says_what_to_give():
    result = run()
    assert result.exit_code == 2
    assert "give a file" in result.output


def lines(count: int) -> list[str]:
    texts = [json.loads(line)["text"] for line in SAMPLE.read_text(encoding="utf-8").splitlines()[:count]]
    return [json.dumps({"id": f"item {place}", "text": text}) for place, text in enumerate(texts)]


def stated(output: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first and the last statement of each id."""
    first: dict[str, Any] = {}
    last: dict[str, Any] = {}
    for line in output.splitlines():
        answer = json.loads(line)
        first.setdefault(answer["id"], answer)
        last[answer["id"]] = answer
    return first, last


def test_a_program_gets_a_statement_for_every_line_and_again_when_one_moves():
    given = lines(120)
    result = run("--jsonl", given="\n".join(given))
    assert result.exit_code == 0, result.output
    first, last = stated(result.output)
    assert list(first) == [f"item {place}" for place in range(120)]
    assert len({answer["cluster"] for answer in last.values()}) > 3
    assert any(first[key]["cluster"] != last[key]["cluster"] for key in first)
    assert all(0 <= answer["confidence"] <= 1 for answer in first.values() if answer["cluster"] is not None)
    assert run("--jsonl", given="\n".join(given)).output == result.output


@pytest.mark.parametrize("wrong", ["[]", '{"id": 1}', '{"text": "a"}', "nonsense", '{"id": 1, "text": 7}'])
def test_a_line_that_is_no_item_ends_it_with_its_number(wrong):
    result = run("--jsonl", given="\n".join([*lines(2), wrong]))
    assert result.exit_code == 1
    assert "line 3" in result.output


def test_a_line_is_answered_before_the_next_one_is_sent():
    command = [sys.executable, "-m", "libs.command.main", "group", "--jsonl", "--embedder", "light"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for place, line in enumerate(lines(12)):
            process.stdin.write(line + "\n")
            process.stdin.flush()
            while json.loads(process.stdout.readline())["id"] != f"item {place}":
                pass
        process.stdin.close()
        assert process.wait(timeout=60) == 0
