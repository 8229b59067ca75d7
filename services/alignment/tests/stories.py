"""Requests and events that the tests of alignment begin with."""

from typing import Any
from uuid import UUID, uuid4

from contracts.problems import ProblemGrew, ProblemOpened
from tests.support.driven import Driven

STATEMENT = "Reminders come an hour late"


def proposal(problem_id: UUID | str | None = None, **changes: Any) -> dict[str, Any]:
    """A proposal that may be sent as it is."""
    return {
        "problem_id": str(problem_id or uuid4()),
        "title": "Send reminders by the clinic's clock",
        "choice": "Schedule every reminder in the clinic's own time zone.",
        "reason": "Two thirds of the late reminders cross a change of the clock.",
        "evidence": [{"kind": "feedback", "ref": str(uuid4()), "note": "an hour late since Sunday"}],
        "alternatives": [{"title": "Send earlier for all", "why_not": "it moves the mistake, it does not mend it"}],
        **changes,
    }


async def proposed(alignment: Driven, **changes: Any) -> str:
    """The id of a decision that was just proposed."""
    answer = await alignment.http.post("/v1/decisions", json=proposal(**changes))
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def made(alignment: Driven, **changes: Any) -> str:
    decision_id = await proposed(alignment, **changes)
    answer = await alignment.http.post(f"/v1/decisions/{decision_id}/make", json={"review_on": "2999-01-01"})
    assert answer.status_code == 200, answer.text
    return decision_id


async def subscribed(alignment: Driven, url: str, *types: str, **filters: Any) -> dict[str, Any]:
    """A webhook subscription as it was answered, with its secret."""
    body = {"name": "Support team", "channel": "webhook", "url": url, "filter": {"types": types or ["*"], **filters}}
    answer = await alignment.http.post("/v1/subscriptions", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def opened(problem_id: UUID | None = None, statement: str = STATEMENT) -> ProblemOpened:
    return ProblemOpened(problem_id=problem_id or uuid4(), statement=statement, first_feedback_id=uuid4())


def grew(problem_id: UUID, reports: int = 2, statement: str = STATEMENT) -> ProblemGrew:
    return ProblemGrew(
        problem_id=problem_id, feedback_id=uuid4(), reports=reports, customers=reports, statement=statement
    )
