"""What customers say in these tests."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from contracts.event import Money
from contracts.feedback import Customer, FeedbackReceived, Rating
from contracts.problems import FeedbackTriaged
from tests.support.driven import Driven

LOGIN = (
    "Login fails after the update, password rejected",
    "Cannot login since the update: password is rejected",
    "After yesterday's update my password gets rejected at login",
    "login broken, update rejected my password",
    "The update logged me out and login rejects the password",
)
INVOICE = (
    "Invoice export for the accountant lacks the tax rate",
    "Please add the tax rate to the invoice export, our accountant complains",
    "The accountant rejects our invoice export: tax rate missing",
)


def feedback(text: str, *, customer: str | None = None, days_ago: float = 0, **more: Any) -> FeedbackReceived:
    now = datetime.now(UTC) - timedelta(minutes=1)
    details = {name: more.pop(name) for name in ("segment", "plan") if name in more}
    if "revenue" in more:
        details["revenue"] = Money(amount_minor=more.pop("revenue"), currency=more.pop("currency", "EUR"))
    if "stars" in more:
        more["rating"] = Rating(value=more.pop("stars"), scale=5)
    return FeedbackReceived(
        feedback_id=more.pop("feedback_id", None) or UUID(str(uuid7())),
        text=text,
        source=more.pop("source", "support-desk"),
        received_at=now,
        occurred_at=now - timedelta(days=days_ago),
        customer=Customer(id=customer, **details) if customer else None,
        **more,
    )


async def problem_of(triage: Driven, event: FeedbackReceived) -> UUID | None:
    """The problem that was last said to be behind these words."""
    said = [one for one in await triage.said(FeedbackTriaged) if one.feedback_id == event.feedback_id]
    return said[-1].problem_id


async def shown(triage: Driven, problem_id: UUID | None) -> dict[str, Any]:
    answer = await triage.http.get(f"/v1/problems/{problem_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def listed(triage: Driven, **query: Any) -> list[dict[str, Any]]:
    answer = await triage.http.get("/v1/problems", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]
