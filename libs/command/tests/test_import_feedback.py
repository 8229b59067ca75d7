"""`whystream import` against a real HTTP server: what is sent, what is said of bad lines, and how it ends."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from libs.client.tests.conftest import Answer, Asked, Platform
from libs.command.main import app


def run(platform: Platform, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["import", *arguments, "--url", platform.url, "--key", "ws_default_x"])


def receipts(asked: Asked) -> Answer:
    """Accepts everything but what says "refuse me" and what it has seen before."""
    found = []
    for index, item in enumerate(asked.items):
        if item["text"] == "refuse me":
            found.append({"index": index, "status": "rejected", "errors": [{"at": "text", "error": "not today"}]})
        else:
            found.append({"index": index, "status": "duplicate" if item["text"] == "known" else "accepted", "id": "f"})
    return 202, {"items": found}


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    file = tmp_path / "reviews.csv"
    file.write_bytes(b"Review,Stars,colour\ngood,4,red\nrefuse me,4,\nknown,4,\n\xff,1,\nalso good,many,\n")
    return file


def test_good_lines_go_in_and_bad_ones_are_named(platform: Platform, reviews: Path) -> None:
    platform.answer = receipts
    result = run(platform, str(reviews), "--source", "app-store", "--set", "rating.scale=5", "--map", "text=Review")
    assert result.exit_code == 1
    assert result.stdout.strip() == "1 accepted, 1 known already, 0 quarantined, 3 refused"
    assert "line 3: text: not today" in result.stderr
    assert "line 5: is not UTF-8" in result.stderr
    assert "line 6: rating.value: 'many' is no number" in result.stderr
    assert "left out: colour" in result.stderr
    assert platform.asked[0].items[0] | {"external_id": ""} == {
        "text": "good",
        "source": "app-store",
        "rating": {"value": 4.0, "scale": 5.0},
        "external_id": "",
    }


def test_a_dry_run_sends_nothing(platform: Platform, reviews: Path) -> None:
    result = run(platform, str(reviews), "--source", "x", "--set", "rating.scale=5", "--dry-run")
    assert (result.exit_code, platform.asked) == (1, [])
    assert "would send: 3 accepted" in result.stdout


def test_importing_again_sends_the_same_natural_keys(platform: Platform, tmp_path: Path) -> None:
    platform.answer = receipts
    file = tmp_path / "many.jsonl"
    file.write_text("\n".join(json.dumps({"text": f"words {n % 700}", "source": "s"}) for n in range(1_200)))
    for _ in range(2):
        assert run(platform, str(file)).exit_code == 0
    first, second = (platform.asked[: len(platform.asked) // 2], platform.asked[len(platform.asked) // 2 :])
    keys = [[item["external_id"] for asked in part for item in asked.items] for part in (first, second)]
    assert keys[0] == keys[1]
    assert len(set(keys[0])) == 1_200


def test_wrong_usage_is_said_before_anything_is_sent(platform: Platform, reviews: Path) -> None:
    assert run(platform, str(reviews), "--delimiter", "::").exit_code == 2
    assert run(platform, "no-such-file.csv").exit_code == 2
    assert platform.asked == []
