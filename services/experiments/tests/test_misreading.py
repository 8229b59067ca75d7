"""Cases in which a readout could mislead whoever reads it: each shows what may be said and nothing else."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from services.experiments.domain.comparison import compare
from services.experiments.domain.experiment import Experiment
from services.experiments.domain.plan import Plan
from services.experiments.domain.tally import Census, Tally, tally
from services.experiments.statistics.moments import Moments
from services.experiments.statistics.summary import Summary
from services.experiments.tests.support import (
    BEGINNING,
    DAY,
    exposed,
    known_problem,
    measured,
    readout_of,
    registration,
    running,
    trial,
)
from tests.support.driven import Driven

SPENT = {"name": "spent", "kind": "mean", "direction": "increase"}
MEAN = {"primary_metric": SPENT, "baseline": 5.0, "baseline_deviation": 3.0, "minimum_detectable_effect": 1.0}
CALLS = {"metric": {"name": "calls", "kind": "conversion", "direction": "decrease"}, "margin": 0.05}
ARMS = ("control", "evening")


def spending(units: int, value: Any, *, days: int = 8) -> list[Any]:
    """Units of both arms and what each spends: `value(arm, number)`, None for nothing that is measured."""
    found: list[Any] = []
    for arm in ARMS:
        for n in range(units):
            minute = 1 + n % (days + 1) * DAY
            found.append(exposed(f"{arm}-{n}", arm, minute))
            if (spent := value(arm, n)) is not None:
                found.append(measured(f"{arm}-{n}", minute + 1, spent, "spent"))
    return found


async def test_a_metric_that_nobody_sends_is_called_missing_and_not_undecided(experiments: Driven) -> None:
    experiment = await running(experiments, guardrails=[CALLS])
    await experiments.receives(*trial("control", 200, 0), *trial("evening", 200, 0))
    early = await readout_of(experiments, experiment)
    for one in (early["primary_metric"]["comparisons"][0], early["guardrails"][0]):
        assert (one["status"], one["effect"], one["verdict"]) == ("too_few_conversions", None, "hidden")
        assert "check that it is sent" in one["note"]
    assert (early["claimed"], early["recommendation"]["rule"]) == ([], "minimum_data")
    await experiments.receives(*trial("control", 450, 0), *trial("evening", 450, 0))
    late = (await readout_of(experiments, experiment))["recommendation"]
    assert (late["action"], late["rule"]) == ("iterate", "planned_size")
    assert "has no numbers that could be shown" in late["reason"]


async def test_a_guardrail_that_nobody_sends_ships_nothing(experiments: Driven) -> None:
    experiment = await running(experiments, guardrails=[CALLS])
    await experiments.receives(*trial("control", 300, 100), *trial("evening", 300, 290))
    readout = await readout_of(experiments, experiment)
    assert readout["primary_metric"]["comparisons"][0]["verdict"] == "better"
    assert (readout["recommendation"]["action"], readout["recommendation"]["rule"]) == (
        "keep_running",
        "guardrail_open",
    )
    assert any("nothing called 'calls' was measured" in sentence for sentence in readout["not_claimed"])
    await experiments.receives(*trial("control", 450, 150), *trial("evening", 450, 440))
    assert (await readout_of(experiments, experiment))["recommendation"]["action"] == "iterate"


async def test_all_units_alike_give_no_interval(experiments: Driven) -> None:
    experiment = await running(experiments, **MEAN)
    await experiments.receives(*spending(150, lambda arm, n: 5.0 if arm == "control" else 7.0))
    one = (await readout_of(experiments, experiment))["primary_metric"]["comparisons"][0]
    assert (one["status"], one["effect"], one["verdict"]) == ("zero_variance", None, "hidden")
    assert "the same value" in one["note"]


async def test_negative_means_have_an_effect_and_no_lift(experiments: Driven) -> None:
    experiment = await running(experiments, **MEAN)
    await experiments.receives(*spending(200, lambda arm, n: -10.0 + n % 3 + 4 * (arm == "evening")))
    readout = await readout_of(experiments, experiment)
    one = readout["primary_metric"]["comparisons"][0]
    assert (one["relative"], one["verdict"]) == (None, "better")
    assert one["effect"]["effect"] == pytest.approx(4.0)
    assert "not above 0" in one["note"]
    assert readout["claimed"][0].startswith("evening makes spent better: +4 [")


async def test_constant_values_before_change_nothing(experiments: Driven) -> None:
    experiment = await running(experiments, look_back_days=14, **MEAN)
    units = [f"{arm}-{n}" for arm in ARMS for n in range(150)]
    await experiments.receives(*(measured(unit, -DAY, 3.0, "spent") for unit in units))
    await experiments.receives(*spending(150, lambda arm, n: n % 4 + 2.0 * (arm == "evening"), days=0))
    one = (await readout_of(experiments, experiment))["primary_metric"]["comparisons"][0]
    assert (one["status"], one["variance_reduction"]) == ("ok", pytest.approx(0.0, abs=1e-9))
    assert one["effect"]["effect"] == pytest.approx(2.0)


async def test_a_ratio_without_anything_to_divide_by_is_none(experiments: Driven) -> None:
    ratio = {"name": "spent", "kind": "ratio", "direction": "increase", "denominator": "visits"}
    experiment = await running(experiments, **{**MEAN, "primary_metric": ratio})
    await experiments.receives(*spending(150, lambda arm, n: n % 4 + 1.0))
    one = (await readout_of(experiments, experiment))["primary_metric"]["comparisons"][0]
    assert (one["status"], one["effect"]) == ("zero_denominator", None)
    assert "denominator is 0" in one["note"]


async def test_the_decision_waits_for_the_last_unit_and_then_uses_all_of_alpha(experiments: Driven) -> None:
    experiment = await running(experiments)
    assert experiment["planned_units"] == 818
    await experiments.receives(*trial("control", 409, 204), *trial("evening", 408, 235))
    before = await readout_of(experiments, experiment)
    assert (before["units"]["counted"], before["method"]["decision"]) == (817, None)
    assert before["method"]["alpha_share"] < 1
    await experiments.receives(exposed("last", "evening", 2), measured("last", 3))
    after = await readout_of(experiments, experiment)
    assert (after["method"]["decided_units"], after["method"]["alpha_share"]) == (818, 1.0)
    assert after["claimed"][0].endswith("], as decided at 818 units.")


async def test_harm_on_the_first_day_stops_and_luck_on_the_first_day_does_not_ship(experiments: Driven) -> None:
    bad = await running(experiments)
    await experiments.receives(*trial("control", 450, 350, days=0), *trial("evening", 450, 100, days=0))
    advice = (await readout_of(experiments, bad))["recommendation"]
    assert (advice["action"], advice["rule"]) == ("stop", "primary_harm")
    good = await running(experiments, key="good", primary_metric={**_kept(), "name": "good"})
    for arm, happened in (("control", 100), ("evening", 440)):
        units = [f"good-{arm}-{n}" for n in range(450)]
        await experiments.receives(*(exposed(unit, arm, experiment="good") for unit in units))
        await experiments.receives(*(measured(unit, metric="good") for unit in units[:happened]))
    readout = await readout_of(experiments, good)
    assert (readout["recommendation"]["rule"], readout["method"]["decision"]) == ("minimum_days", None)
    assert any("other days of the week" in sentence for sentence in readout["not_claimed"])


async def test_what_was_stopped_early_is_not_told_to_keep_running_for_days(experiments: Driven) -> None:
    experiment = await running(experiments)
    await experiments.receives(*trial("control", 150, 75), *trial("evening", 150, 78))
    await experiments.http.post(f"/v1/experiments/{experiment['id']}/stop")
    readout = await readout_of(experiments, experiment)
    assert readout["time"]["days_left"] is None
    assert "it was stopped before that" in readout["recommendation"]["reason"]
    assert "Undecided at the stop: " in readout["summary"]
    assert "Keep running" not in readout["summary"]


async def test_arms_of_unequal_weight_are_in_ratio_and_each_is_compared(experiments: Driven) -> None:
    arms = [{"name": "control", "weight": 5}, {"name": "evening", "weight": 2}, {"name": "morning", "weight": 3}]
    experiment = await running(experiments, arms=arms)
    for arm, units, converted in (("control", 750, 375), ("evening", 300, 60), ("morning", 450, 420)):
        await experiments.receives(*trial(arm, units, converted))
    readout = await readout_of(experiments, experiment)
    assert readout["health"]["sample_ratio"]["status"] == "ok"
    assert [one["verdict"] for one in readout["primary_metric"]["comparisons"]] == ["worse", "better"]
    assert (readout["recommendation"]["action"], readout["recommendation"]["arm"]) == ("ship", "morning")


async def test_before_and_after_never_say_that_the_change_did_harm(experiments: Driven) -> None:
    arms = [{"name": "before", "weight": 1}, {"name": "after", "weight": 1}]
    experiment = await running(experiments, kind="pre_post", arms=arms, guardrails=[CALLS])
    for arm, start, kept, calls in (("before", 0, 300, 20), ("after", 12, 100, 350)):
        units = [f"{arm}-{n}" for n in range(400)]
        await experiments.receives(*(exposed(unit, arm, 1 + (start + n % 4) * DAY) for n, unit in enumerate(units)))
        for metric, happened in (("kept", kept), ("calls", calls)):
            minutes = [2 + (start + n % 4) * DAY for n in range(happened)]
            await experiments.receives(
                *(measured(unit, at, metric=metric) for unit, at in zip(units, minutes, strict=False))
            )
    readout = await readout_of(experiments, experiment)
    assert readout["claimed"][0].startswith("kept is worse in after than in before, for whatever reason: ")
    assert readout["claimed"][1].startswith("calls is worse in after than in before by more than the margin, for what")
    assert (
        readout["recommendation"]["reason"] == "calls is worse in after than in before, by more than the margin allows"
    )
    assert not any("makes" in sentence for sentence in (*readout["claimed"], readout["summary"]))


async def test_a_problem_s_risk_of_buying_needs_all_days(experiments: Driven) -> None:
    """However poor it looks on the first day, the alternative is advised only when weekdays were seen."""
    problem = await known_problem(experiments)
    option = await experiments.http.post(f"/v1/problems/{problem}/options", json={"kind": "build", "title": "x"})
    stated = {"risk": "feasibility", "statement": "We can", "importance": 5}
    assumption = await experiments.http.post(f"/v1/options/{option.json()['id']}/assumptions", json=stated)
    body = registration(problem, assumption_id=assumption.json()["id"], alternative_effect=0.4)
    draft = (await experiments.http.post("/v1/experiments", json=body)).json()
    path = f"/v1/experiments/{draft['id']}"
    await experiments.http.post(f"{path}/start", json={"counts_from": BEGINNING.isoformat()})
    await experiments.receives(*trial("control", 200, 100, days=1), *trial("evening", 200, 104, days=1))
    assert (await readout_of(experiments, draft))["recommendation"]["action"] == "keep_running"
    await experiments.receives(*trial("control", 300, 150), *trial("evening", 300, 156))
    assert (await readout_of(experiments, draft))["recommendation"]["action"] == "buy"


def _kept() -> dict[str, str]:
    return {"name": "kept", "kind": "conversion", "direction": "increase"}


def _periods(first: np.ndarray, second: np.ndarray) -> tuple[Experiment, Tally]:
    """Before and after as they were counted so far: the first period whole, of the second its beginning."""
    arms = [{"name": "before", "weight": 1}, {"name": "after", "weight": 1}]
    plan = Plan.model_validate(registration(UUID(int=1), kind="pre_post", arms=arms, **MEAN))
    parts = [Moments.of_summary(Summary(len(x), float(x.mean()), float(x.var() * len(x)))) for x in (first, second)]
    found = tally(plan.layout, Census(plan.layout.arms, in_step=False), plan.shares, Moments.stack(parts))
    units = {"before": len(first), "after": len(second)}
    experiment = Experiment(UUID(int=2), plan, "running", BEGINNING, 40_000, counts_from=BEGINNING)
    return experiment, replace(found, units=units)


def test_looking_at_the_second_of_two_periods_errs_no_more_than_alpha() -> None:
    """20,000 before, then 20,000 after without any difference, looked at all along: wrong in 5 % of runs at most."""
    chance = np.random.default_rng(11)
    looks = np.unique(np.geomspace(100, 20_000, 40).astype(int))
    wrong = 0
    for _ in range(200):
        first, second = chance.normal(size=20_000), chance.normal(size=20_000)
        wrong += any(
            compare(*_periods(first, second[:n]), "after").verdict in ("better", "worse") for n in looks.tolist()
        )
    assert wrong / 200 <= 0.05
