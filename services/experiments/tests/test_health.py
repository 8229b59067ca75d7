"""What blocks a readout, what is hidden, when the one decision is made, and what is told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.experiments import ReadoutChanged
from services.experiments.domain.health import check_ratio
from services.experiments.domain.tally import Census, Hour
from services.experiments.tests.support import (
    DAY,
    exposed,
    known_problem,
    measured,
    readout_of,
    registration,
    running,
    trial,
)
from services.experiments.tests.test_readout import refresh
from tests.support.driven import Driven

AT = datetime(2026, 11, 1, tzinfo=UTC)


def hour(number: int, *units: int) -> Hour:
    moments = tuple(AT + timedelta(hours=number) if count else None for count in units)
    return Hour(int(AT.timestamp() // 3_600) + number, units, (0,) * len(units), moments)


@pytest.mark.parametrize(
    ("hours", "stale", "counted"),
    [
        ([hour(0, 9, 9), hour(1, 9, 9)], (), 36),
        ([hour(0, 9, 9), hour(1, 9, 0)], (), 18),  # the second arm's report of the last hour is on its way
        ([hour(0, 9, 9), *(hour(n, 9, 0) for n in range(1, 7))], (), 18),  # six hours behind, not more
        ([hour(0, 9, 9), *(hour(n, 9, 0) for n in range(1, 8))], ("b",), 18),
        ([hour(0, 9, 9), *(hour(n, 1, 0) for n in range(1, 12))], (), 18),  # chance, at so little traffic
        ([hour(n, 9, 0) for n in range(9)], ("b",), 81),  # has not begun at all
        ([hour(0, 9, 9), hour(40, 9, 9)], (), 36),  # a pause of all arms makes none stale
    ],
)
def test_arms_wait_for_each_other_and_one_that_fell_behind_is_stale(
    hours: list[Hour], stale: tuple[str, ...], counted: int
) -> None:
    census = Census(("a", "b"), tuple(hours))
    assert census.stale((0.5, 0.5)) == stale
    assert sum(sum(one.units) for one in census.counted) == counted


@pytest.mark.parametrize(
    ("units", "broken"),
    [([7, 0], False), ([40, 4], True), ([500, 200], True), ([5_000, 5_100], False), ([500_000, 505_000], True)],
)
def test_gross_and_small_faults_of_the_ratio_are_seen(units: list[int], broken: bool) -> None:
    assert (check_ratio(units, [0.5, 0.5]).status == "broken") == broken


def test_the_ratio_may_be_looked_at_any_time() -> None:
    """A fair draw, looked at after every unit: broken in at most 0.1 % of runs (and here in none of 200)."""
    import numpy as np

    draws = np.random.default_rng(7).random((200, 2_000)) < 0.5
    for run in draws.cumsum(axis=1):
        looks = [20, 50, 100, 200, 500, 1_000, 2_000]
        assert all(check_ratio([int(run[n - 1]), n - int(run[n - 1])], [0.5, 0.5]).status == "ok" for n in looks)


async def test_a_stale_arm_blocks_and_is_told_each_time_it_happens(experiments: Driven) -> None:
    experiment = await running(experiments)
    await experiments.receives(*trial("control", 300, 100, days=3), *trial("evening", 300, 290, days=3))
    alone = [exposed(f"late-{n}", "control", minute=4 * DAY + n * 20) for n in range(40)]
    await experiments.receives(*alone)
    readout = await readout_of(experiments, experiment)
    assert readout["health"]["arms_in_step"]["stale"] == ["evening"]
    assert readout["health"]["trusted"] is False
    comparison = readout["primary_metric"]["comparisons"][0]
    assert (comparison["status"], comparison["effect"], comparison["verdict"]) == ("blocked", None, "hidden")
    assert (readout["claimed"], readout["recommendation"]["rule"]) == ([], "blocked")
    assert readout["units"]["waiting"] == 40
    await refresh(experiments, experiment)
    await experiments.receives(exposed("back", "evening", minute=4 * DAY + 800))
    await refresh(experiments, experiment)
    assert (await readout_of(experiments, experiment))["health"]["trusted"] is True
    await experiments.receives(*(exposed(f"again-{n}", "control", minute=6 * DAY + n * 20) for n in range(40)))
    await refresh(experiments, experiment)
    told = [event.reason for event in await experiments.said(ReadoutChanged)]
    assert told.count("stale") == 2
    assert told.count("readable") == 1


async def test_an_arm_that_is_stale_at_the_stop_stays_so(experiments: Driven) -> None:
    experiment = await running(experiments)
    await experiments.receives(*trial("control", 300, 100, days=3), *trial("evening", 300, 290, days=3))
    await experiments.receives(*(exposed(f"late-{n}", "control", minute=4 * DAY + n * 20) for n in range(40)))
    await experiments.http.post(f"/v1/experiments/{experiment['id']}/stop")
    readout = await readout_of(experiments, experiment)
    assert readout["health"]["arms_in_step"]["stale"] == ["evening"]
    assert (readout["claimed"], readout["units"]["waiting"], readout["units"]["counted"]) == ([], 0, 640)


async def test_more_than_one_in_a_hundred_units_in_two_arms_blocks(experiments: Driven) -> None:
    experiment = await running(experiments)
    await experiments.receives(*trial("control", 300, 100), *trial("evening", 300, 290))
    assert (await readout_of(experiments, experiment))["recommendation"]["rule"] == "benefit"
    await experiments.receives(*(exposed(f"control-{n}", "evening", minute=9 * DAY) for n in range(10)))
    readout = await readout_of(experiments, experiment)
    assert readout["recommendation"]["rule"] == "blocked"
    assert "1.7% of the units were seen in more than one arm" in readout["recommendation"]["reason"]


async def test_before_the_minimum_of_days_nothing_ships_and_harm_stops(experiments: Driven) -> None:
    good = await running(experiments)
    await experiments.receives(*trial("control", 450, 150, days=5), *trial("evening", 450, 350, days=5))
    readout = await readout_of(experiments, good)
    assert readout["primary_metric"]["comparisons"][0]["verdict"] == "better"
    assert (readout["recommendation"]["action"], readout["recommendation"]["rule"]) == ("keep_running", "minimum_days")
    assert readout["time"]["days_left"] == pytest.approx(2.0, abs=0.01)
    assert "2 days left" in readout["recommendation"]["reason"]
    bad = await running(experiments, key="bad", primary_metric=_metric("bad"))
    for arm, happened in (("control", 350), ("evening", 100)):
        units = [f"bad-{arm}-{n}" for n in range(450)]
        await experiments.receives(*(exposed(unit, arm, experiment="bad") for unit in units))
        await experiments.receives(*(measured(unit, metric="bad") for unit in units[:happened]))
    assert (await readout_of(experiments, bad))["recommendation"]["rule"] == "primary_harm"


async def test_the_decision_is_made_once_and_stays(experiments: Driven) -> None:
    """At the planned size its interval is narrower than the live one; afterwards nothing else claims anything."""
    experiment = await running(experiments)
    await experiments.receives(*trial("control", 409, 204), *trial("evening", 409, 236))
    first = await readout_of(experiments, experiment)
    comparison = first["primary_metric"]["comparisons"][0]
    assert comparison["effect"]["lower"] < 0 < comparison["decision"]["lower"]
    assert (comparison["verdict"], first["recommendation"]["rule"]) == ("better", "benefit")
    assert (first["method"]["decided_units"], first["method"]["looks"]) == (818, 1)
    more = [exposed(f"more-{arm}-{n}", arm, minute=8 * DAY) for arm in ("control", "evening") for n in range(300)]
    await experiments.receives(*more)
    await experiments.receives(*(measured(one.unit, minute=8 * DAY + 1) for one in more if one.variant == "control"))
    second = await readout_of(experiments, experiment)
    assert second["primary_metric"]["comparisons"][0]["decision"] == comparison["decision"]
    assert (second["recommendation"]["rule"], second["method"]["looks"]) == ("benefit", 2)


async def test_of_three_arms_each_gets_its_decision_even_a_few_units_short_of_its_part(experiments: Driven) -> None:
    arms = [{"name": name, "weight": 1} for name in ("control", "evening", "morning")]
    experiment = await running(experiments, arms=arms)
    part = experiment["planned_units"] // 3
    counts = {"control": part - 5, "evening": part - 5, "morning": part + 12}
    for arm, units in counts.items():
        await experiments.receives(*trial(arm, units, units // 2))
    readout = await readout_of(experiments, experiment)
    assert all(one["decision"] for one in readout["primary_metric"]["comparisons"])
    assert readout["recommendation"]["action"] == "iterate"


async def test_buying_is_advised_where_the_alternative_certainly_brings_more(experiments: Driven) -> None:
    problem = await known_problem(experiments)
    option = (
        await experiments.http.post(f"/v1/problems/{problem}/options", json={"kind": "build", "title": "x"})
    ).json()
    stated = {"risk": "viability", "statement": "It pays", "importance": 5}
    assumption = (await experiments.http.post(f"/v1/options/{option['id']}/assumptions", json=stated)).json()
    body = registration(problem, assumption_id=assumption["id"])
    refused = await experiments.http.post("/v1/experiments", json=body)
    assert refused.status_code == 422
    assert "alternative_effect" in refused.json()["detail"]
    draft = (await experiments.http.post("/v1/experiments", json={**body, "alternative_effect": 0.3})).json()
    assert draft["risk"] == "viability"
    begin = (datetime.now(UTC) - timedelta(days=31)).isoformat()
    await experiments.http.post(f"/v1/experiments/{draft['id']}/start", json={"counts_from": begin})
    await experiments.receives(*trial("control", 350, 150), *trial("evening", 350, 175))
    advice = (await readout_of(experiments, draft))["recommendation"]
    assert (advice["action"], advice["rule"], advice["arm"]) == ("buy", "buy_instead", "evening")


async def test_an_onset_is_told_with_what_was_before(experiments: Driven) -> None:
    experiment = await running(experiments)
    await experiments.receives(*trial("control", 120, 60), *trial("evening", 120, 62))
    await refresh(experiments, experiment)
    await experiments.receives(*trial("control", 350, 100), *trial("evening", 350, 300))
    await refresh(experiments, experiment)
    claim = next(event for event in await experiments.said(ReadoutChanged) if event.reason == "claim_reached")
    assert (claim.previous_recommendation, claim.previous_rule, claim.previous_units) == (
        "keep_running",
        "undecided",
        240,
    )
    assert (claim.recommendation, claim.rule, claim.units) == ("ship", "benefit", 700)
    assert claim.previous_estimate is not None
    assert claim.estimate is not None
    assert claim.previous_estimate.lower < 0 < claim.estimate.lower


async def test_a_ratio_is_read_by_units_and_not_by_events(experiments: Driven) -> None:
    ratio = {"name": "calls", "kind": "ratio", "direction": "decrease", "denominator": "visits"}
    plan = {"primary_metric": ratio, "baseline": 0.5, "baseline_deviation": 1.0, "minimum_detectable_effect": 0.2}
    experiment = await running(experiments, **plan)
    events: list[Any] = []
    for arm, calls in (("control", 3.0), ("evening", 1.0)):
        for n in range(150):
            unit, minute = f"{arm}-{n}", 1 + n % 9 * DAY
            events += [exposed(unit, arm, minute), measured(unit, minute + 1, calls + n % 2, "calls")]
            events.append(measured(unit, minute + 1, 5.0 + n % 3, "visits"))
    await experiments.receives(*events)
    readout = await readout_of(experiments, experiment)
    comparison = readout["primary_metric"]["comparisons"][0]
    assert comparison["control_mean"] == pytest.approx(3.5 / 6)
    assert comparison["treatment_mean"] == pytest.approx(1.5 / 6)
    assert comparison["verdict"] == "better"


def _metric(name: str) -> dict[str, str]:
    return {"name": name, "kind": "conversion", "direction": "increase"}
