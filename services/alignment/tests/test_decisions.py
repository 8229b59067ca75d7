"""A decision rests on something, answers those who disagree, and is looked at again."""

from typing import Any
from uuid import uuid4

import pytest

from contracts.alignment import (
    DecisionMade,
    DecisionProposed,
    DecisionReviewed,
    LoopClosed,
    ObjectiveSet,
    PositionTaken,
)
from services.alignment.tests.stories import made, proposal, proposed
from tests.support.driven import Driven

CONCERN = {"stakeholder": "Legal", "position": "concern", "comment": "Do we keep the clinic's zone long enough?"}
REVIEW_ON = {"review_on": "2999-01-01"}


async def test_an_objective_is_set_and_setting_its_name_again_changes_it(alignment: Driven) -> None:
    first = await alignment.http.post("/v1/objectives", json={"name": "Fewer missed visits", "weight": 3})
    again = await alignment.http.post("/v1/objectives", json={"name": "Fewer missed visits", "weight": 5})
    await alignment.http.post("/v1/objectives", json={"name": "Grow in dentistry", "weight": 4})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    said = await alignment.said(ObjectiveSet)
    assert [event.weight for event in said] == [3, 5, 4]
    assert said[0].objective_id == said[1].objective_id
    page = (await alignment.http.get("/v1/objectives", params={"limit": 1})).json()
    rest = (await alignment.http.get("/v1/objectives", params={"cursor": page["next_cursor"]})).json()
    assert [item["name"] for item in page["items"] + rest["items"]] == ["Fewer missed visits", "Grow in dentistry"]
    assert rest["next_cursor"] is None


async def test_a_decision_goes_from_proposed_to_made_to_reviewed_and_closes_the_loop(alignment: Driven) -> None:
    objective = (await alignment.http.post("/v1/objectives", json={"name": "Trust", "weight": 1})).json()["id"]
    problem_id = uuid4()
    decision_id = await proposed(alignment, problem_id=problem_id, objective_ids=[objective], proposed_by="Ann")
    assert (await alignment.last_said(DecisionProposed)).proposed_by == "Ann"
    await alignment.http.post(f"/v1/decisions/{decision_id}/positions", json={**CONCERN, "position": "object"})
    agreed = {"stakeholder": "Support", "position": "agree"}
    await alignment.http.post(f"/v1/decisions/{decision_id}/positions", json=agreed)
    made = await alignment.http.post(
        f"/v1/decisions/{decision_id}/make", json={**REVIEW_ON, "answer_to_concerns": "The zone is kept for ten years."}
    )
    assert made.status_code == 200, made.text
    said = await alignment.last_said(DecisionMade)
    assert (said.made_by, said.answer_to_concerns) == ("test", "The zone is kept for ten years.")
    assert [position.stakeholder for position in said.positions] == ["Legal", "Support"]
    assert str(said.objective_ids[0]) == objective
    early = {"outcome": "too_early", "learned": "Only one change of the clock so far."}
    await alignment.http.post(f"/v1/decisions/{decision_id}/review", json=early)
    assert await alignment.said(LoopClosed) == []
    final = {"outcome": "better", "learned": "Complaints fell by nine tenths.", "reviewed_by": "Ann"}
    reviewed = await alignment.http.post(f"/v1/decisions/{decision_id}/review", json=final)
    assert reviewed.json()["status"] == "reviewed"
    assert [event.outcome for event in await alignment.said(DecisionReviewed)] == ["too_early", "better"]
    closed = await alignment.last_said(LoopClosed)
    assert (closed.problem_id, str(closed.decision_id), closed.outcome) == (problem_id, decision_id, "better")
    sequences = [e.sequence for e in await alignment.said_envelopes() if e.subject == f"decision/{decision_id}"]
    assert sequences == sorted(set(sequences), key=lambda number: number or 0)


async def test_a_decision_without_evidence_says_openly_that_it_assumes(alignment: Driven) -> None:
    bare = await alignment.http.post("/v1/decisions", json=proposal(evidence=[]))
    assert bare.status_code == 422
    assert '"assumption": true' in bare.json()["errors"][0]["error"]
    assert await alignment.said() == []
    assert (await alignment.http.post("/v1/decisions", json=proposal(evidence=[], assumption=True))).status_code == 201
    reason = (await alignment.last_said(DecisionProposed)).reason
    assert reason.startswith("Assumption, not yet tested: Two thirds")
    resting = proposal(evidence=[], experiment_ids=[str(uuid4())])
    assert (await alignment.http.post("/v1/decisions", json=resting)).status_code == 201


async def test_an_open_concern_must_be_answered_and_a_later_position_replaces_it(alignment: Driven) -> None:
    decision_id = await proposed(alignment)
    await alignment.http.post(f"/v1/decisions/{decision_id}/positions", json=CONCERN)
    refused = await alignment.http.post(f"/v1/decisions/{decision_id}/make", json=REVIEW_ON)
    problem = refused.json()
    assert (refused.status_code, problem["type"].rpartition("/")[2]) == (409, "concerns-unanswered")
    assert "Legal (concern): Do we keep the clinic's zone long enough?" in problem["detail"]
    assert problem["concerns"] == [CONCERN]
    assert await alignment.said(DecisionMade) == []
    blank = await alignment.http.post(
        f"/v1/decisions/{decision_id}/make", json={**REVIEW_ON, "answer_to_concerns": "  "}
    )
    assert blank.status_code == 409
    now_agrees = {"stakeholder": "Legal", "position": "agree"}
    shown = await alignment.http.post(f"/v1/decisions/{decision_id}/positions", json=now_agrees)
    assert (len(shown.json()["positions"]), shown.json()["open_concerns"]) == (1, 0)
    assert len(await alignment.said(PositionTaken)) == 2
    assert (await alignment.http.post(f"/v1/decisions/{decision_id}/make", json=REVIEW_ON)).status_code == 200


async def test_a_decision_moves_forward_only(alignment: Driven) -> None:
    decision_id = await proposed(alignment)
    look = {"outcome": "worse", "learned": "Nothing changed."}
    assert (await alignment.http.post(f"/v1/decisions/{decision_id}/review", json=look)).status_code == 409
    past = await alignment.http.post(f"/v1/decisions/{decision_id}/make", json={"review_on": "2020-01-01"})
    assert past.status_code == 422
    assert (await alignment.http.post(f"/v1/decisions/{decision_id}/make", json=REVIEW_ON)).status_code == 200
    assert (await alignment.http.post(f"/v1/decisions/{decision_id}/make", json=REVIEW_ON)).status_code == 409
    late = await alignment.http.post(f"/v1/decisions/{decision_id}/positions", json=CONCERN)
    assert late.status_code == 409
    assert (await alignment.http.post(f"/v1/decisions/{decision_id}/review", json=look)).status_code == 200
    assert (await alignment.http.post(f"/v1/decisions/{decision_id}/review", json=look)).status_code == 409
    assert len(await alignment.said(DecisionMade)) == len(await alignment.said(DecisionReviewed)) == 1


async def test_decisions_are_listed_newest_first_in_pages(alignment: Driven) -> None:
    problem_id = uuid4()
    ids = [await proposed(alignment, problem_id=problem_id) for _ in range(3)]
    done = await made(alignment)
    seen, cursor = [], None
    for _ in range(5):
        page = await alignment.http.get("/v1/decisions", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        seen += [item["id"] for item in page.json()["items"]]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            break
    assert seen == [done, *reversed(ids)]
    only = (await alignment.http.get("/v1/decisions", params={"status": "made"})).json()["items"]
    assert [item["id"] for item in only] == [done]
    about = (await alignment.http.get("/v1/decisions", params={"problem_id": str(problem_id)})).json()["items"]
    assert [item["id"] for item in about] == list(reversed(ids))


@pytest.mark.parametrize(
    "body",
    [
        proposal(colour="red"),
        proposal(title=" "),
        proposal(title="a\x00b"),
        proposal(problem_id="7"),
        proposal(evidence=[{"kind": "rumour", "ref": "x"}]),
        proposal(evidence=[{"kind": "url", "ref": "https://a.example/\x00"}]),
        proposal(reason="x" * 29_001),
        proposal(alternatives=[{"title": "t", "why_not": "w"}] * 21),
        proposal(objective_ids=[str(uuid4())]),
        [],
    ],
)
async def test_a_bad_proposal_gets_a_precise_problem_and_nothing_is_kept(alignment: Driven, body: Any) -> None:
    answer = await alignment.http.post("/v1/decisions", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert await alignment.said() == []
    assert (await alignment.http.get("/v1/decisions")).json()["items"] == []


async def test_bad_positions_objectives_and_cursors_are_refused(alignment: Driven) -> None:
    decision_id = await proposed(alignment)
    silent = {"stakeholder": "Legal", "position": "object", "comment": "  "}
    answer = await alignment.http.post(f"/v1/decisions/{decision_id}/positions", json=silent)
    assert answer.status_code == 422
    assert "comment" in answer.text
    for weight in ("0", "-1", "1e999", '"heavy"'):
        body = f'{{"name": "x", "weight": {weight}}}'.encode()
        sent = await alignment.http.post("/v1/objectives", content=body, headers={"Content-Type": "application/json"})
        assert sent.status_code == 422, weight
    for cursor in ("!", "bnVsbA", "WzFd", "WyJ4Il0", "W10", "\x00"):
        for path in ("/v1/decisions", "/v1/objectives", "/v1/subscriptions", "/v1/deliveries"):
            assert (await alignment.http.get(path, params={"cursor": cursor})).status_code == 422, (path, cursor)
    assert await alignment.said(PositionTaken) == []


async def test_another_workspaces_decisions_and_objectives_do_not_exist(alignment: Driven) -> None:
    objective = (await alignment.http.post("/v1/objectives", json={"name": "Trust", "weight": 1})).json()["id"]
    decision_id = await proposed(alignment)
    stranger = alignment.allow("ws_stranger", "admin", workspace=f"other-{uuid4().hex[:6]}")
    shown = await alignment.http.get(f"/v1/decisions/{decision_id}", headers=stranger)
    assert shown.status_code == 404
    assert "clinic" not in shown.text
    for verb, body in (
        ("make", REVIEW_ON),
        ("positions", CONCERN),
        ("review", {"outcome": "worse", "learned": "x"}),
    ):
        answer = await alignment.http.post(f"/v1/decisions/{decision_id}/{verb}", json=body, headers=stranger)
        assert answer.status_code == 404, verb
    assert (await alignment.http.get("/v1/decisions", headers=stranger)).json()["items"] == []
    borrowed = await alignment.http.post("/v1/decisions", json=proposal(objective_ids=[objective]), headers=stranger)
    assert borrowed.status_code == 422
    assert len(await alignment.said(DecisionProposed)) == 1


async def test_every_route_needs_its_scope(alignment: Driven) -> None:
    decision_id, other = await proposed(alignment), uuid4()
    reader = alignment.allow("ws_reader", "decisions:read", "subscriptions:read")
    none = alignment.allow("ws_none", "feedback:write")
    writes = (
        "/v1/objectives",
        "/v1/decisions",
        f"/v1/decisions/{decision_id}/make",
        f"/v1/decisions/{decision_id}/positions",
        f"/v1/decisions/{decision_id}/review",
        "/v1/subscriptions",
        f"/v1/subscriptions/{other}/test",
        f"/v1/subscriptions/{other}/enable",
        f"/v1/deliveries/{other}/replay",
    )
    for path in writes:
        assert (await alignment.http.post(path, json={}, headers=reader)).status_code == 403, path
    reads = ("/v1/objectives", "/v1/decisions", "/v1/subscriptions", "/v1/deliveries", "/v1/feed")
    for path in reads:
        assert (await alignment.http.get(path, headers=reader)).status_code == 200, path
        assert (await alignment.http.get(path, headers=none)).status_code == 403, path


async def test_proposing_with_an_idempotency_key_happens_once(alignment: Driven) -> None:
    body, key = proposal(), {"Idempotency-Key": uuid4().hex}
    first = await alignment.http.post("/v1/decisions", json=body, headers=key)
    again = await alignment.http.post("/v1/decisions", json=body, headers=key)
    assert first.json()["id"] == again.json()["id"]
    assert len(await alignment.said(DecisionProposed)) == 1
