"""What problems are ranked by: two numbers with their parts, the workspace's own weights, and no flood moves them."""

import math
import random
from typing import Any
from uuid import UUID

import pytest

from contracts.alignment import ObjectiveSet
from contracts.problems import ProblemPriorityChanged
from services.triage.tests.reading import draw_now, gathered, set_weights
from services.triage.tests.words import INVOICE, LOGIN, feedback, listed, shown
from tests.support.driven import Driven

PARTS = {"reach", "severity", "severity_ratings", "severity_wording", "recency", "segment", "objectives", "revenue"}


async def _worth(triage: Driven, problem: UUID) -> dict[str, float]:
    await draw_now(triage)
    found = (await shown(triage, problem))["opportunity"]
    return {**found["parts"], "customer": found["customer_value"], "business": found["business_value"]}


async def test_both_numbers_are_the_product_and_the_sum_of_their_parts(triage: Driven) -> None:
    problem = await gathered(
        triage,
        feedback(LOGIN[0], customer="a", segment="clinic", revenue=90_000, stars=1),
        feedback(LOGIN[1], customer="b", segment="solo", days_ago=20),
    )
    await triage.receives(ObjectiveSet(objective_id=UUID(int=1), name="Grow", weight=2, problem_ids=(problem,)))
    await set_weights(triage, segments={"clinic": 3.0}, half_life_days=14.0, objectives=0.5, revenue=2.0)
    found = await _worth(triage, problem)
    assert set(found) == PARTS | {"customer", "business"}
    assert found["customer"] == pytest.approx(
        found["reach"] * found["severity"] * found["recency"] * found["segment"], rel=1e-3
    )
    assert found["business"] == pytest.approx(found["objectives"] + found["revenue"], rel=1e-3)
    assert (found["objectives"], found["revenue"]) == (1.0, pytest.approx(2 * math.log10(901), abs=1e-3))
    faded = 0.5 ** (20 / 14)
    assert found["recency"] == pytest.approx((1 + faded) / 2, abs=1e-2)
    assert found["segment"] == pytest.approx((3 + faded) / (1 + faded), abs=1e-2)


@pytest.mark.parametrize("seed", range(4))
async def test_more_of_one_voice_adds_what_is_promised(triage: Driven, seed: int) -> None:
    """For any mixture of voices: n more of one customer add 0 to reach, n of a source without names at most √n."""
    chance = random.Random(seed)
    voices = ["c-0", "c-0", *(f"c-{chance.randrange(6)}" for _ in range(chance.randrange(4, 20)))]
    said = [feedback(chance.choice(LOGIN), customer=one, stars=3) for one in voices]
    said += [feedback(chance.choice(LOGIN), source="shop") for _ in range(chance.randrange(5))]
    problem = await gathered(triage, *said)
    before = await _worth(triage, problem)
    many = chance.randrange(1, 120)
    await triage.receives(*(feedback(LOGIN[0], customer="c-0", stars=chance.randrange(1, 6)) for _ in range(many)))
    after = await _worth(triage, problem)
    assert after["reach"] == before["reach"]
    assert abs(after["severity_ratings"] - before["severity_ratings"]) <= 1 / 3
    await triage.receives(*(feedback(LOGIN[0], source="shop") for _ in range(many)))
    assert 0 <= (await _worth(triage, problem))["reach"] - after["reach"] <= math.sqrt(many) + 1e-3


async def test_a_flood_of_screaming_words_does_not_reach_the_top(triage: Driven) -> None:
    calm = (feedback(text, customer=f"c-{n}") for n, text in enumerate((*LOGIN, *LOGIN[:3])))
    problem = await gathered(triage, *calm)
    scream = f"{INVOICE[0]}. URGENT!!! all data lost, my lawyer will sue you, refund, unacceptable"
    flood = [feedback(scream, customer="loud", stars=1) for _ in range(100)]
    flood += [feedback(scream, source="bots", stars=1) for _ in range(9)]
    if await gathered(triage, *flood) == problem:
        apart = {"feedback": [str(one.feedback_id) for one in flood]}
        await triage.http.post(f"/v1/problems/{problem}/split", json=apart)
    await draw_now(triage)
    first, second = await listed(triage)
    assert (first["id"], second["reports"]) == (str(problem), 109)
    assert second["opportunity"]["parts"]["reach"] == 4.0
    assert second["opportunity"]["parts"]["severity"] < 3


async def test_weights_change_the_order_for_all_problems(triage: Driven) -> None:
    three = (feedback(text, customer=f"c-{n}", segment="solo") for n, text in enumerate(LOGIN[:3]))
    many = await gathered(triage, *three)
    few = await gathered(triage, *(feedback(INVOICE[0], customer="x", segment="clinic") for _ in range(2)))
    assert (await listed(triage))[0]["id"] == str(many)
    answer = await triage.http.put("/v1/settings/triage", json={"segments": {"clinic": 20.0}})
    assert answer.json()["recomputing"] is True
    await set_weights(triage, segments={"clinic": 20.0})
    assert (await listed(triage))[0]["id"] == str(few)
    told = [one for one in await triage.said(ProblemPriorityChanged) if one.problem_id == few]
    assert told[-1].opportunity.parts["segment"] == 20
    shown_now = (await triage.http.get("/v1/settings/triage")).json()
    assert (shown_now["segments"], shown_now["recomputing"], shown_now["changed_by"]) == ({"clinic": 20}, False, "test")
    await set_weights(triage)
    assert (await listed(triage))[0]["id"] == str(many)


async def test_a_segment_that_weighs_nothing_is_last(triage: Driven) -> None:
    await gathered(triage, *(feedback(LOGIN[0], customer="c", segment="free") for _ in range(2)))
    problem = await gathered(triage, *(feedback(INVOICE[0], source="shop") for _ in range(2)))
    await set_weights(triage, segments={"free": 0.0})
    ranked = await listed(triage)
    assert ranked[0]["id"] == str(problem)
    assert ranked[-1]["opportunity"]["customer_value"] == 0


async def test_settings_begin_with_defaults_and_are_each_workspaces_own(triage: Driven) -> None:
    default = (await triage.http.get("/v1/settings/triage")).json()
    assert default == {
        "segments": {},
        "half_life_days": 28.0,
        "objectives": 1.0,
        "revenue": 1.0,
        "changed_by": None,
        "changed_at": None,
        "recomputing": False,
    }
    await set_weights(triage, revenue=0.0)
    stranger = triage.allow("ws_stranger", "problems:read", workspace=triage.workspace + "-other")
    assert (await triage.http.get("/v1/settings/triage", headers=stranger)).json() == default
    refused = await triage.http.put("/v1/settings/triage", json={}, headers=stranger)
    assert refused.status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {"segments": {"clinic": -1.0}},
        {"segments": {"": 1.0}},
        {"segments": {"a\x00": 1.0}},
        {"segments": {"clinic": 101.0}},
        {"segments": {"clinic": "2"}},
        {"segments": {f"s{n}": 1.0 for n in range(101)}},
        {"half_life_days": 6.9},
        {"half_life_days": 366.0},
        {"objectives": -0.1},
        {"revenue": 1e9},
        {"colour": "green"},
    ],
)
async def test_bad_weights_are_refused_and_change_nothing(triage: Driven, body: dict[str, Any]) -> None:
    assert (await triage.http.put("/v1/settings/triage", json=body)).status_code == 422
    assert (await triage.http.get("/v1/settings/triage")).json()["changed_by"] is None


async def test_the_shortest_half_life_ranks_a_problem_of_decades(triage: Driven) -> None:
    await gathered(triage, *(feedback(LOGIN[0], customer="c", days_ago=365 * 40) for _ in range(2)))
    await gathered(triage, *(feedback(INVOICE[0], customer="d") for _ in range(2)))
    await set_weights(triage, half_life_days=7.0)
    ranked = await listed(triage)
    assert [one["opportunity"]["customer_value"] > 0.01 for one in ranked] == [True, False]
