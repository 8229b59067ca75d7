"""A merge that was taken back: what is new belongs to the problem itself again, what was done stays where it went."""

from itertools import pairwise
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from contracts.experiments import OptionProposed
from contracts.problems import ProblemMerged, ProblemUnmerged
from services.experiments.tests.support import known_problem, testing
from tests.support.driven import Driven

OPTION = {"kind": "build", "title": "Send the reminder the evening before"}


def merged(problem_id: UUID, into: UUID) -> ProblemMerged:
    return ProblemMerged(problem_id=problem_id, into=into, merged_by="hindsight", reason="with hindsight they are one")


def unmerged(problem_id: UUID, survivor: UUID) -> ProblemUnmerged:
    return ProblemUnmerged(
        problem_id=problem_id, unmerged_from=survivor, statement="Reminders come late", unmerged_by="ann"
    )


async def proposed(experiments: Driven, problem_id: UUID) -> UUID:
    """The problem that a new option for this one is about."""
    answer = await experiments.http.post(f"/v1/problems/{problem_id}/options", json=OPTION)
    assert answer.status_code == 201, answer.text
    assert (await experiments.last_said(OptionProposed)).problem_id == UUID(answer.json()["problem_id"])
    return UUID(answer.json()["problem_id"])


async def listed(experiments: Driven, problem_id: UUID) -> list[dict[str, Any]]:
    return (await experiments.http.get(f"/v1/problems/{problem_id}/options")).json()["items"]


async def test_what_is_proposed_after_it_is_about_the_problem_itself_and_the_rest_stays(experiments: Driven) -> None:
    experiment = await testing(experiments)
    problem, survivor = UUID(experiment["problem_id"]), await known_problem(experiments)
    before = len(await listed(experiments, problem))
    await experiments.receives(merged(problem, survivor))
    assert await proposed(experiments, problem) == survivor
    await experiments.receives(unmerged(problem, survivor))
    assert await proposed(experiments, problem) == problem
    assert {one["problem_id"] for one in await listed(experiments, problem)} == {str(problem)}
    assert len(await listed(experiments, survivor)) == before + 1
    shown = (await experiments.http.get(f"/v1/experiments/{experiment['id']}")).json()
    assert shown["problem_id"] == str(survivor)


async def test_what_was_merged_into_it_before_belongs_to_it_again(experiments: Driven) -> None:
    inner, middle, outer = [await known_problem(experiments) for _ in range(3)]
    await experiments.receives(merged(inner, middle), merged(middle, outer))
    assert await proposed(experiments, inner) == outer
    await experiments.receives(unmerged(middle, outer))
    assert await proposed(experiments, inner) == await proposed(experiments, middle) == middle
    await experiments.receives(unmerged(inner, middle))
    assert await proposed(experiments, inner) == inner


async def test_a_problem_can_be_merged_again_also_the_other_way_round(experiments: Driven) -> None:
    one, other = [await known_problem(experiments) for _ in range(2)]
    await experiments.receives(merged(one, other), unmerged(one, other), merged(other, one))
    assert await proposed(experiments, other) == await proposed(experiments, one) == one
    await experiments.receives(unmerged(other, one))
    assert await proposed(experiments, other) == other


async def test_the_other_way_round_is_kept_when_it_is_told_before_the_first_is_taken_back(experiments: Driven) -> None:
    one, other = [await known_problem(experiments) for _ in range(2)]
    await experiments.receives(merged(one, other), merged(other, one))  # two problems' events have no common order
    assert await proposed(experiments, one) in (one, other)
    await experiments.receives(unmerged(one, other))
    assert await proposed(experiments, other) == one


async def test_a_long_chain_of_merges_leads_to_its_end(experiments: Driven) -> None:
    chain = [await known_problem(experiments), *(uuid7() for _ in range(30))]
    await experiments.receives(*(merged(one, into) for one, into in pairwise(chain)))
    assert await proposed(experiments, chain[0]) == chain[-1]


async def test_one_that_was_never_heard_of_is_known_from_then_on(experiments: Driven) -> None:
    problem = uuid7()
    await experiments.receives(unmerged(problem, uuid7()))
    assert await proposed(experiments, problem) == problem
