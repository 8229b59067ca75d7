"""The parts of the demo that can be wrong on their own: what is sent, what is believed, what is verified."""

import json
from collections import Counter
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import httpx
import pytest
from rich.console import Console
from standardwebhooks.webhooks import Webhook

from libs.command.demo import simulation
from libs.command.demo.correction import about_moving
from libs.command.demo.receiver import Receiver
from libs.command.demo.screen import Screen
from libs.command.demo.story import StepFailed, until, verify
from libs.command.demo.thread import Thread
from libs.command.demo.words import SAMPLE, sample

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_sample_ends_today_never_later_and_keeps_the_truth_to_itself() -> None:
    items = sample(NOW)
    times = [datetime.fromisoformat(item["occurred_at"]) for item in items]
    assert (len(items), max(times) <= NOW, max(times).date()) == (363, True, NOW.date())
    assert (NOW.date() - min(times).date()).days == 41
    assert all({"about", "day", "time"}.isdisjoint(item) for item in items)
    assert len({(item["source"], item["external_id"]) for item in items}) == 357


def test_the_person_of_the_demo_reads_well() -> None:
    read = Counter[tuple[bool, bool]]()
    for line in SAMPLE.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        read[entry["about"] == "cannot-reschedule", about_moving(entry["text"])] += 1
    found, missed, wrong = read[True, True], read[True, False], read[False, True]
    assert found / (found + missed) > 0.85
    assert found / (found + wrong) > 0.85


def test_the_simulated_clients_are_the_same_each_time_and_each_in_one_arm() -> None:
    def observed() -> list[dict[str, Any]]:
        return [item for _, part in simulation.stream("key", "run", simulation.beginning()) for item in part]

    first = observed()
    assert [{**item, "at": ""} for item in first] == [{**item, "at": ""} for item in observed()]
    exposures = [item for item in first if "variant" in item]
    arms = {item["unit"]: item["variant"] for item in exposures}
    assert len(exposures) == len(arms) == simulation.VISITORS
    kept = Counter(arms[item["unit"]] for item in first if item.get("metric") == simulation.KEPT)
    sizes = Counter(arms.values())
    rates = {arm: kept[arm] / sizes[arm] for arm in sizes}
    assert 0.015 < rates[simulation.TREATMENT] - rates[simulation.CONTROL] < 0.025


def test_each_part_of_the_stream_fits_one_request() -> None:
    assert max(len(part) for _, part in simulation.stream("key", "run", simulation.beginning())) <= 1_000


def deliver(receiver: Receiver, identity: str, *, secret: str = SECRET) -> int:
    body = json.dumps({"type": "whystream.decision.made.v1", "data": {"decision_id": "d-1"}})
    now = datetime.now(UTC)
    headers = {
        "webhook-id": identity,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(identity, now, body),
    }
    return httpx.post(receiver.url, content=body, headers=headers, trust_env=False, timeout=10).status_code


def test_the_receiver_believes_what_is_signed_and_keeps_it_once() -> None:
    receiver = Receiver()
    try:
        receiver.believe(SECRET)
        assert [deliver(receiver, identity) for identity in ("e-1", "e-1", "e-2")] == [204, 204, 204]
        assert len(receiver.about("whystream.decision.made.v1", decision_id="d-1")) == 2
        assert receiver.about("whystream.decision.made.v1", decision_id="d-2") == []
        assert deliver(receiver, "e-3", secret="whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA") == 401
        assert (len(receiver.told), len(receiver.refused)) == (2, 1)
    finally:
        receiver.close()


LINEAGE = {
    "decision": {"id": "d"},
    "nodes": [
        {"kind": kind, "id": name, "at": "2026"}
        for kind, name in (
            ("decision", "d"),
            ("problem", "p"),
            ("problem", "old"),
            ("feedback", "f"),
            ("feedback", "g"),
        )
    ],
    "edges": [
        {"from": "decision/d", "relation": "about", "to": "problem/p"},
        {"from": "problem/old", "relation": "merged_into", "to": "problem/p"},
        {"from": "feedback/f", "relation": "grouped_into", "to": "problem/old"},
        {"from": "problem/p", "relation": "merged_into", "to": "problem/p"},
    ],
}


def test_the_thread_is_followed_through_merges_and_ends_even_in_a_circle() -> None:
    thread = Thread(LINEAGE)
    assert thread.path_to("feedback/f") == ["decision/d", "problem/p", "problem/old", "feedback/f"]
    assert thread.path_to("feedback/g") == []
    assert thread.problem_of("feedback/f") == "problem/p"
    assert thread.problem_of("feedback/g") == ""
    assert [node["id"] for node in thread.grouped()] == ["f"]


def screen() -> tuple[Screen, StringIO]:
    out = StringIO()
    return Screen(Console(file=out, width=60)), out


def test_without_a_terminal_progress_is_a_few_lines() -> None:
    shown, out = screen()
    with shown.counting("clients", 1_000) as counter:
        for count in range(0, 1_001, 10):
            counter.reach(count)
    assert [line.strip() for line in out.getvalue().splitlines()] == [
        f"{count} of 1,000" for count in ("250", "500", "750", "1,000")
    ]


def test_customers_words_are_printed_and_never_interpreted() -> None:
    shown, out = screen()
    shown.quote("[bold red]not markup[/] \x1b[31m\u202ereversed\nnext line")
    shown.say("[link=http://x.example]a[/link]", label="[b]")
    assert "“[bold red]not markup[/]  [31m reversed next line”" in out.getvalue()
    assert "[link=http://x.example]a[/link]" in out.getvalue()


async def test_waiting_ends_with_what_was_seen_last() -> None:
    async def look() -> int:
        return 3

    assert await until(look, lambda seen: seen == 3, str) == 3
    with pytest.raises(StepFailed, match=r"only 3 .*whystream doctor"):
        await until(look, lambda seen: seen == 4, lambda seen: f"only {seen}", within=0.01)
    with pytest.raises(StepFailed, match="it broke"):
        verify(False, "it broke")
