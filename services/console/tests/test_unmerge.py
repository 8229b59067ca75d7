"""A merge that was taken back, as it is seen: two problems again, each with its own words, whatever came first."""

from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.envelope import Envelope
from contracts.problems import FeedbackTriaged, ProblemMerged, ProblemOpened, ProblemUnmerged
from libs.messaging.processor import decode_event
from services.console.tests.telling import Story, triaged, whole_story
from services.console.tests.test_lineage import lineage, relations
from services.console.tests.test_pages import signed_in
from services.console.use_cases.project_events import project_events
from tests.support.driven import Driven, delivered

STATEMENT = "Cancel and book again loses the place, again"


def taken_back(story: Story) -> None:
    """The twin is a problem of its own again; its words are told as placed there, as triage does."""
    story.say(
        ProblemUnmerged(problem_id=story.twin, unmerged_from=story.problem, statement=STATEMENT, unmerged_by="maria")
    )
    story.say(placed(story.feedback[6], story.twin))


def placed(feedback: UUID, problem: UUID) -> FeedbackTriaged:
    told = triaged(feedback, problem, 1.0)
    return told.model_copy(update={"assigned_by": "person", "algorithm": "person", "reason": "maria took a merge back"})


@pytest.fixture
def story(workspace: str) -> Story:
    return whole_story(workspace)


async def test_it_is_listed_again_and_its_words_are_its_own(console: Driven, story: Story) -> None:
    await console.deliver(*story.envelopes)
    words, twin = "lose my place on the waiting list", f"problem/{story.twin}"
    before = await lineage(console, story)
    assert words in str(before)
    told = len(story.envelopes)
    taken_back(story)
    await console.deliver(*story.envelopes[told:])
    async with signed_in(console) as client:
        overview = (await client.get("/")).text
        page = (await client.get(f"/problems/{story.twin}")).text
        survivor = (await client.get(f"/problems/{story.problem}")).text
    assert STATEMENT in overview
    assert f'<h1 dir="auto">{STATEMENT}</h1>' in page
    assert words in page
    assert words not in survivor
    after = await lineage(console, story)
    assert relations(after, "merged_into") == set()
    assert words not in str(after)
    assert twin not in {node["id"] for node in after["nodes"]}
    assert after["counts"]["feedback"] == before["counts"]["feedback"] - 1


async def test_it_can_be_merged_again(console: Driven, story: Story) -> None:
    taken_back(story)
    story.say(ProblemMerged(problem_id=story.twin, into=story.problem, merged_by="bo", reason="after all"))
    await console.deliver(*story.envelopes)
    twin, problem = f"problem/{story.twin}", f"problem/{story.problem}"
    assert relations(await lineage(console, story), "merged_into") == {(twin, problem)}


async def test_the_inner_of_two_merges_stays_when_the_outer_is_taken_back(console: Driven, story: Story) -> None:
    inner = uuid4()
    words = story.report("The place on the list is gone after rebooking", inner)
    story.say(ProblemOpened(problem_id=inner, statement="The list forgets", first_feedback_id=words))
    story.say(ProblemMerged(problem_id=inner, into=story.twin, merged_by="hindsight", reason="one"))
    taken_back(story)
    await console.deliver(*story.envelopes)
    async with signed_in(console) as client:
        page = (await client.get(f"/problems/{story.twin}")).text
        overview = (await client.get("/")).text
    assert "The place on the list is gone" in page
    assert "The list forgets" not in overview
    assert "The place on the list is gone" not in str(await lineage(console, story))


async def test_whichever_comes_first_and_however_often_it_ends_the_same(console: Driven) -> None:
    """Opened, merged, taken back, merged, taken back: in any order, each twice."""
    seen: set[str] = set()
    for order in list(permutations(range(5)))[::7]:
        story = Story(f"u-{uuid4().hex[:10]}", problem=UUID(int=1), twin=UUID(int=2))
        story.say(ProblemOpened(problem_id=story.twin, statement="First words", first_feedback_id=UUID(int=3)))
        for _ in range(2):
            story.say(ProblemMerged(problem_id=story.twin, into=story.problem, merged_by="hindsight", reason="one"))
            story.say(
                ProblemUnmerged(
                    problem_id=story.twin, unmerged_from=story.problem, statement=STATEMENT, unmerged_by="maria"
                )
            )
        await _project(console, story.workspace, [story.envelopes[index] for index in (*order, *order)])
        seen.add(str(await _problem(console, story)))
    assert len(seen) == 1
    assert STATEMENT in seen.pop()


async def _project(console: Driven, workspace: str, envelopes: list[Envelope]) -> None:
    for envelope in envelopes:  # past the inbox, which would hide the repetitions
        async with console.transactions.begin(workspace) as work:
            await project_events([decode_event(delivered(envelope))], work)


async def _problem(console: Driven, story: Story) -> dict[str, Any]:
    key = console.allow(f"ws_{story.workspace}_k", "admin", workspace=story.workspace)
    answer = await console.http.get(f"/v1/lineage/problem/{story.twin}", headers=key)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert relations(found, "merged_into") == set()
    return {node["id"]: {**node, "at": None} for node in found["nodes"]}
