"""The opportunity tree: what is assumed, what is known about it, and what to test next."""

from typing import Any

from services.experiments.tests.support import known_problem, registration
from tests.support.driven import Driven


async def planted(experiments: Driven, *assumptions: tuple[str, str, int]) -> tuple[str, dict[str, str]]:
    """A problem with a build option and these assumptions (statement, risk, importance): the ids by statement."""
    problem = await known_problem(experiments)
    option = await posted(experiments, f"/v1/problems/{problem}/options", {"kind": "build", "title": "Build it"})
    await posted(experiments, f"/v1/problems/{problem}/options", {"kind": "nothing", "title": "Leave it"})
    ids = {}
    for statement, risk, importance in assumptions:
        body = {"risk": risk, "statement": statement, "importance": importance}
        ids[statement] = (await posted(experiments, f"/v1/options/{option['id']}/assumptions", body))["id"]
    return str(problem), ids


async def posted(experiments: Driven, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = await experiments.http.post(path, json=body)
    assert answer.is_success, answer.text
    return answer.json()


async def tree_of(experiments: Driven, problem: str) -> dict[str, Any]:
    answer = await experiments.http.get(f"/v1/problems/{problem}/tree")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_most_important_and_least_known_is_tested_next(experiments: Driven) -> None:
    problem, ids = await planted(
        experiments, ("pays", "viability", 4), ("wanted", "value", 4), ("easy", "usability", 3)
    )
    tree = await tree_of(experiments, problem)
    assert [option["kind"] for option in tree["options"]] == ["build", "nothing"]
    assert list(tree["options"][0]["assumptions"]) == ["value", "usability", "feasibility", "viability"]
    chosen = tree["test_next"]
    assert (chosen["id"], chosen["priority"], chosen["lack_of_evidence"]) == (ids["wanted"], 4.0, 1.0)
    assert tree["options"][0]["assumptions"]["value"][0]["test_next"] is True
    assert "importance (1 to 5) × lack of evidence" in tree["rule"]


async def test_what_a_person_knows_makes_it_less_pressing(experiments: Driven) -> None:
    problem, ids = await planted(experiments, ("wanted", "value", 4), ("easy", "usability", 3))
    stated = {"says": "supports", "note": "Forty calls ask for it", "source": "support desk"}
    evidence = await posted(experiments, f"/v1/assumptions/{ids['wanted']}/evidence", stated)
    assert evidence["stated_by"] == "test"
    tree = await tree_of(experiments, problem)
    assert tree["test_next"]["id"] == ids["easy"]
    wanted = tree["options"][0]["assumptions"]["value"][0]
    assert (wanted["evidence"], wanted["lack_of_evidence"], wanted["priority"]) == ("supports", 0.7, 2.8)
    assert (wanted["known"][0]["from"], wanted["known"][0]["words"]) == ("person", "Forty calls ask for it")
    missing = await experiments.http.post(f"/v1/assumptions/{problem}/evidence", json=stated)
    assert missing.status_code == 404


async def test_an_assumption_in_test_is_passed_over_and_a_conclusion_counts_by_its_kind(experiments: Driven) -> None:
    problem, ids = await planted(experiments, ("wanted", "value", 5), ("easy", "usability", 2))
    plan = registration(problem, assumption_id=ids["wanted"])  # type: ignore[arg-type]  # an id as text
    talks = {**plan, "kind": "interview", "arms": [{"name": "asked", "weight": 1}]}
    experiment = await posted(experiments, "/v1/experiments", talks)
    path = f"/v1/experiments/{experiment['id']}"
    assert (await tree_of(experiments, problem))["test_next"]["id"] == ids["wanted"]  # a draft tests nothing yet
    await posted(experiments, f"{path}/start")
    tree = await tree_of(experiments, problem)
    assert tree["test_next"]["id"] == ids["easy"]
    assert tree["options"][0]["assumptions"]["value"][0]["in_test"] is True
    await posted(experiments, f"{path}/stop")
    await posted(experiments, f"{path}/conclude", {"learned": "They would", "conclusion": "supported"})
    tree = await tree_of(experiments, problem)
    wanted = tree["options"][0]["assumptions"]["value"][0]
    assert (wanted["lack_of_evidence"], wanted["evidence"], wanted["known"][0]["kind"]) == (
        0.6,
        "supports",
        "interview",
    )
    assert wanted["experiments"][0]["conclusion"] == "supported"
    assert tree["test_next"]["id"] == ids["wanted"]  # 5 × 0.6 is still more than 2 × 1


async def test_when_everything_is_known_there_is_nothing_to_test(experiments: Driven) -> None:
    problem, ids = await planted(experiments, ("wanted", "value", 5))
    plan = registration(problem, assumption_id=ids["wanted"])  # type: ignore[arg-type]  # an id as text
    path = f"/v1/experiments/{(await posted(experiments, '/v1/experiments', plan))['id']}"
    await posted(experiments, f"{path}/start")
    await posted(experiments, f"{path}/stop")
    await posted(experiments, f"{path}/conclude", {"learned": "No", "conclusion": "refuted"})
    tree = await tree_of(experiments, problem)
    assert tree["test_next"] is None
    assert tree["options"][0]["assumptions"]["value"][0]["evidence"] == "refutes"
