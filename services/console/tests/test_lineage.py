"""Whatever the order in which events arrive, and however often, the thread from words to outcome is the same."""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from contracts.alignment import DecisionProposed
from contracts.catalog import consumed_by
from contracts.feedback import FeedbackErased, FeedbackReceived
from contracts.problems import FeedbackTriaged
from libs.messaging.processor import decode_event
from services.console.domain.graph import MAX_FEEDBACK
from services.console.domain.projection.rules import RULES
from services.console.main import SERVICE
from services.console.tests.telling import BEGAN, QUOTES, Story, triaged, whole_story
from services.console.use_cases.project_events import project_events
from tests.support.driven import Driven, delivered


async def lineage(console: Driven, story: Story) -> dict[str, Any]:
    """The decision's lineage as the API gives it, for the story's own workspace."""
    key = console.allow(f"ws_{story.workspace}_k", "decisions:read", workspace=story.workspace)
    answer = await console.http.get(f"/v1/decisions/{story.decision}/lineage", headers=key)
    assert answer.status_code == 200, answer.text
    return answer.json()


def of_kind(graph: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [node for node in graph["nodes"] if node["kind"] == kind]


def relations(graph: dict[str, Any], relation: str) -> set[tuple[str, str]]:
    return {(edge["from"], edge["to"]) for edge in graph["edges"] if edge["relation"] == relation}


@pytest.fixture
def story(workspace: str) -> Story:
    return whole_story(workspace)


def test_every_event_that_the_catalogue_sends_here_has_a_rule_and_no_other() -> None:
    expected = {entry.event for entry in consumed_by("console")}
    assert set(RULES) == expected
    assert SERVICE.handlers.events == expected


async def test_a_decision_leads_back_to_every_word_and_on_to_its_outcome(console: Driven, story: Story) -> None:
    assert set(await console.deliver(*story.envelopes)) == {None}
    graph = await lineage(console, story)
    assert graph["decision"]["title"] == "Let patients move their own appointment"
    assert graph["decision"]["state"] == "reviewed"
    texts = {node["text"] for node in of_kind(graph, "feedback")}
    assert set(QUOTES) <= texts  # verbatim, hostile ones too
    assert "The SMS costs more than the visit" not in texts  # it was split off
    problem, twin = f"problem/{story.problem}", f"problem/{story.twin}"
    assert (twin, problem) in relations(graph, "merged_into")
    assert (f"experiment/{story.experiment}", f"assumption/{story.assumption}") in relations(graph, "tests")
    assert (f"conclusion/{story.experiment}", f"assumption/{story.assumption}") in relations(graph, "supports")
    assert (f"option/{story.option}", f"assumption/{story.assumption}") in relations(graph, "assumes")
    assert relations(graph, "serves") == {
        (f"decision/{story.decision}", f"objective/{story.objective}"),
        (problem, f"objective/{story.objective}"),
    }
    assert {node["state"] for node in of_kind(graph, "position")} == {"agree", "concern"}
    assert {node["state"] for node in of_kind(graph, "notification")} == {"delivered"}
    assert [node["state"] for node in of_kind(graph, "review")] == ["too_early", "better"]
    assert len(of_kind(graph, "readout")) == 2
    assert graph["counts"]["feedback"] == len(of_kind(graph, "feedback")) == 9
    assert graph["truncated"] is False


@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
async def test_any_order_and_any_repetition_give_the_same_graph(console: Driven, data: st.DataObject) -> None:
    story = whole_story(f"p-{uuid4().hex[:12]}")
    await console.deliver(*story.envelopes)
    expected = await lineage(console, story)

    story.workspace = again = f"p-{uuid4().hex[:12]}"
    order = data.draw(st.permutations(range(len(story.envelopes))))
    repeated = data.draw(st.lists(st.sampled_from(range(len(story.envelopes))), max_size=20))
    size = data.draw(st.integers(1, 20))
    messages = [decode_event(delivered(story.envelopes[index])) for index in [*order, *repeated]]
    for start in range(0, len(messages), size):  # past the inbox, which would hide the repetitions
        async with console.transactions.begin(again) as work:
            await project_events(messages[start : start + size], work)
    assert await lineage(console, story) == expected


async def test_erased_words_are_gone_whichever_event_comes_first(console: Driven, workspace: str) -> None:
    story = Story(workspace)
    words = story.report("call me: 0170 1234567", story.problem)
    story.say(FeedbackErased(feedback_id=words, reason="customer_request"))
    for envelope in reversed(story.envelopes):
        await console.deliver(envelope)
    answer = await console.http.get(f"/v1/lineage/problem/{story.problem}")
    assert answer.status_code == 404  # nothing was said of the problem itself yet
    answer = await console.http.get(f"/v1/lineage/feedback/{words}")
    origin = answer.json()["origin"]
    assert (origin["state"], origin["text"]) == ("erased", "")
    async with console.transactions.begin(workspace) as work:
        kept = await (await work.driver()).fetch("SELECT content::text FROM facet WHERE workspace = $1", workspace)
    assert not any("0170" in row[0] or "move" in row[0] for row in kept)


async def test_of_the_customer_only_segment_and_plan_are_kept(console: Driven, story: Story) -> None:
    await console.deliver(*story.envelopes)
    async with console.transactions.begin(story.workspace) as work:
        query = "SELECT content::text FROM facet WHERE workspace = $1"
        kept = await (await work.driver()).fetch(query, story.workspace)
    assert any("clinic-group" in row[0] for row in kept)
    assert not any('"c-1"' in row[0] or "external_id" in row[0] for row in kept)


async def test_the_newest_triage_by_sequence_says_where_words_belong(console: Driven, workspace: str) -> None:
    story = Story(workspace)
    words = story.report("move it", story.twin, story.problem)
    *_, opening, first, second = [*story.envelopes]
    await console.deliver(opening, second)
    await console.deliver(first)  # older, arrives later
    graph = (await console.http.get(f"/v1/lineage/feedback/{words}")).json()
    assert relations(graph, "grouped_into") == {(f"feedback/{words}", f"problem/{story.problem}")}
    story.say(triaged(words, None))
    await console.deliver(*story.envelopes)
    graph = (await console.http.get(f"/v1/lineage/feedback/{words}")).json()
    assert relations(graph, "grouped_into") == set()


async def test_what_is_not_heard_of_yet_is_a_placeholder_and_fills_in(console: Driven, story: Story) -> None:
    proposed = next(item for item in story.envelopes if item.type == DecisionProposed.TYPE)
    await console.deliver(proposed)
    graph = await lineage(console, story)
    assert [node["state"] for node in of_kind(graph, "experiment")] == ["unknown"]
    assert [node["title"] for node in of_kind(graph, "problem")] == [""]
    await console.deliver(*story.envelopes)
    graph = await lineage(console, story)
    assert not [node for node in graph["nodes"] if node["state"] == "unknown"]


async def test_other_decisions_about_the_problem_are_not_behind_this_one(console: Driven, story: Story) -> None:
    other = uuid4()
    proposal = {
        "problem_id": story.problem,
        "title": "Another",
        "choice": "Do another",
        "reason": "so",
        "proposed_by": "x",
    }
    story.say(DecisionProposed(decision_id=other, **proposal))
    await console.deliver(*story.envelopes)
    assert str(other) not in str(await lineage(console, story))


async def test_words_lead_on_to_what_came_of_them(console: Driven, story: Story) -> None:
    await console.deliver(*story.envelopes)
    answer = await console.http.get(f"/v1/lineage/feedback/{story.feedback[6]}")  # of the problem that was merged
    kinds = {node["kind"] for node in answer.json()["nodes"]}
    assert {"problem", "decision", "notification", "review"} <= kinds
    assert answer.json()["counts"]["feedback"] == 1


async def test_a_decision_of_another_workspace_or_of_nobody_does_not_exist(console: Driven, story: Story) -> None:
    await console.deliver(*story.envelopes)
    stranger = console.allow("ws_other_k", "admin", workspace="somebody-else")
    answer = await console.http.get(f"/v1/decisions/{story.decision}/lineage", headers=stranger)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert "appointment" not in answer.text
    assert (await console.http.get(f"/v1/decisions/{uuid4()}/lineage")).status_code == 404
    assert (await console.http.get("/v1/decisions/nonsense/lineage")).status_code == 422
    assert (await console.http.get("/v1/lineage/decision/a%00b")).status_code == 404
    writer = console.allow("ws_writer_k", "feedback:write")
    answer = await console.http.get(f"/v1/decisions/{story.decision}/lineage", headers=writer)
    assert answer.status_code == 403


async def test_a_very_large_lineage_is_cut_and_says_so(console: Driven, workspace: str) -> None:
    story = whole_story(workspace)
    for index in range(MAX_FEEDBACK + 30):
        identity = uuid4()
        received = FeedbackReceived(
            feedback_id=identity, text=f"report {index}", source="in-app", received_at=BEGAN, occurred_at=BEGAN
        )
        story.say(received, triaged(identity, story.problem))
    for start in range(0, len(story.envelopes), 500):
        await console.deliver(*story.envelopes[start : start + 500])
    graph = await lineage(console, story)
    assert graph["truncated"] is True
    assert graph["counts"]["feedback"] == MAX_FEEDBACK + 30 + 9
    assert len(of_kind(graph, "feedback")) == MAX_FEEDBACK
    assert FeedbackTriaged.TYPE in {envelope.type for envelope in story.envelopes}
