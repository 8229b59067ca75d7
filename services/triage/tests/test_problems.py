"""Problems as a team reads them: ranked, weighed, their brief answered, and nudged about what is not."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from contracts.alignment import DecisionMade, ObjectiveSet
from contracts.experiments import ExperimentConcluded
from contracts.problems import EvidenceGapFound, ProblemBriefChanged, ProblemOpened, ProblemPriorityChanged
from services.triage.domain import week_of
from services.triage.jobs import sweep
from services.triage.tests.words import INVOICE, LOGIN, feedback, listed, problem_of, shown
from services.triage.use_cases.find_gaps import find_gaps
from tests.support.driven import Driven


async def _opened(triage: Driven, text: str = LOGIN[0], customer: str | None = None) -> UUID:
    """A problem that one voice reports twice: what is said once is none yet."""
    await triage.receives(feedback(text, customer=customer), feedback(text, customer=customer))
    return (await triage.last_said(ProblemOpened)).problem_id


async def test_one_problem_shows_its_numbers_and_their_parts(triage: Driven) -> None:
    about = {"segment": "clinic", "plan": "pro", "revenue": 50_000}
    await triage.receives(
        feedback(LOGIN[0], customer="a", stars=1, days_ago=1, **about),
        feedback(LOGIN[1], customer="a", days_ago=9, **about),
        feedback(LOGIN[2], customer="b", segment="solo", revenue=10_000, currency="USD"),
    )
    view = await shown(triage, (await triage.last_said(ProblemOpened)).problem_id)
    assert (view["reports"], view["customers"]) == (3, 2)
    assert (view["segments"], view["plans"], view["sources"]) == (
        {"clinic": 1, "solo": 1},
        {"pro": 1},
        {"support-desk": 3},
    )
    assert view["revenue_at_stake"] == [
        {"amount_minor": 50_000, "currency": "EUR"},
        {"amount_minor": 10_000, "currency": "USD"},
    ]
    trend = view["trend"]
    assert (trend["last_7_days"], trend["previous_7_days"], trend["change"]) == (2, 1, 1)
    assert (trend["weeks"], trend["surging_since"]) == ([2, 1] + [0] * 11, None)
    parts = view["opportunity"]["parts"]
    assert parts["reach"] == 2
    assert parts["severity"] == pytest.approx(1 + (0.8 + 1) / 3, abs=1e-3)
    assert 0.9 < parts["recency"] <= 1
    assert parts["severity"] == pytest.approx(1 + parts["severity_ratings"] + parts["severity_wording"], abs=1e-3)
    product = parts["reach"] * parts["severity"] * parts["recency"] * parts["segment"]
    assert view["opportunity"]["customer_value"] == pytest.approx(product, abs=1e-3)
    assert view["opportunity"]["business_value"] == pytest.approx(2.6998, abs=1e-3)
    assert set(view["formula"]) >= {"customer_value", "business_value", "ranked_by"}
    assert {one["state"] for one in view["brief"].values()} == {"unanswered"}
    assert len(view["brief"]) == 8


async def test_a_flood_of_one_customer_does_not_move_the_ranking(triage: Driven) -> None:
    await triage.receives(*(feedback(text, customer=f"c-{n}") for n, text in enumerate(LOGIN[:3])))
    await triage.receives(*(feedback(INVOICE[0], customer="loud", stars=1) for _ in range(60)))
    await triage.receives(*(feedback("Logo cropped in confirmation mail header", source="bots") for _ in range(5)))
    ranked = await listed(triage)
    assert [(one["reports"], one["customers"]) for one in ranked] == [(3, 3), (5, 0), (60, 1)]
    assert [one["reports"] for one in await listed(triage, sort="reports")] == [60, 5, 3]


async def test_the_list_is_paged_filtered_and_searched(triage: Driven) -> None:
    said = {
        "alpha": "Bookings vanish from the calendar overnight",
        "bravo": "The printer leaves receipts blank",
        "charlie": "Quotes cannot be made in another currency",
        "delta": "Text reminders reach my clients an hour late",
        "echo": "My microphone stays silent in video calls",
        "foxtrot": "The map points at the wrong street",
        "golf": "Photos are uploaded sideways",
    }
    await triage.receives(
        *(
            feedback(f"{text}{more}", customer=segment, segment=segment, days_ago=n)
            for n, (segment, text) in enumerate(said.items())
            for more in (".", ", again.")
        )
    )
    for sort in ("opportunity", "recent", "reports"):
        seen, cursor = [], None
        for _ in range(5):
            query = {"sort": sort, "limit": "3", **({"cursor": cursor} if cursor else {})}
            page = (await triage.http.get("/v1/problems", params=query)).json()
            seen += [one["id"] for one in page["items"]]
            cursor = page["next_cursor"]
            if not cursor:
                break
        assert len(seen) == len(set(seen)) == 7
    for query in ({"segment": "bravo"}, {"q": "PRINTER"}, {"q": "leaves blank receipts"}):
        assert [one["statement"] for one in await listed(triage, **query)] == [f"{said['bravo']}."]
    assert await listed(triage, q="printer street") == []
    assert await listed(triage, q="100%_") == []
    assert await listed(triage, status="decided") == []


@pytest.mark.parametrize(
    "query",
    ["cursor=x", "cursor=WzEsMl0", "cursor=W10", "limit=0", "limit=201", "sort=best", "status=x", "q=%00", "segment="],
)
async def test_bad_queries_are_explained(triage: Driven, query: str) -> None:
    answer = await triage.http.get(f"/v1/problems?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


async def test_an_answer_rests_on_evidence_or_is_called_an_assumption(triage: Driven) -> None:
    item = feedback(LOGIN[0], customer="c-1")
    await triage.receives(item, feedback(LOGIN[1], customer="c-1"))
    problem = await problem_of(triage, item)
    path = f"/v1/problems/{problem}/brief"
    bare = await triage.http.put(f"{path}/why", json={"answer": "they cannot work"})
    assert bare.status_code == 422
    assert "assumption" in bare.json()["detail"]
    assumed = await triage.http.put(f"{path}/why", json={"answer": "they cannot work", "assumption": True})
    assert (assumed.json()["state"], assumed.json()["clarity"]) == ("assumption", 0)
    body = {"answer": "everybody", "evidence": [{"kind": "feedback", "ref": str(item.feedback_id)}]}
    for _ in range(2):
        answered = await triage.http.put(f"{path}/who", json=body)
        assert (answered.json()["state"], answered.json()["clarity"]) == ("answered", 0.125)
    said = await triage.said(ProblemBriefChanged)
    assert [(one.question, one.assumption, one.clarity) for one in said] == [("why", True, 0), ("who", False, 0.125)]
    assert (await listed(triage))[0]["clarity"] == 0.125


@pytest.mark.parametrize(
    "reference",
    [
        {"kind": "feedback", "ref": str(uuid4())},
        {"kind": "feedback", "ref": "T-1"},
        {"kind": "url", "ref": "javascript:alert(1)"},
        {"kind": "url", "ref": "https://["},
        {"kind": "rumour", "ref": "x"},
        {"kind": "url", "ref": "https://a.example/\u0000"},
    ],
)
async def test_evidence_must_be_there(triage: Driven, reference: dict[str, str]) -> None:
    path = f"/v1/problems/{await _opened(triage)}/brief/why"
    answer = await triage.http.put(path, json={"answer": "because", "evidence": [reference]})
    assert answer.status_code == 422
    assert (await triage.http.put(path.replace("why", "when"), json={"answer": "x"})).status_code == 422
    assert await triage.said(ProblemBriefChanged) == []


async def test_a_merge_takes_along_answers_suggestions_and_decisions(triage: Driven) -> None:
    gone, into = await _opened(triage, customer="c-1"), await _opened(triage, INVOICE[0])
    await triage.http.put(f"/v1/problems/{gone}/brief/why", json={"answer": "taken", "assumption": True})
    for problem in (gone, into):
        await triage.http.put(f"/v1/problems/{problem}/brief/buy", json={"answer": str(problem), "assumption": True})
    await triage.receives(_concluded(gone), _decided(gone))
    await triage.http.post(f"/v1/problems/{gone}/merge", json={"into": str(into)})
    view = await shown(triage, into)
    assert view["status"] == "decided"
    assert view["brief"]["why"]["answer"] == "taken"
    assert view["brief"]["buy"]["answer"] == str(into)
    assert len(view["brief"]["risks"]["suggestions"]) == 1
    assert len(view["decisions"]) == 1
    await triage.receives(_concluded(gone), _decided(gone))  # they may still speak of the merged one
    view = await shown(triage, into)
    assert (len(view["brief"]["risks"]["suggestions"]), len(view["decisions"])) == (2, 2)
    refused = await triage.http.put(f"/v1/problems/{gone}/brief/why", json={"answer": "x", "assumption": True})
    assert refused.status_code == 409
    assert str(into) in refused.json()["detail"]


async def test_an_experiment_is_offered_as_evidence_and_a_decision_closes_the_problem(triage: Driven) -> None:
    problem = await _opened(triage)
    await triage.receives(_concluded(problem), _concluded(uuid4()), _decided(problem), _decided(uuid4()))
    view = await shown(triage, problem)
    assert view["status"] == "decided"
    assert view["brief"]["success"]["state"] == "unanswered"
    assert view["brief"]["success"]["suggestions"][0]["text"] == "supported: two points more"
    await triage.receives(feedback(LOGIN[1]))
    assert [(one["status"], one["reports"]) for one in await listed(triage)] == [("decided", 3)]


async def test_objectives_weigh_in_any_order_and_are_told_once(triage: Driven) -> None:
    problem, objective = await _opened(triage, customer="c-1"), uuid4()

    def state(weight: float, *problems: UUID) -> ObjectiveSet:
        return ObjectiveSet(objective_id=objective, name="Grow", weight=weight, problem_ids=problems)

    await triage.receives(state(1, uuid4()))
    await triage.receives(state(2, problem))
    told = await triage.last_said(ProblemPriorityChanged)
    assert (told.problem_id, told.opportunity.business_value, told.opportunity.parts["objectives"]) == (problem, 2, 2)
    count = len(await triage.said(ProblemPriorityChanged))
    await triage.receives(state(2.1, problem))
    assert len(await triage.said(ProblemPriorityChanged)) == count
    await triage.receives(state(5))
    assert (await triage.last_said(ProblemPriorityChanged)).opportunity.business_value == 0
    assert (await shown(triage, problem))["objectives"] == []


async def test_priority_is_told_when_it_changed_by_a_quarter(triage: Driven) -> None:
    for n in range(12):
        await triage.receives(feedback(LOGIN[0], customer=f"c-{n}"))
    told = [round(one.opportunity.parts["reach"]) for one in await triage.said(ProblemPriorityChanged)]
    assert told == [2, 3, 4, 5, 7, 9, 12]
    assert (await triage.said(ProblemPriorityChanged))[-1].previous is not None


async def test_gaps_are_nudged_three_a_week_and_each_once(triage: Driven) -> None:
    problem = await _opened(triage, customer="c-0")
    await triage.http.put(f"/v1/problems/{problem}/brief/who", json={"answer": "all", "assumption": True})
    await sweep(triage.engine, triage.transactions)
    assert await triage.said(EvidenceGapFound) == []
    await triage.receives(*(feedback(text, customer=f"c-{n}") for n, text in enumerate(LOGIN[1:], 1)))
    for _ in range(2):
        await sweep(triage.engine, triage.transactions)
    told = await triage.said(EvidenceGapFound)
    week = week_of(datetime.now(UTC))
    assert [(one.question, one.week) for one in told] == [("why", week), ("success", week), ("risks", week)]
    later = datetime.now(UTC) + timedelta(days=7)
    for _ in range(2):
        async with triage.transactions.begin(triage.workspace, now=later) as work:
            await find_gaps(work)
    assert [one.week for one in await triage.said(EvidenceGapFound)] == [week] * 3 + [week_of(later)] * 3


async def test_a_decided_problem_is_not_nudged(triage: Driven) -> None:
    problem = await _opened(triage)
    await triage.receives(*(feedback(text) for text in LOGIN), _decided(problem))
    await sweep(triage.engine, triage.transactions)
    assert await triage.said(EvidenceGapFound) == []


def _concluded(problem: UUID) -> ExperimentConcluded:
    return ExperimentConcluded(
        experiment_id=uuid4(),
        key="self-service",
        kind="ab",
        problem_id=problem,
        conclusion="supported",
        recommendation="ship",
        units=100,
        summary="two points more",
        learned="it helps",
        concluded_by="ann",
    )


def _decided(problem: UUID) -> DecisionMade:
    return DecisionMade(
        decision_id=uuid4(),
        problem_id=problem,
        title="Build it",
        choice="build",
        reason="many ask",
        made_by="ann",
        review_on=date(2030, 1, 1),
    )
