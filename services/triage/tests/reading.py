"""What triage does by the clock, done now, for the workspace of one test."""

from datetime import datetime
from typing import Any
from uuid import UUID

from contracts.feedback import FeedbackReceived
from services.triage.tests.words import problem_of
from services.triage.use_cases.draw_portraits import draw_all, hang, sit
from services.triage.use_cases.set_weights import recount
from services.triage.use_cases.watch_trends import watch_trends
from tests.support.driven import Driven


async def gathered(triage: Driven, *items: FeedbackReceived) -> UUID:
    """Receive these and see to it that they are one problem, whatever the engine makes of them; returns its id."""
    await triage.receives(*items)
    found = [await problem_of(triage, item) for item in items]
    problem = next(one for one in found if one is not None)
    for item, at in zip(items, found, strict=True):
        if at != problem:
            moved = await triage.http.post(f"/v1/feedback/{item.feedback_id}/move", json={"to": str(problem)})
            assert moved.status_code == 200, moved.text
    return problem


async def draw_now(triage: Driven) -> int:
    """Draw every portrait that is due; returns how many were."""
    drawn = 0
    for _ in range(50):
        async with triage.transactions.begin(triage.workspace) as work:
            sitting = await sit(work)
        finished = await draw_all(sitting)
        async with triage.transactions.begin(triage.workspace) as work:
            await hang(finished, work)
        if not finished:
            return drawn
        drawn += len(finished)
    raise AssertionError("portraits are due again and again")


async def watch_now(triage: Driven, now: datetime | None = None) -> int:
    """Look at every trend that is due at that moment."""
    async with triage.transactions.begin(triage.workspace, now=now) as work:
        return await watch_trends(work)


async def set_weights(triage: Driven, **weights: Any) -> dict[str, Any]:
    """Change the workspace's weights and rank everything by them."""
    answer = await triage.http.put("/v1/settings/triage", json=weights)
    assert answer.status_code == 200, answer.text
    while True:
        async with triage.transactions.begin(triage.workspace) as work:
            if not await recount(work):
                return answer.json()
