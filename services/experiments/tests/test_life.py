"""From an option to a conclusion, in that order only."""

from uuid import UUID, uuid4

import pytest
from uuid_utils.compat import uuid7

from contracts.experiments import AssumptionStated, ExperimentConcluded, ExperimentStarted, OptionProposed
from contracts.problems import ProblemMerged, ProblemSplit
from services.experiments.tests.support import (
    assumed,
    known_problem,
    readout_of,
    registered,
    registration,
    running,
    testing,
    trial,
)
from tests.support.driven import Driven

OPTION = {"kind": "build", "title": "Send the reminder the evening before"}
ASSUMPTION = {"risk": "value", "statement": "Clients read it in the evening", "importance": 4}


async def test_options_and_assumptions_are_proposed_said_and_listed(experiments: Driven) -> None:
    problem_id = await known_problem(experiments)
    options = [
        (await experiments.http.post(f"/v1/problems/{problem_id}/options", json={**OPTION, "title": title})).json()
        for title in ("one", "two", "three")
    ]
    stated = await experiments.http.post(f"/v1/options/{options[0]['id']}/assumptions", json=ASSUMPTION)
    assert stated.status_code == 201
    assert (await experiments.last_said(AssumptionStated)).option_id == UUID(options[0]["id"])
    assert [event.title for event in await experiments.said(OptionProposed)] == ["one", "two", "three"]
    first = (await experiments.http.get(f"/v1/problems/{problem_id}/options?limit=2")).json()
    assert [item["title"] for item in first["items"]] == ["one", "two"]
    assert first["items"][0]["assumptions"][0]["statement"] == ASSUMPTION["statement"]
    rest = await experiments.http.get(f"/v1/problems/{problem_id}/options?cursor={first['next_cursor']}")
    assert ([item["title"] for item in rest.json()["items"]], rest.json()["next_cursor"]) == (["three"], None)
    assumed = (await experiments.http.get(f"/v1/options/{options[0]['id']}/assumptions")).json()
    assert [item["importance"] for item in assumed["items"]] == [4]


async def test_registration_computes_and_keeps_the_units_it_needs(experiments: Driven) -> None:
    draft = await registered(experiments)
    assert (draft["status"], draft["planned_units"], draft["alpha"]) == ("draft", 818, 0.05)
    assert (await experiments.http.get(f"/v1/experiments/{draft['id']}")).json() == draft
    assert await experiments.said(ExperimentStarted) == []


async def test_a_draft_can_be_registered_anew_and_a_started_experiment_cannot(experiments: Driven) -> None:
    draft = await testing(experiments)
    path = f"/v1/experiments/{draft['id']}"
    body = registration(UUID(draft["problem_id"]), alpha=0.01, assumption_id=draft["assumption_id"])
    assert (await experiments.http.put(path, json=body)).json()["alpha"] == 0.01
    await experiments.http.post(f"{path}/start")
    refused = await experiments.http.put(path, json={**body, "alpha": 0.2})
    assert refused.status_code == 409
    assert "what was registered cannot change" in refused.json()["detail"]
    assert (await experiments.http.get(path)).json()["alpha"] == 0.01


async def test_nothing_starts_before_it_says_which_assumption_it_tests(experiments: Driven) -> None:
    draft = await registered(experiments)
    path = f"/v1/experiments/{draft['id']}"
    refused = await experiments.http.post(f"{path}/start")
    assert refused.status_code == 409
    for said in ("POST /v1/options/{id}/assumptions", "'assumption_id'", "PUT /v1/experiments/{id}"):
        assert said in refused.json()["detail"]
    assert ((await experiments.http.get(path)).json()["status"], await experiments.said(ExperimentStarted)) == (
        "draft",
        [],
    )
    named = await assumed(experiments, draft["problem_id"])
    whole = await experiments.http.put(
        path, json=registration(UUID(draft["problem_id"]), assumption_id=named, minimum_days=7)
    )
    assert not any("assumption" in gap for gap in whole.json()["gaps"])
    assert (await experiments.http.post(f"{path}/start")).status_code == 200


async def test_a_new_version_must_say_which_assumption_it_tests_too(experiments: Driven) -> None:
    first = await running(experiments)
    path = f"/v1/experiments/{first['id']}"
    body = {"plan": registration(UUID(first["problem_id"])), "reason": "another alpha"}
    assert (await experiments.http.post(f"{path}/revise", json=body)).status_code == 409
    assert (await experiments.http.get(path)).json()["status"] == "running"


async def test_life_goes_one_way(experiments: Driven) -> None:
    path = f"/v1/experiments/{(await testing(experiments))['id']}"
    lesson = {"learned": "Evenings work"}
    for verb, status in (
        ("stop", 409),
        ("conclude", 409),
        ("start", 200),
        ("start", 409),
        ("conclude", 409),
        ("stop", 200),
        ("stop", 409),
        ("start", 409),
        ("conclude", 200),
        ("conclude", 409),
        ("stop", 409),
    ):
        answer = await experiments.http.post(f"{path}/{verb}", json=lesson if verb == "conclude" else None)
        assert answer.status_code == status, (verb, answer.text)
    assert len(await experiments.said(ExperimentStarted)) == len(await experiments.said(ExperimentConcluded)) == 1


async def test_a_key_is_taken_once_per_workspace(experiments: Driven) -> None:
    draft = await registered(experiments)
    body = registration(UUID(draft["problem_id"]))
    assert (await experiments.http.post("/v1/experiments", json=body)).status_code == 409
    other = await registered(experiments, key="other")
    assert (await experiments.http.put(f"/v1/experiments/{other['id']}", json=body)).status_code == 409


async def test_the_conclusion_keeps_the_readout_of_its_moment(experiments: Driven) -> None:
    experiment = await running(experiments)
    await experiments.receives(*trial("control", 400, 150), *trial("evening", 400, 300))
    path = f"/v1/experiments/{experiment['id']}"
    await experiments.http.post(f"{path}/stop")
    before = await readout_of(experiments, experiment)
    concluded = (await experiments.http.post(f"{path}/conclude", json={"learned": "Evenings work"})).json()
    await experiments.receives(*trial("control", 500, 500))
    assert (concluded["conclusion"], concluded["concluded_by"]) == ("supported", "test")
    after = await readout_of(experiments, experiment)
    assert after["units"] == before["units"]
    said = await experiments.last_said(ExperimentConcluded)
    assert (said.conclusion, said.recommendation, said.units) == ("supported", "ship", 800)
    assert said.estimate is not None
    assert said.estimate.lower > 0
    assert said.summary.startswith("evening makes kept better: +37.50 pp")


async def test_a_person_may_conclude_otherwise(experiments: Driven) -> None:
    path = f"/v1/experiments/{(await running(experiments))['id']}"
    await experiments.http.post(f"{path}/stop")
    await experiments.http.post(f"{path}/conclude", json={"learned": "No traffic", "conclusion": "refuted"})
    said = await experiments.last_said(ExperimentConcluded)
    assert (said.conclusion, said.estimate) == ("refuted", None)


async def test_a_merge_moves_everything_to_the_survivor_in_any_order(experiments: Driven) -> None:
    experiment = await testing(experiments)
    old = UUID(experiment["problem_id"])
    await experiments.http.post(f"/v1/problems/{old}/options", json=OPTION)
    middle, last = uuid7(), uuid7()
    about = {"merged_by": "ann", "reason": "the same"}
    await experiments.receives(ProblemMerged(problem_id=middle, into=last, **about))
    await experiments.receives(ProblemMerged(problem_id=old, into=middle, **about))
    shown = (await experiments.http.get(f"/v1/experiments/{experiment['id']}")).json()
    assert shown["problem_id"] == str(last)
    listed = await experiments.http.get(f"/v1/problems/{old}/options")
    assert {item["problem_id"] for item in listed.json()["items"]} == {str(last)}
    await experiments.http.post(f"/v1/experiments/{experiment['id']}/start")
    assert (await experiments.last_said(ExperimentStarted)).problem_id == last


async def test_both_parts_of_a_split_are_known(experiments: Driven) -> None:
    old, new = uuid7(), uuid7()
    split = ProblemSplit(problem_id=old, new_problem_id=new, statement="x", feedback_ids=(uuid7(),), split_by="ann")
    await experiments.receives(split)
    for problem_id in (old, new):
        assert (await experiments.http.post(f"/v1/problems/{problem_id}/options", json=OPTION)).status_code == 201


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"arms": [{"name": "control", "weight": 1}]}, "arms"),
        ({"arms": [{"name": "a", "weight": 1}, {"name": "a", "weight": 1}]}, "two arms have the same name"),
        ({"arms": [{"name": "a", "weight": 1}, {"name": "b", "weight": 0}]}, "arms.1.weight"),
        ({"arms": [{"name": "a", "weight": 1}, {"name": "b", "weight": 0.0001}]}, "weight is less than"),
        ({"baseline": 0.95}, "must lie between 0 and 1"),
        ({"baseline_deviation": 1.0}, "only for a mean"),
        ({"primary_metric": {"name": "kept", "kind": "mean", "direction": "increase"}}, "needs 'baseline_deviation'"),
        ({"minimum_detectable_effect": 1e-9}, "units; look for a larger effect"),
        ({"minimum_detectable_effect": 0}, "minimum_detectable_effect"),
        ({"alpha": 1}, "alpha"),
        ({"alpha": "0.05"}, "alpha"),
        ({"arms": [{"name": "a", "weight": 1}, {"name": "b", "weight": True}]}, "'weight' must be a number"),
        ({"hypothesis": "a\x00b"}, "hypothesis"),
        ({"key": "Not A Slug"}, "key"),
        ({"colour": "red"}, "colour"),
        (
            {
                "guardrails": [
                    {"metric": {"name": "kept", "kind": "mean", "direction": "increase"}, "margin": 1},
                ]
            },
            "appears twice",
        ),
    ],
)
async def test_a_plan_that_does_not_hold_together_is_refused(experiments: Driven, changes: dict, where: str) -> None:
    body = registration(await known_problem(experiments), **changes)
    answer = await experiments.http.post("/v1/experiments", json=body)
    assert answer.status_code == 422
    assert where in answer.text
    assert (await experiments.http.get("/v1/experiments")).json()["items"] == []


async def test_a_plan_must_be_about_what_exists_and_fits(experiments: Driven) -> None:
    problem_id, other = await known_problem(experiments), await known_problem(experiments)
    option = (await experiments.http.post(f"/v1/problems/{other}/options", json=OPTION)).json()
    stated = (await experiments.http.post(f"/v1/options/{option['id']}/assumptions", json=ASSUMPTION)).json()
    unknown = await experiments.http.post("/v1/experiments", json=registration(uuid4()))
    nowhere = await experiments.http.post("/v1/experiments", json=registration(problem_id, assumption_id=str(uuid4())))
    elsewhere = await experiments.http.post(
        "/v1/experiments", json=registration(problem_id, assumption_id=stated["id"])
    )
    fits = await experiments.http.post("/v1/experiments", json=registration(other, assumption_id=stated["id"]))
    assert [answer.status_code for answer in (unknown, nowhere, elsewhere, fits)] == [404, 404, 422, 201]


async def test_lists_are_paged_newest_first_and_filtered(experiments: Driven) -> None:
    first = await registered(experiments, key="a")
    second = await running(experiments, key="b")
    page = (await experiments.http.get("/v1/experiments?limit=1")).json()
    rest = (await experiments.http.get(f"/v1/experiments?limit=1&cursor={page['next_cursor']}")).json()
    assert [page["items"][0]["id"], rest["items"][0]["id"]] == [second["id"], first["id"]]
    assert rest["next_cursor"] is None
    drafts = (await experiments.http.get("/v1/experiments?status=draft")).json()["items"]
    assert [item["id"] for item in drafts] == [first["id"]]
    for cursor in ("%00", "bm90IGpzb24", "WzFd", "W10"):
        assert (await experiments.http.get(f"/v1/experiments?cursor={cursor}")).status_code == 422


async def test_another_workspace_sees_nothing(experiments: Driven) -> None:
    experiment = await running(experiments)
    option = (await experiments.http.post(f"/v1/problems/{experiment['problem_id']}/options", json=OPTION)).json()
    stranger = experiments.allow("ws_stranger", "admin", workspace=f"other-{uuid4().hex[:6]}")
    path, problem = f"/v1/experiments/{experiment['id']}", f"/v1/problems/{experiment['problem_id']}/options"
    for method, address, body in (
        ("GET", path, None),
        ("GET", f"{path}/readout", None),
        ("POST", f"{path}/stop", None),
        ("POST", f"{path}/conclude", {"learned": "x"}),
        ("PUT", path, registration(UUID(experiment["problem_id"]))),
        ("GET", problem, None),
        ("POST", problem, OPTION),
        ("GET", f"/v1/options/{option['id']}/assumptions", None),
        ("POST", f"/v1/options/{option['id']}/assumptions", ASSUMPTION),
    ):
        answer = await experiments.http.request(method, address, json=body, headers=stranger)
        assert answer.status_code == 404, (method, address)
        assert "reminder" not in answer.text
    assert (await experiments.http.get("/v1/experiments", headers=stranger)).json()["items"] == []


async def test_reading_and_writing_need_their_scopes(experiments: Driven) -> None:
    draft = await registered(experiments)
    reader = experiments.allow("ws_reader", "experiments:read")
    path = f"/v1/experiments/{draft['id']}"
    assert (await experiments.http.get(path, headers=reader)).status_code == 200
    refused = await experiments.http.post(f"{path}/start", headers=reader)
    assert (refused.status_code, refused.json()["needed"]) == (403, "experiments:write")
    assert (await experiments.http.post("/v1/observations", json={}, headers=reader)).status_code == 403


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", 5, "5", "2026-01-01"])
async def test_an_experiment_counts_from_a_moment_that_there_is(experiments: Driven, moment: object) -> None:
    draft = await registered(experiments)
    answer = await experiments.http.post(f"/v1/experiments/{draft['id']}/start", json={"counts_from": moment})
    assert answer.status_code == 422
    assert (await experiments.http.get(f"/v1/experiments/{draft['id']}")).json()["status"] == "draft"
