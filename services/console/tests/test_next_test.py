"""What to test next stands on the problem's page, and an experiment that was replaced does not run on there."""

from uuid import UUID, uuid4

from contracts.experiments import (
    Arm,
    AssumptionStated,
    ExperimentConcluded,
    ExperimentKind,
    ExperimentStarted,
    Metric,
    OptionProposed,
)
from contracts.problems import ProblemOpened
from services.console.tests.telling import Story
from services.console.tests.test_pages import signed_in
from tests.support.driven import Driven

NEXT = "Test this next"


def told(workspace: str) -> Story:
    """A problem with one option that rests on two assumptions."""
    story = Story(workspace)
    story.say(
        ProblemOpened(problem_id=story.problem, statement="They must call", first_feedback_id=uuid4()),
        OptionProposed(option_id=story.option, problem_id=story.problem, kind="build", title="A link"),
    )
    return story


def assume(story: Story, statement: str, risk: str = "value", importance: int = 5) -> UUID:
    identity = uuid4()
    story.say(
        AssumptionStated(
            assumption_id=identity,
            problem_id=story.problem,
            option_id=story.option,
            risk=risk,  # type: ignore[arg-type]  # one of the risks; checked when the event is made
            statement=statement,
            importance=importance,
        )
    )
    return identity


def begun(
    story: Story, assumption: UUID, kind: ExperimentKind = "ab", version: int = 1, previous: UUID | None = None
) -> ExperimentStarted:
    return ExperimentStarted(
        experiment_id=uuid4(),
        key="link",
        kind=kind,
        problem_id=story.problem,
        hypothesis=f"They use it, said for the {version}. time",
        primary_metric=Metric(name="moved", kind="conversion", direction="increase"),
        arms=(Arm(name="control", weight=1), Arm(name="link", weight=1)),
        alpha=0.05,
        planned_units=900,
        assumption_id=assumption,
        version=version,
        previous_id=previous,
    )


def ended(story: Story, started: ExperimentStarted, conclusion: str = "supported") -> ExperimentConcluded:
    return ExperimentConcluded(
        experiment_id=started.experiment_id,
        key="link",
        kind=started.kind,
        problem_id=story.problem,
        conclusion=conclusion,  # type: ignore[arg-type]  # one of three; checked when the event is made
        recommendation="iterate",
        units=900,
        summary="They use it",
        learned="They do",
        concluded_by="jonas",
        assumption_id=started.assumption_id,
    )


async def page_of(console: Driven, story: Story, path: str = "") -> str:
    await console.deliver(*story.envelopes)
    async with signed_in(console) as client:
        answer = await client.get(path or f"/problems/{story.problem}")
    assert answer.status_code == 200
    return answer.text


def proposed(page: str) -> str:
    """The part of the page that says what to test next."""
    return page.partition(NEXT)[2].partition("</aside>")[0]


async def test_the_page_proposes_the_riskiest_untested_assumption_and_says_why(console: Driven, workspace: str) -> None:
    story = told(workspace)
    assume(story, "It pays", "viability")
    assume(story, "They find <b>it</b>", "usability", 4)
    wanted = assume(story, "They want it")
    page = await page_of(console, story)
    assert "They want it" in proposed(page)
    assert "value risk, importance 5 of 5 × lack of evidence 1 = 5" in proposed(page)
    assert 'aria-labelledby="next-test"' in page
    started = begun(story, wanted, "interview")
    story.say(started)
    assert "It pays" in proposed(await page_of(console, story))
    story.say(ended(story, started))
    assert "It pays" in proposed(await page_of(console, story))  # 5 × 0.6 is less than 5 × 1


async def test_a_weak_or_open_conclusion_leaves_an_assumption_to_be_tested(console: Driven, workspace: str) -> None:
    story = told(workspace)
    only = assume(story, "They want it")
    first = begun(story, only, "survey")
    story.say(first, ended(story, first, "inconclusive"))
    assert "lack of evidence 0.8 = 4" in proposed(await page_of(console, story))
    second = begun(story, only)
    story.say(second, ended(story, second, "refuted"))
    page = await page_of(console, story)
    assert NEXT not in page
    assert "there is none to test next" in page


async def test_without_assumptions_nothing_is_said_of_tests(console: Driven, workspace: str) -> None:
    page = await page_of(console, told(workspace))
    assert "A link" in page
    assert NEXT not in page
    assert "there is none to test next" not in page


async def test_a_version_that_was_replaced_does_not_run_on(console: Driven, workspace: str) -> None:
    story = told(workspace)
    before, after = assume(story, "They want it"), assume(story, "They find it", "usability")
    first = begun(story, before)
    second = begun(story, after, version=2, previous=first.experiment_id)
    story.say(second, first)  # the later one is heard of first
    page = await page_of(console, story)
    assert "They want it" in proposed(page)  # nothing tests it any more
    assert "stopped when version 2 took its place" in page
    assert "chip-replaced" in await page_of(console, story, "/experiments")
    assert (await console.http.get(f"/v1/lineage/experiment/{first.experiment_id}")).status_code == 200
    story.say(ended(story, first))
    assert "stopped when version 2 took its place" in await page_of(console, story)
