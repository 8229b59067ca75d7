"""A merge that was taken back, as it is told: one line, and who follows a problem follows where it is now."""

from typing import Any
from uuid import UUID, uuid4

from contracts.problems import ProblemMerged, ProblemUnmerged
from services.alignment.tests.stories import grew, opened, subscribed
from tests.support.driven import Driven


def merged(problem_id: UUID, into: UUID) -> ProblemMerged:
    return ProblemMerged(problem_id=problem_id, into=into, merged_by="hindsight", reason="with hindsight they are one")


def unmerged(problem_id: UUID, survivor: UUID, statement: str = "Reminders come late") -> ProblemUnmerged:
    return ProblemUnmerged(problem_id=problem_id, unmerged_from=survivor, statement=statement, unmerged_by="Ann")


async def feed(alignment: Driven, **params: Any) -> list[dict[str, Any]]:
    answer = await alignment.http.get("/v1/feed", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def delivered_to(alignment: Driven, hook: dict[str, Any]) -> list[tuple[str, str]]:
    """The names of the events that wait for this webhook, and whom they are about, oldest first."""
    waiting = (await alignment.http.get("/v1/deliveries", params={"subscription_id": hook["id"]})).json()["items"]
    return [(row["event"]["name"], row["event"]["about"]) for row in reversed(waiting)]


async def following(alignment: Driven, problem_id: UUID) -> dict[str, Any]:
    return await subscribed(alignment, "http://127.0.0.1:9/", problem_ids=[str(problem_id)])


async def test_the_feed_says_who_took_it_back_in_one_line(alignment: Driven) -> None:
    problem, survivor = uuid4(), uuid4()
    await alignment.receives(opened(problem), merged(problem, survivor))
    await alignment.receives(unmerged(problem, survivor, "Reminders come an hour late"))
    await alignment.receives(grew(problem, 3, "Reminders come an hour late"))
    lines = [item["line"] for item in await feed(alignment)]
    assert "Ann took a merge back: “Reminders come an hour late” is a problem of its own again" in lines
    assert [item["name"] for item in await feed(alignment, types="problem.unmerged")] == ["problem.unmerged"]


async def test_who_follows_a_problem_hears_of_the_survivor_only_while_it_is_part_of_it(alignment: Driven) -> None:
    problem, survivor = uuid4(), uuid4()
    hook, other = await following(alignment, problem), await following(alignment, survivor)
    await alignment.receives(merged(problem, survivor))
    await alignment.receives(grew(survivor, 2))
    await alignment.receives(unmerged(problem, survivor))
    await alignment.receives(grew(survivor, 3), grew(problem, 4))
    mine, theirs = f"problem/{problem}", f"problem/{survivor}"
    assert await delivered_to(alignment, hook) == [
        ("problem.merged", mine),
        ("problem.grew", theirs),
        ("problem.unmerged", mine),
        ("problem.grew", mine),
    ]
    assert await delivered_to(alignment, other) == [
        ("problem.merged", mine),
        ("problem.grew", theirs),
        ("problem.unmerged", mine),
        ("problem.grew", theirs),
    ]


async def test_the_inner_of_two_merges_stays_when_the_outer_is_taken_back(alignment: Driven) -> None:
    inner, middle, outer = uuid4(), uuid4(), uuid4()
    hook = await following(alignment, inner)
    await alignment.receives(merged(inner, middle), merged(middle, outer), unmerged(middle, outer))
    before = len(await delivered_to(alignment, hook))
    await alignment.receives(grew(outer, 2), grew(middle, 3))
    assert (await delivered_to(alignment, hook))[before:] == [("problem.grew", f"problem/{middle}")]


async def test_merged_and_taken_back_and_merged_again_in_one_batch_ends_merged(alignment: Driven) -> None:
    problem, survivor, third = uuid4(), uuid4(), uuid4()
    hook = await following(alignment, problem)
    await alignment.receives(merged(problem, survivor), unmerged(problem, survivor), merged(problem, third))
    before = len(await delivered_to(alignment, hook))
    await alignment.receives(grew(survivor, 2), grew(third, 3))
    assert (await delivered_to(alignment, hook))[before:] == [("problem.grew", f"problem/{third}")]


async def test_merges_into_each_other_do_not_go_round_for_ever(alignment: Driven) -> None:
    one, other = uuid4(), uuid4()
    hook = await following(alignment, one)
    await alignment.receives(merged(one, other), merged(other, one))
    await alignment.receives(unmerged(one, other))
    before = len(await delivered_to(alignment, hook))
    await alignment.receives(grew(other, 2), grew(one, 3))
    assert (await delivered_to(alignment, hook))[before:] == [("problem.grew", f"problem/{one}")]
