"""The readout says what may be claimed and what may not, and changes of it are told once."""

from typing import Any

from contracts.experiments import ReadoutChanged
from libs.messaging.work import driver_connection
from services.experiments.jobs import refresh_due
from services.experiments.store.readouts import due_readouts
from services.experiments.tests.support import exposed, measured, readout_of, running, trial
from services.experiments.use_cases.refresh_readout import refresh_readout
from tests.support.driven import Driven

GUARDRAIL = {"metric": {"name": "calls", "kind": "conversion", "direction": "decrease"}, "margin": 0.05}
THREE = [{"name": name, "weight": 1} for name in ("control", "evening", "morning")]


async def refresh(experiments: Driven, experiment: dict[str, Any]) -> None:
    """Have this experiment's readout looked at now, as the background job would within seconds."""
    async with experiments.transactions.begin(experiments.workspace) as work:
        await (await work.readouts()).put_off(experiment["id"], until=work.now)
    async with experiments.transactions.begin(experiments.workspace) as work:
        assert await refresh_readout(experiment["id"], work)


async def due(experiments: Driven) -> int:
    """How many of this test's experiments the background job would look at now."""
    async with experiments.engine.connect() as connection:
        found = await due_readouts(await driver_connection(connection), limit=100_000)
    return len([one for one in found if one.workspace == experiments.workspace])


async def test_numbers_are_hidden_until_there_are_enough_units(experiments: Driven) -> None:
    experiment = await running(experiments)
    await experiments.receives(*trial("control", 99, 20), *trial("evening", 99, 90))
    readout = await readout_of(experiments, experiment)
    comparison = readout["primary_metric"]["comparisons"][0]
    assert (comparison["status"], comparison["effect"], comparison["verdict"]) == ("too_few_units", None, "hidden")
    assert "treatment_mean" not in comparison
    assert readout["claimed"] == []
    assert (readout["recommendation"]["action"], readout["recommendation"]["rule"]) == ("keep_running", "minimum_data")


async def test_a_clear_effect_with_safe_guardrails_ships(experiments: Driven) -> None:
    experiment = await running(experiments, guardrails=[GUARDRAIL])
    await experiments.receives(*trial("control", 450, 150), *trial("evening", 450, 350))
    await experiments.receives(*trial("control", 450, 12, "calls"), *trial("evening", 450, 12, "calls"))
    readout = await readout_of(experiments, experiment)
    assert readout["recommendation"]["action"] == "ship"
    assert readout["claimed"][0].startswith("evening makes kept better: +44.44 pp [")
    assert any("does not make calls worse" in sentence for sentence in readout["claimed"])
    assert any("is not claimed" in sentence for sentence in readout["not_claimed"])
    assert readout["primary_metric"]["comparisons"][0]["relative"]["lower"] > 0
    assert readout["guardrails"][0]["verdict"] == "safe"
    assert readout["method"]["alpha"] == 0.05
    assert [arm["units"] for arm in readout["units"]["arms"]] == [450, 450]


async def test_harm_stops_on_the_primary_and_on_a_guardrail(experiments: Driven) -> None:
    harmful = await running(experiments)
    await experiments.receives(*trial("control", 400, 300), *trial("evening", 400, 100))
    assert (await readout_of(experiments, harmful))["recommendation"]["rule"] == "primary_harm"
    guarded = await running(experiments, key="guarded", guardrails=[GUARDRAIL], primary_metric=_metric("other"))
    for arm, calls in (("control", 50), ("evening", 350)):
        units = [f"guarded-{arm}-{number}" for number in range(400)]
        await experiments.receives(*(exposed(unit, arm, experiment="guarded") for unit in units))
        await experiments.receives(*(measured(unit, metric="calls") for unit in units[:calls]))
        await experiments.receives(*(measured(unit, metric="other") for unit in units[:200]))
    recommendation = (await readout_of(experiments, guarded))["recommendation"]
    assert (recommendation["action"], recommendation["rule"]) == ("stop", "guardrail_harm")


async def test_a_broken_sample_ratio_blocks_every_claim(experiments: Driven) -> None:
    experiment = await running(experiments)
    await experiments.receives(*trial("control", 500, 100), *trial("evening", 200, 180))
    readout = await readout_of(experiments, experiment)
    assert readout["claimed"] == []
    assert readout["recommendation"]["rule"] == "blocked"
    assert readout["health"]["sample_ratio"]["status"] == "broken"
    await refresh(experiments, experiment)
    assert {event.reason for event in await experiments.said(ReadoutChanged)} == {"sample_ratio_broken"}


async def test_reaching_the_planned_units_undecided_asks_to_iterate(experiments: Driven) -> None:
    experiment = await running(experiments)
    await experiments.receives(*trial("control", 450, 200), *trial("evening", 450, 230))
    recommendation = (await readout_of(experiments, experiment))["recommendation"]
    assert (recommendation["action"], recommendation["rule"]) == ("iterate", "planned_size")


async def test_of_several_arms_each_gets_its_part_of_alpha(experiments: Driven) -> None:
    experiment = await running(experiments, arms=THREE)
    await experiments.receives(*trial("control", 300, 150), *trial("evening", 300, 50), *trial("morning", 300, 270))
    readout = await readout_of(experiments, experiment)
    assert readout["method"]["alpha_per_comparison"] == 0.025
    assert [one["verdict"] for one in readout["primary_metric"]["comparisons"]] == ["worse", "better"]
    assert (readout["recommendation"]["action"], readout["recommendation"]["arm"]) == ("ship", "morning")
    assert "drop evening" in readout["recommendation"]["reason"]


async def test_a_change_is_told_although_somebody_read_it_first(experiments: Driven) -> None:
    experiment = await running(experiments)
    await experiments.receives(*trial("control", 120, 60), *trial("evening", 120, 62))
    await readout_of(experiments, experiment)
    await refresh_due(experiments.transactions)
    assert [event.reason for event in await experiments.said(ReadoutChanged)] == ["readable"]


async def test_changes_are_told_on_their_onset_only(experiments: Driven) -> None:
    experiment = await running(experiments)
    await experiments.receives(*trial("control", 120, 60), *trial("evening", 120, 62))
    await refresh(experiments, experiment)
    first = await experiments.said(ReadoutChanged)
    assert [(event.reason, event.recommendation, event.units) for event in first] == [("readable", "keep_running", 240)]
    assert first[0].estimate is not None
    await experiments.receives(*trial("control", 450, 150), *trial("evening", 450, 440))
    await refresh(experiments, experiment)
    new = (await experiments.said(ReadoutChanged))[1:]
    assert {event.reason for event in new} == {"claim_reached", "powered"}
    assert {event.previous_recommendation for event in new} == {"keep_running"}
    await experiments.receives(exposed("one-more", "control"))
    await refresh(experiments, experiment)
    assert len(await experiments.said(ReadoutChanged)) == 3


async def test_a_readout_is_looked_at_only_when_due_and_only_with_new_facts(experiments: Driven) -> None:
    experiment = await running(experiments)
    assert await due(experiments) == 0
    await experiments.receives(exposed("a", "control"), exposed("a", "control", experiment="unknown"))
    assert await due(experiments) == 1
    assert await refresh_due(experiments.transactions, limit=1_000) >= 1
    await experiments.receives(exposed("b", "control"))
    assert await due(experiments) == 0  # looked at less than two seconds ago
    await refresh(experiments, experiment)
    assert await due(experiments) == 0


async def test_two_replicas_look_at_a_readout_once(experiments: Driven) -> None:
    experiment = await running(experiments)
    await experiments.receives(*trial("control", 120, 60), *trial("evening", 120, 62))
    async with experiments.transactions.begin(experiments.workspace) as work:
        assert await (await work.readouts()).claim(experiment["id"], wait=False) is not None
        async with experiments.transactions.begin(experiments.workspace) as other:
            assert not await refresh_readout(experiment["id"], other)
    assert await experiments.said(ReadoutChanged) == []


def _metric(name: str) -> dict[str, str]:
    return {"name": name, "kind": "conversion", "direction": "increase"}
