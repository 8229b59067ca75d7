"""Kinds of experiments share one life and one shape of answer; each claims no more than it is able to say."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from contracts.experiments import ExperimentConcluded, ExperimentStarted, ReadoutChanged
from services.experiments.jobs import refresh_due
from services.experiments.tests.support import (
    BEGINNING,
    DAY,
    exposed,
    known_problem,
    measured,
    readout_of,
    registered,
    registration,
    running,
    testing,
    trial,
)
from tests.support.driven import Driven

INTERVIEW: dict[str, Any] = {
    "kind": "interview",
    "arms": [{"name": "asked", "weight": 1}],
    "baseline": 0.3,
    "minimum_detectable_effect": 0.4,
}
DOOR = [{"name": "door", "weight": 1}]


async def enter(experiments: Driven, experiment: dict[str, Any], asked: int, agreed: int) -> dict[str, Any]:
    path = f"/v1/experiments/{experiment['id']}/findings"
    answer = await experiments.http.post(path, json={"asked": asked, "agreed": agreed})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_interviews_are_read_once_when_the_planned_number_is_reached(experiments: Driven) -> None:
    experiment = await running(experiments, **INTERVIEW)
    assert experiment["planned_units"] == 11
    await enter(experiments, experiment, 4, 4)
    early = await readout_of(experiments, experiment)
    assert (early["claimed"], early["recommendation"]["action"]) == ([], "keep_running")
    comparison = early["primary_metric"]["comparisons"][0]
    assert (comparison["verdict"], comparison["treatment_mean"]) == ("undecided", 1.0)
    assert "read once" in early["not_claimed"][0]
    await enter(experiments, experiment, 8, 6)
    readout = await readout_of(experiments, experiment)
    assert readout["claimed"][0].startswith("kept is better in asked than the baseline of 30.00%: +53.33 pp [")
    found = readout["primary_metric"]["comparisons"][0]["effect"]
    # Wilson's interval of 10 of 12, minus 0.3
    assert (found["lower"], found["upper"]) == (
        pytest.approx(0.5520 - 0.3, abs=1e-4),
        pytest.approx(0.9530 - 0.3, abs=1e-4),
    )
    advice = readout["recommendation"]
    assert (advice["action"], advice["rule"], readout["units"]["counted"]) == ("iterate", "falls_short", 12)
    assert "that they do it is not shown" in advice["reason"]
    assert any("chosen, not drawn" in sentence for sentence in readout["not_claimed"])
    assert readout["health"]["sample_ratio"]["status"] == "not_applicable"
    await enter(experiments, experiment, 40, 0)  # asking on, because somebody did not like the answer
    later = await readout_of(experiments, experiment)
    assert (later["units"]["counted"], later["units"]["waiting"], later["claimed"]) == (12, 40, readout["claimed"])


async def test_findings_wake_the_readout_and_are_concluded_like_anything_else(experiments: Driven) -> None:
    experiment = await running(experiments, **INTERVIEW)
    await enter(experiments, experiment, 20, 1)
    assert await refresh_due(experiments.transactions, limit=10_000)
    told = {event.reason: event for event in await experiments.said(ReadoutChanged)}
    assert {"powered", "claim_reached"} <= told.keys()
    assert (told["claim_reached"].recommendation, told["claim_reached"].rule) == ("stop", "primary_harm")
    path = f"/v1/experiments/{experiment['id']}"
    await experiments.http.post(f"{path}/stop")
    assert (await experiments.http.post(f"{path}/findings", json={"asked": 1, "agreed": 1})).status_code == 409
    await experiments.http.post(f"{path}/conclude", json={"learned": "Nobody would"})
    said = await experiments.last_said(ExperimentConcluded)
    assert (said.kind, said.conclusion, said.rule, said.units) == ("interview", "refuted", "primary_harm", 20)


async def test_a_finding_can_be_withdrawn_and_stays_on_record(experiments: Driven) -> None:
    experiment = await running(experiments, **INTERVIEW)
    wrong = await enter(experiments, experiment, 80, 6)
    await enter(experiments, experiment, 8, 6)
    path = f"/v1/experiments/{experiment['id']}/findings"
    withdrawn = await experiments.http.post(f"{path}/{wrong['id']}/withdraw")
    assert (withdrawn.status_code, withdrawn.json()["withdrawn_by"]) == (200, "test")
    assert (await experiments.http.post(f"{path}/{wrong['id']}/withdraw")).status_code == 409
    assert (await readout_of(experiments, experiment))["units"]["counted"] == 8
    listed = (await experiments.http.get(f"{path}?limit=1")).json()
    assert (listed["items"][0]["asked"], listed["items"][0]["withdrawn_by"]) == (80, "test")
    rest = (await experiments.http.get(f"{path}?cursor={listed['next_cursor']}")).json()
    assert [item["asked"] for item in rest["items"]] == [8]


async def test_findings_are_for_what_a_person_counts_only(experiments: Driven) -> None:
    observed = await running(experiments)
    refused = await experiments.http.post(f"/v1/experiments/{observed['id']}/findings", json={"asked": 1, "agreed": 0})
    assert refused.status_code == 409
    assert "POST /v1/observations" in refused.json()["detail"]
    asked = await running(experiments, key="asked", **INTERVIEW)
    await experiments.receives(exposed("u1", "asked", experiment="asked"), measured("u1"))
    assert (await readout_of(experiments, asked))["units"]["counted"] == 0


async def test_a_fake_door_of_one_arm_is_compared_with_the_baseline(experiments: Driven) -> None:
    experiment = await running(experiments, kind="fake_door", arms=DOOR, baseline=0.1, minimum_detectable_effect=0.05)
    await experiments.receives(*trial("door", 900, 180))
    readout = await readout_of(experiments, experiment)
    assert readout["claimed"][0].startswith("kept is better in door than the baseline of 10.00%: +10.00 pp [")
    comparison = readout["primary_metric"]["comparisons"][0]
    assert comparison["p_value"] < 0.05
    assert 0 < readout["method"]["alpha_share"] < 1
    assert (readout["recommendation"]["action"], readout["recommendation"]["rule"]) == ("iterate", "falls_short")
    assert any("Interest is measured" in sentence for sentence in readout["not_claimed"])
    assert (await experiments.last_said(ExperimentStarted)).kind == "fake_door"


async def test_before_and_after_claims_less(experiments: Driven) -> None:
    arms = [{"name": "before", "weight": 1}, {"name": "after", "weight": 1}]
    experiment = await running(experiments, kind="pre_post", arms=arms)
    await experiments.receives(*trial("before", 300, 100))
    later = [f"after-{number}" for number in range(900)]
    await experiments.receives(*(exposed(unit, "after", minute=15 * DAY) for unit in later))
    await experiments.receives(*(measured(unit, minute=15 * DAY + 5) for unit in later[:600]))
    readout = await readout_of(experiments, experiment)
    assert readout["claimed"][0].startswith("kept is better in after than in before, for whatever reason: ")
    assert (readout["recommendation"]["action"], readout["recommendation"]["rule"]) == ("iterate", "falls_short")
    assert "test it as an A/B test" in readout["recommendation"]["reason"]
    assert any("that the change is the cause is not claimed" in sentence for sentence in readout["not_claimed"])
    assert readout["health"]["sample_ratio"]["status"] == "not_applicable"
    assert readout["health"]["arms_in_step"]["stale"] == []
    assert readout["units"]["counted"] == 1_200


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"kind": "ab", "arms": DOOR}, "2 to 10 arms"),
        ({"kind": "pre_post", "arms": DOOR}, "has 2 arms, not 1"),
        ({"kind": "interview"}, "has 1 arm, not 2"),
        ({**INTERVIEW, "primary_metric": {"name": "x", "kind": "mean", "direction": "increase"}}, "is a conversion"),
        (
            {
                "kind": "fake_door",
                "arms": DOOR,
                "guardrails": [{"metric": {"name": "x", "kind": "mean", "direction": "increase"}, "margin": 1}],
            },
            "compare with a control arm",
        ),
        ({"kind": "fake_door", "arms": DOOR, "look_back_days": 7}, "sharpens the comparison of two arms"),
        ({"primary_metric": {"name": "x", "kind": "ratio", "direction": "increase"}}, "needs a 'denominator'"),
        (
            {"primary_metric": {"name": "x", "kind": "mean", "direction": "increase", "denominator": "y"}},
            "only a ratio has one",
        ),
        ({"kind": "poll"}, "kind"),
    ],
)
async def test_a_plan_must_fit_its_kind(experiments: Driven, changes: dict[str, Any], where: str) -> None:
    body = registration(await known_problem(experiments), **changes)
    answer = await experiments.http.post("/v1/experiments", json=body)
    assert answer.status_code == 422
    assert where in answer.text


async def test_a_registration_says_how_long_it_takes_and_what_it_leaves_out(experiments: Driven) -> None:
    draft = await registered(experiments, units_per_day=40)
    assert (draft["planned_days"], draft["units_per_day"]) == (pytest.approx(818 / 40), 40)
    assert any("names no assumption" in gap for gap in draft["gaps"])
    assert any("no guardrail" in gap for gap in draft["gaps"])
    quick = await registered(experiments, key="quick", units_per_day=4_000, minimum_days=1)
    assert quick["planned_days"] == 1
    assert any("whole week" in gap for gap in quick["gaps"])
    unknown = await registered(experiments, key="unknown")
    assert (unknown["planned_days"], unknown["units_per_day"]) == (None, None)


async def test_without_a_word_about_traffic_that_of_other_experiments_is_taken(experiments: Driven) -> None:
    experiment = await running(experiments)
    await experiments.receives(*(exposed(f"u{n}", "control", minute=29 * DAY + n) for n in range(700)))
    await readout_of(experiments, experiment)
    assert (await registered(experiments, key="next"))["units_per_day"] == 100


async def test_a_revision_is_a_new_version_and_what_happens_is_counted_by_its_time(experiments: Driven) -> None:
    first = await running(experiments)
    await experiments.receives(*trial("control", 20, 10), *trial("evening", 20, 10))
    path = f"/v1/experiments/{first['id']}"
    plan = registration(UUID(first["problem_id"]), alpha=0.01, assumption_id=first["assumption_id"])
    revised = await experiments.http.post(f"{path}/revise", json={"plan": plan, "reason": "alpha was too lax"})
    assert revised.status_code == 201, revised.text
    second = revised.json()
    assert (second["version"], second["previous_id"], second["status"]) == (2, first["id"], "running")
    assert (second["revised_because"], second["alpha"], second["key"]) == ("alpha was too lax", 0.01, first["key"])
    assert (await experiments.http.get(path)).json()["status"] == "stopped"
    said = await experiments.last_said(ExperimentStarted)
    assert (said.version, str(said.previous_id)) == (2, first["id"])
    now = datetime.fromisoformat(second["counts_from"])
    await experiments.receives(
        exposed("late", "control"),
        exposed("new", "control").model_copy(update={"at": now}),
        exposed("control-1", "evening"),
    )
    assert (await readout_of(experiments, first))["units"]["counted"] == 40
    assert (await readout_of(experiments, second))["units"]["counted"] == 1
    other = await experiments.http.post(f"{path}/revise", json={"plan": {**plan, "key": "other"}, "reason": "x"})
    assert other.status_code == 422
    assert "keeps the key" in other.json()["detail"]
    draft = await registered(experiments, key="draft")
    refused = await experiments.http.post(
        f"/v1/experiments/{draft['id']}/revise", json={"plan": {**plan, "key": "draft"}, "reason": "x"}
    )
    assert refused.status_code == 409


async def test_a_draft_that_looks_back_gathers_what_comes_before_its_units(experiments: Driven) -> None:
    spent = {"name": "spent", "kind": "mean", "direction": "increase"}
    plan = {"primary_metric": spent, "baseline": 5, "baseline_deviation": 3.0, "minimum_detectable_effect": 0.5}
    draft = await testing(experiments, look_back_days=60, **plan)
    arms = ("control", "evening")
    units = [(f"{arm}-{number}", arm, number % 10) for arm in arms for number in range(400)]
    await experiments.receives(*(measured(unit, -5 * DAY, float(value), "spent") for unit, _, value in units))
    await experiments.http.post(f"/v1/experiments/{draft['id']}/start", json={"counts_from": BEGINNING.isoformat()})
    await experiments.receives(*(exposed(unit, arm, 1 + value * DAY) for unit, arm, value in units))
    await experiments.receives(
        *(
            measured(unit, 2 + value * DAY, value + (arm == "evening") + (hash_of(unit) % 3) / 2, "spent")
            for unit, arm, value in units
        )
    )
    readout = await readout_of(experiments, draft)
    comparison = readout["primary_metric"]["comparisons"][0]
    assert comparison["variance_reduction"] > 0.9
    assert comparison["verdict"] == "better"
    assert comparison["effect"]["upper"] - comparison["effect"]["lower"] < 0.4
    assert readout["method"]["cuped_look_back_days"] == 60


def hash_of(unit: str) -> int:
    """The same in every process, unlike `hash`."""
    return sum(unit.encode())
