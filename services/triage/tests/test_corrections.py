"""What a person corrected stays corrected."""

from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.problems import (
    FeedbackTriaged,
    ProblemGrew,
    ProblemMerged,
    ProblemPriorityChanged,
    ProblemSplit,
    ProblemUnmerged,
)
from services.triage.grouping.regroup import regroup
from services.triage.store.work import TriageWork
from services.triage.tests.remembered import assert_remembered
from services.triage.tests.words import INVOICE, LOGIN, feedback, listed, problem_of, shown
from services.triage.use_cases.look_back import look, take_over
from tests.support.driven import Driven


async def _two(triage: Driven) -> tuple[UUID, UUID]:
    items = [*(feedback(text, customer=f"l-{n}") for n, text in enumerate(LOGIN[:3]))]
    items += [feedback(text, customer=f"i-{n}") for n, text in enumerate(INVOICE)]
    await triage.receives(*items)
    first, second = await problem_of(triage, items[0]), await problem_of(triage, items[-1])
    assert first is not None
    assert second is not None
    assert first != second
    return first, second


async def test_what_is_like_a_merged_problem_goes_to_its_survivor(triage: Driven) -> None:
    login, invoice = await _two(triage)
    answer = await triage.http.post(f"/v1/problems/{invoice}/merge", json={"into": str(login), "reason": "one cause"})
    assert answer.json() == {"id": str(invoice), "merged_into": str(login)}
    merged = await triage.last_said(ProblemMerged)
    assert (merged.problem_id, merged.into, merged.merged_by, merged.reason) == (invoice, login, "test", "one cause")
    later = feedback("tax rate missing from the accountant's invoice export again")
    await triage.receives(later)
    assert await problem_of(triage, later) == login
    gone, alive = await shown(triage, invoice), await shown(triage, login)
    assert (gone["status"], gone["merged_into"]) == ("merged", str(login))
    assert (alive["reports"], alive["customers"]) == (7, 6)
    quotes = (await triage.http.get(f"/v1/problems/{invoice}/evidence")).json()["items"]
    assert len(quotes) == 7
    assert [one["id"] for one in await listed(triage)] == [str(login)]
    assert [one["id"] for one in await listed(triage, status="merged")] == [str(invoice)]


async def test_merging_again_changes_nothing_and_elsewhere_is_a_conflict(triage: Driven) -> None:
    login, invoice = await _two(triage)
    for _ in range(2):
        assert (await triage.http.post(f"/v1/problems/{invoice}/merge", json={"into": str(login)})).status_code == 200
    assert len(await triage.said(ProblemMerged)) == 1
    back = await triage.http.post(f"/v1/problems/{login}/merge", json={"into": str(invoice)})
    itself = await triage.http.post(f"/v1/problems/{login}/merge", json={"into": str(login)})
    nowhere = await triage.http.post(f"/v1/problems/{login}/merge", json={"into": str(uuid4())})
    assert [back.status_code, itself.status_code, nowhere.status_code] == [409, 422, 404]
    assert str(login) in back.json()["detail"]


async def test_a_chain_of_merges_redirects_to_the_end(triage: Driven) -> None:
    login, invoice = await _two(triage)
    slow = feedback("Calendar loads slowly on the tablet every morning")
    await triage.receives(slow, feedback("Every morning the calendar loads slowly on my tablet"))
    third = await problem_of(triage, slow)
    await triage.http.post(f"/v1/problems/{login}/merge", json={"into": str(invoice)})
    await triage.http.post(f"/v1/problems/{invoice}/merge", json={"into": str(third)})
    assert (await shown(triage, login))["merged_into"] == str(third)
    later = feedback(LOGIN[4])
    await triage.receives(later)
    assert await problem_of(triage, later) == third


async def test_a_split_is_a_problem_of_its_own_and_draws_its_like(triage: Driven) -> None:
    items = [feedback(text, customer=f"c-{n}") for n, text in enumerate(LOGIN)]
    await triage.receives(*items)
    old = await problem_of(triage, items[0])
    assert old is not None
    listed_ids = [str(item.feedback_id) for item in items[3:]]
    answer = await triage.http.post(f"/v1/problems/{old}/split", json={"feedback": listed_ids})
    assert answer.status_code == 201
    new = UUID(answer.json()["id"])
    said = await triage.last_said(ProblemSplit)
    assert (said.problem_id, said.new_problem_id, [str(one) for one in said.feedback_ids]) == (old, new, listed_ids)
    told = [one for one in await triage.said(FeedbackTriaged) if one.assigned_by == "person"]
    assert {(one.problem_id, one.previous_problem_id) for one in told} == {(new, old)}
    assert (await shown(triage, old))["reports"] == 3
    assert (await shown(triage, new))["reports"] == 2
    counts = {one.problem_id: one.reports for one in await triage.said(ProblemPriorityChanged)}
    assert (counts[old], counts[new]) == (3, 2)
    copies = [feedback(LOGIN[3]), feedback(LOGIN[0])]
    await triage.receives(*copies)
    assert [await problem_of(triage, copy) for copy in copies] == [new, old]
    assert await _broken(triage) == 0


async def test_a_split_lists_only_what_is_there_and_leaves_something(triage: Driven) -> None:
    login, invoice = await _two(triage)
    quotes = (await triage.http.get(f"/v1/problems/{login}/evidence")).json()["items"]
    ids = [quote["feedback_id"] for quote in quotes]
    tried = [(login, ids), (invoice, ids[:1]), (login, [str(uuid4())]), (login, []), (login, ids[:1] * 901)]
    answers = [
        await triage.http.post(f"/v1/problems/{problem}/split", json={"feedback": found}) for problem, found in tried
    ]
    assert [answer.status_code for answer in answers] == [409, 409, 404, 422, 422]
    assert await triage.said(ProblemSplit) == []


async def test_a_move_stays_and_what_is_nearly_the_same_follows(triage: Driven) -> None:
    login, invoice = await _two(triage)
    odd = feedback(LOGIN[3], customer="odd")
    await triage.receives(odd)
    assert await problem_of(triage, odd) == login
    for _ in range(2):
        answer = await triage.http.post(f"/v1/feedback/{odd.feedback_id}/move", json={"to": str(invoice)})
        assert answer.json() == {"feedback_id": str(odd.feedback_id), "problem_id": str(invoice)}
    told = [one for one in await triage.said(FeedbackTriaged) if one.feedback_id == odd.feedback_id]
    assert [(one.problem_id, one.assigned_by) for one in told] == [(login, "engine"), (invoice, "person")]
    assert (await triage.last_said(ProblemGrew)).reports == 4
    await triage.receives(feedback(LOGIN[3], feedback_id=odd.feedback_id))  # replayed: it stays
    copy = feedback(LOGIN[3])
    await triage.receives(copy)
    assert await problem_of(triage, copy) == invoice
    assert "a person" in (await triage.last_said(FeedbackTriaged)).reason
    assert (await shown(triage, login))["reports"] == 3


async def test_what_a_person_left_without_a_problem_stays_so_and_its_like_too(triage: Driven) -> None:
    spam = [feedback("Buy cheap followers and likes at our discount shop") for _ in range(2)]
    await triage.receives(*spam)
    problem = await problem_of(triage, spam[0])
    assert problem is not None
    for one in spam:
        assert (await triage.http.post(f"/v1/feedback/{one.feedback_id}/move", json={"to": None})).status_code == 200
    await triage.receives(again := feedback("buy cheap followers and likes at our discount shop!!"))
    assert await problem_of(triage, again) is None
    assert (await shown(triage, problem))["reports"] == 0


async def test_what_was_dismissed_is_no_problem_and_its_like_opens_none(triage: Driven) -> None:
    login, invoice = await _two(triage)
    for _ in range(2):
        answer = await triage.http.post(f"/v1/problems/{login}/dismiss")
        assert answer.json() == {"id": str(login), "status": "dismissed"}
    again = feedback(LOGIN[0])
    await triage.receives(again, feedback(LOGIN[4]))
    assert await problem_of(triage, again) is None
    assert [one["id"] for one in await listed(triage)] == [str(invoice)]
    assert [one["id"] for one in await listed(triage, status="dismissed")] == [str(login)]
    told = [one for one in await triage.said(FeedbackTriaged) if one.assigned_by == "person"]
    assert [(one.problem_id, one.previous_problem_id) for one in told] == [(None, login)] * 3
    assert (await triage.last_said(ProblemPriorityChanged)).reports == 0
    refused = await triage.http.post(f"/v1/feedback/{again.feedback_id}/move", json={"to": str(login)})
    assert (refused.status_code, "dismissed" in refused.json()["detail"]) == (409, True)
    assert await _broken(triage) == 0


async def test_an_unmerged_problem_has_exactly_the_evidence_it_had(triage: Driven) -> None:
    login, invoice = await _two(triage)
    before = {problem: await _evidence(triage, problem) for problem in (login, invoice)}
    await triage.http.post(f"/v1/problems/{invoice}/merge", json={"into": str(login)})
    later = feedback(INVOICE[1])
    await triage.receives(later)
    assert await problem_of(triage, later) == login
    answer = await triage.http.post(f"/v1/problems/{invoice}/unmerge")
    assert answer.json() == {"id": str(invoice), "unmerged_from": str(login)}
    said = await triage.last_said(ProblemUnmerged)
    assert (said.problem_id, said.unmerged_from, said.unmerged_by) == (invoice, login, "test")
    assert await _evidence(triage, invoice) == before[invoice]
    assert await _evidence(triage, login) == before[login] | {str(later.feedback_id)}
    alive = await shown(triage, invoice)
    assert (alive["status"], alive["merged_into"], alive["reports"], alive["customers"]) == ("open", None, 3, 3)
    assert await _broken(triage) == 0
    await triage.receives(follows := feedback("Invoice export: the accountant misses the tax rate"))
    assert await problem_of(triage, follows) == invoice
    again = await triage.http.post(f"/v1/problems/{invoice}/unmerge")
    assert again.status_code == 409


async def test_the_inner_of_two_merges_can_be_taken_back_and_then_the_other(triage: Driven) -> None:
    login, invoice = await _two(triage)
    slow = [feedback(f"Calendar loads slowly on the tablet {when}") for when in ("every morning", "each morning")]
    await triage.receives(*slow)
    calendar = await problem_of(triage, slow[0])
    before = {problem: await _evidence(triage, problem) for problem in (login, invoice, calendar)}
    await triage.http.post(f"/v1/problems/{login}/merge", json={"into": str(invoice)})
    await triage.http.post(f"/v1/problems/{invoice}/merge", json={"into": str(calendar)})
    await triage.http.post(f"/v1/problems/{invoice}/unmerge")
    assert (await shown(triage, login))["merged_into"] == str(invoice)
    assert await _evidence(triage, calendar) == before[calendar]
    assert await _evidence(triage, invoice) == before[invoice] | before[login]
    await triage.http.post(f"/v1/problems/{login}/unmerge")
    for problem, evidence in before.items():
        assert await _evidence(triage, problem) == evidence
    assert await _broken(triage) == 0


async def test_moves_to_nowhere_are_refused(triage: Driven) -> None:
    login, invoice = await _two(triage)
    await triage.http.post(f"/v1/problems/{invoice}/merge", json={"into": str(login)})
    item = feedback(LOGIN[0])
    await triage.receives(item)
    tried = [
        (item.feedback_id, {"to": str(uuid4())}, 404),
        (uuid4(), {"to": str(login)}, 404),
        (item.feedback_id, {"to": str(invoice)}, 409),
        (item.feedback_id, {}, 422),
        (item.feedback_id, {"to": "x"}, 422),
    ]
    for feedback_id, body, status in tried:
        answer = await triage.http.post(f"/v1/feedback/{feedback_id}/move", json=body)
        assert (answer.status_code, body) == (status, body)


@pytest.mark.parametrize("path", ["merge", "split"])
async def test_reading_is_not_correcting(triage: Driven, path: str) -> None:
    reader = triage.allow("ws_reader", "problems:read")
    answer = await triage.http.post(f"/v1/problems/{uuid4()}/{path}", json={}, headers=reader)
    assert answer.status_code == 403


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["merge", "split", "move", "dismiss", "unmerge", "look", "say"]),
            st.integers(0, 99),
            st.integers(0, 99),
        )
    )
)
async def test_no_correction_is_ever_undone(triage: Driven, steps: list[tuple[str, int, int]]) -> None:
    triage.workspace = f"t-{uuid4().hex[:12]}"
    admin = triage.allow(f"ws_{triage.workspace}", "admin")
    items = [feedback(text) for text in (*LOGIN, *INVOICE)]
    await triage.receives(*items)
    for kind, left, right in steps[:12]:
        one = items[left % len(items)]
        home, other = await problem_of(triage, one), await problem_of(triage, items[right % len(items)])
        if kind == "say":
            items.append(feedback(one.text))
            await triage.receives(items[-1])
        elif kind == "move":
            target = str(other) if other and right % 5 else None
            await triage.http.post(f"/v1/feedback/{one.feedback_id}/move", json={"to": target}, headers=admin)
        elif kind == "look":
            await _look_back(triage)
        elif kind in ("dismiss", "unmerge"):
            await triage.http.post(f"/v1/problems/{home}/{kind}", headers=admin)
        elif kind == "merge":
            await triage.http.post(f"/v1/problems/{home}/merge", json={"into": str(other)}, headers=admin)
        else:
            body = {"feedback": [str(one.feedback_id)]}
            await triage.http.post(f"/v1/problems/{home}/split", json=body, headers=admin)
        assert await _broken(triage) == 0
        await assert_remembered(triage)


async def _look_back(triage: Driven) -> None:
    async with triage.transactions.begin(triage.workspace) as work:
        seen = await look(work)
    async with triage.transactions.begin(triage.workspace) as work:
        await take_over(seen, regroup(seen.snapshot), work)


async def _evidence(triage: Driven, problem: UUID | None) -> set[str]:
    answer = await triage.http.get(f"/v1/problems/{problem}/evidence", params={"limit": 200})
    return {one["feedback_id"] for one in answer.json()["items"]}


async def _broken(triage: Driven) -> int:
    async with triage.transactions.begin(triage.workspace) as work:
        assert isinstance(work, TriageWork)
        return await (await work.corrections()).broken()
