"""The first steps: customers speak through the product's tools, and problems appear behind their words."""

import asyncio
import json
from collections import Counter as Tally
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from rich.table import Table

from libs.client import Sent
from libs.command.demo.story import PATIENCE, StepFailed, Story, verify
from libs.command.demo.tap import Tap
from libs.command.tail import safe

SAMPLE = Path(__file__).with_name("feedback.jsonl")
LAST_DAY = 41
SHOWN = 8
_QUIET_SECONDS = 4
_OURS = ("day", "time", "about")


def sample(now: datetime) -> list[dict[str, Any]]:
    """The sample as product tools would send it: day 41 is today, and nothing lies in the future."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    found = []
    for line in SAMPLE.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        hours, minutes = map(int, entry["time"].split(":"))
        said_at = midnight + timedelta(days=entry["day"] - LAST_DAY, hours=hours, minutes=minutes)
        item = {name: value for name, value in entry.items() if name not in _OURS}
        found.append({**item, "occurred_at": min(said_at, now).isoformat()})
    return found


async def send_words(story: Story) -> None:
    """Each of the product's tools sends what its customers said; repeats are recognised."""
    items = sample(datetime.now(UTC))
    async with Tap(story.installation, "whystream.feedback.triaged.v1.*") as triaged:
        accepted: set[str] = set()
        sent: Tally[str] = Tally()
        for source, part in _by_source(items):
            receipts = await story.whystream.send_feedback(part)
            accepted |= _accepted(receipts)
            sent.update(receipt.status for receipt in receipts.items)
            _say_source(story, source, receipts)
        verify(sent["rejected"] == 0, f"{sent['rejected']} items of the sample were rejected; all are well formed")
        verify(sum(sent.values()) == len(items), f"{sum(sent.values())} receipts for {len(items)} items")
        repeats = len(items) - len({(item["source"], item["external_id"]) for item in items})
        if accepted:
            verify(sent["duplicate"] >= repeats, f"{sent['duplicate']} duplicates; the sample repeats {repeats} items")
        else:
            story.screen.say("all of the sample was here already: the story goes on with what it left")
        await _until_triaged(story, triaged, accepted)


def _by_source(items: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for source in dict.fromkeys(item["source"] for item in items):
        yield source, [item for item in items if item["source"] == source]


def _accepted(receipts: Sent) -> set[str]:
    return {str(receipt.id) for receipt in receipts.items if receipt.status == "accepted"}


def _say_source(story: Story, source: str, receipts: Sent) -> None:
    parts = [f"{receipts.accepted:>3} accepted"]
    parts += [f"{receipts.duplicate} sent before"] if receipts.duplicate else []
    parts += [f"{receipts.quarantined} kept aside for a person"] if receipts.quarantined else []
    story.screen.say(", ".join(parts), label=source)


async def _until_triaged(story: Story, triaged: Tap, accepted: set[str]) -> None:
    """Every accepted word has been given its problem, or none: triage says so about each."""
    done: set[str] = set()
    with story.screen.counting("triage", len(accepted)) as counter:
        while missing := accepted - done:
            try:
                event = await triaged.next(PATIENCE)
            except TimeoutError:
                detail = f"triage handled {len(done)} of {len(accepted)} and then nothing for {PATIENCE:.0f} s"
                raise StepFailed(f"{detail}; see logs/triage.log in the home") from None
            done |= {event.data["feedback_id"]} & missing
            counter.reach(len(done))
    if accepted:
        story.screen.say(f"{len(done)} pieces of feedback triaged, each with its reason")


async def see_problems(story: Story) -> None:
    """What customers really struggle with, the most worth solving first."""
    problems = await _settled(story)
    verify(len(problems) >= 5, f"only {len(problems)} problems appeared out of the sample")
    table = Table("problem, in a customer's words", "reports", "customers", "worth", box=None, header_style="bold")
    for column in table.columns[1:]:
        column.justify = "right"
    for problem in problems[:SHOWN]:
        value = problem["opportunity"]["customer_value"] * (1 + problem["opportunity"]["business_value"])
        words = safe(problem["statement"], 74)
        table.add_row(words, str(problem["reports"]), str(problem["customers"]), f"{value:.0f}")
    story.screen.show(table)
    total = sum(problem["reports"] for problem in problems)
    story.screen.say(f"{len(problems)} problems out of {total} reports: grouped by what they say, each with its reason")


async def _settled(story: Story) -> list[dict[str, Any]]:
    """The problems once hindsight has nothing more to say: the same for some seconds."""
    deadline, quiet, problems = monotonic() + PATIENCE, 0, await open_problems(story)
    while quiet < _QUIET_SECONDS and monotonic() < deadline:
        await asyncio.sleep(1)
        before, problems = problems, await open_problems(story)
        same = [(one["id"], one["reports"]) for one in problems] == [(one["id"], one["reports"]) for one in before]
        quiet = quiet + 1 if same else 0
    return problems


async def open_problems(story: Story) -> list[dict[str, Any]]:
    """All problems that were not merged into another, the most worth solving first."""
    found = [problem async for problem in story.whystream.problems(sort="opportunity")]
    return [problem for problem in found if problem["status"] != "merged"]
