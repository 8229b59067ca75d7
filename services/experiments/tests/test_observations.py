"""What is observed counts once, for the right arm and in its time, in whatever order it arrives."""

import random
from time import monotonic
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.envelope import Envelope, wrap
from contracts.event import Event
from contracts.experiments import ObservationExposed, ObservationMeasured
from services.experiments.domain.observation import FirstExposure
from services.experiments.tests.support import (
    BEGINNING,
    exposed,
    measured,
    readout_of,
    registered,
    running,
    trial,
)
from tests.support.driven import Driven

DAY = 24 * 60
GUARDRAIL = {"metric": {"name": "calls", "kind": "mean", "direction": "decrease"}, "margin": 0.5}


async def counted(experiments: Driven, experiment: dict[str, Any]) -> Any:
    """What was counted, by the service's own store: (units, excluded, summaries)."""
    async with experiments.transactions.begin(experiments.workspace) as work:
        found = await (await work.experiments()).find(experiment["id"])
        assert found is not None
        numbers = await (await work.observations()).count(found)
    return dict(numbers.units), numbers.excluded, dict(numbers.summaries)


async def test_an_outcome_counts_once_its_unit_was_exposed_even_if_it_came_before(experiments: Driven) -> None:
    experiment = await running(experiments)
    await experiments.receives(measured("early"), measured("stranger"))
    assert await counted(experiments, experiment) == ({}, 0, {})
    await experiments.receives(exposed("early", "control"))
    units, _, summaries = await counted(experiments, experiment)
    assert units == {"control": 1}
    assert summaries["kept", "control"].total == 1


async def test_only_outcomes_inside_the_window_count(experiments: Driven) -> None:
    experiment = await running(experiments, outcome_window_days=1)
    await experiments.receives(
        exposed("a", "control", minute=10), measured("a", minute=9), measured("a", minute=10 + DAY)
    )
    assert (await counted(experiments, experiment))[2] == {}
    await experiments.receives(measured("a", minute=9 + DAY))
    assert (await counted(experiments, experiment))[2]["kept", "control"].n == 1


async def test_a_late_exposure_moves_the_window(experiments: Driven) -> None:
    experiment = await running(experiments, outcome_window_days=1)
    await experiments.receives(exposed("a", "control", minute=30), measured("a", minute=20))
    assert (await counted(experiments, experiment))[2] == {}
    await experiments.receives(exposed("a", "control", minute=10))
    assert (await counted(experiments, experiment))[2]["kept", "control"].n == 1


async def test_a_mean_sums_per_unit_and_a_conversion_counts_once(experiments: Driven) -> None:
    experiment = await running(experiments, guardrails=[GUARDRAIL])
    events: list[Event] = [exposed("a", "control"), exposed("b", "control")]
    events += [measured("a", value=value, metric="calls") for value in (2.0, 3.0)]
    events += [measured("a"), measured("a"), measured("b", value=0.0)]
    await experiments.receives(*events)
    _, _, summaries = await counted(experiments, experiment)
    assert (summaries["calls", "control"].n, summaries["calls", "control"].mean) == (1, 5.0)
    assert (summaries["kept", "control"].n, summaries["kept", "control"].mean) == (2, 0.5)


async def test_a_unit_seen_in_two_arms_is_left_out_and_counted(experiments: Driven) -> None:
    experiment = await running(experiments)
    await experiments.receives(exposed("a", "control"), exposed("a", "evening", minute=5), measured("a", minute=9))
    await experiments.receives(exposed("b", "evening"))
    assert await counted(experiments, experiment) == ({"control": 0, "evening": 1}, 1, {})
    health = (await readout_of(experiments, experiment))["health"]["double_exposure"]
    assert (health["units"], health["share"]) == (1, 0.5)


async def test_what_no_experiment_covers_is_passed_over(experiments: Driven) -> None:
    draft = await registered(experiments, key="draft")
    experiment = await running(experiments)
    await experiments.receives(
        exposed("a", "control", experiment="draft"),
        exposed("a", "control", experiment="unknown"),
        exposed("a", "unknown-arm"),
        exposed("a", "control", minute=-5),
        measured("a", metric="unknown"),
        measured("a", minute=-1),
    )
    for one in (draft, experiment):
        assert await counted(experiments, one) == ({}, 0, {})


async def test_after_the_stop_only_what_happened_before_counts(experiments: Driven) -> None:
    experiment = await running(experiments)
    await experiments.http.post(f"/v1/experiments/{experiment['id']}/stop")
    await experiments.receives(
        exposed("late", "control"),
        measured("late"),
        exposed("after", "control", minute=31 * DAY),
        measured("late", minute=31 * DAY),
    )
    units, _, summaries = await counted(experiments, experiment)
    assert (units, summaries["kept", "control"].total) == ({"control": 1}, 1)


async def test_a_repeated_event_has_no_second_effect(experiments: Driven) -> None:
    experiment = await running(experiments, guardrails=[GUARDRAIL])
    said = await experiments.receives(exposed("a", "control"), measured("a", value=2.0, metric="calls"))
    await experiments.deliver(*said, *said)
    await experiments.deliver(*said, deliveries=2)
    assert (await counted(experiments, experiment))[2]["calls", "control"].total == 2.0


async def test_a_tool_may_publish_with_its_own_source_and_ids(experiments: Driven) -> None:
    experiment = await running(experiments)
    own = [
        Envelope(
            id=name,
            source="shop-frontend",
            type=event.TYPE,
            subject=event.aggregate,
            time=BEGINNING,
            workspace=experiments.workspace,
            data=event.model_dump(mode="json"),
            correlationid=name,
        )
        for name, event in (("e1", exposed("a", "control")), ("m1", measured("a")), ("m1", measured("a")))
    ]
    await experiments.deliver(*own)
    assert (await counted(experiments, experiment))[2]["kept", "control"].total == 1


async def test_a_unit_that_cannot_be_stored_stops_nobody_else(experiments: Driven) -> None:
    experiment = await running(experiments)
    bad, good = exposed("a\x00b", "control"), [exposed(f"u{number}", "control") for number in range(20)]
    envelopes = [wrap(event, service="experiments", workspace=experiments.workspace) for event in [*good, bad]]
    outcomes = await experiments.deliver(*envelopes)
    assert outcomes[:-1] == [None] * 20
    assert outcomes[-1] is not None
    assert (await counted(experiments, experiment))[0] == {"control": 20}


minutes = st.integers(0, 12)
exposures = st.builds(exposed, st.sampled_from("abc"), st.sampled_from(["control", "evening"]), minutes)
outcomes = st.builds(
    measured, st.sampled_from("abc"), minutes, st.integers(-2, 3).map(float), st.sampled_from(["kept", "calls"])
)
histories = st.lists(st.one_of(exposures, outcomes), min_size=1, max_size=14)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories, st.randoms(use_true_random=False))
async def test_any_order_and_repetition_of_a_history_gives_the_same_state(
    experiments: Driven, history: list[Event], chance: random.Random
) -> None:
    """The same envelopes, in their order at once, and shuffled with repeats in small batches."""
    keys = [f"run-{uuid4().hex}-{side}" for side in "ab"]
    found = []
    for key, shuffled in zip(keys, (False, True), strict=True):
        about = {"guardrails": [{**GUARDRAIL, "metric": {**GUARDRAIL["metric"], "name": f"calls-{key}"}}]}
        primary = {"name": f"kept-{key}", "kind": "conversion", "direction": "increase"}
        experiment = await running(experiments, key=key, primary_metric=primary, outcome_window_days=8 / DAY, **about)
        await _tell(experiments, [_renamed(event, key) for event in history], chance if shuffled else None)
        units, excluded, summaries = await counted(experiments, experiment)
        found.append(
            (units, excluded, {(metric.removesuffix(key), arm): one for (metric, arm), one in summaries.items()})
        )
    assert found[0] == found[1]


async def _tell(experiments: Driven, history: list[Event], chance: random.Random | None) -> None:
    envelopes = [wrap(event, service="experiments", workspace=experiments.workspace) for event in history]
    if chance is None:
        await experiments.deliver(*envelopes)
        return
    mixed = envelopes + chance.sample(envelopes, len(envelopes) // 2)
    chance.shuffle(mixed)
    size = chance.randint(1, 5)
    for start in range(0, len(mixed), size):
        await experiments.deliver(*mixed[start : start + size])


def _renamed(event: Event, key: str) -> Event:
    """The event as one of the experiment `key`, so that histories of one workspace do not mix."""
    if isinstance(event, ObservationExposed):
        return event.model_copy(update={"experiment": key})
    assert isinstance(event, ObservationMeasured)
    return event.model_copy(update={"metric": f"{event.metric}-{key}"})


_ID = uuid4()
joinable = st.builds(
    lambda variant, minute: FirstExposure(_ID, "u", variant, exposed("u", variant, minute).at),
    st.sampled_from("abc"),
    minutes,
)


@given(joinable, joinable, joinable)
def test_joining_exposures_does_not_depend_on_order(a: FirstExposure, b: FirstExposure, c: FirstExposure) -> None:
    assert a.joined(b).joined(c) == c.joined(a.joined(b)) == b.joined(c).joined(a)
    assert a.joined(a) == a
    assert a.joined(b).joined(a) == a.joined(b)


async def test_the_readout_adds_up(experiments: Driven) -> None:
    experiment = await running(experiments)
    await experiments.receives(*trial("control", 200, 80), *trial("evening", 200, 120))
    readout = await readout_of(experiments, experiment)
    comparison = readout["primary_metric"]["comparisons"][0]
    assert (comparison["control_mean"], comparison["treatment_mean"]) == (0.4, 0.6)
    assert abs(comparison["effect"]["effect"] - 0.2) < 1e-12


async def test_a_burst_is_taken_in_and_read_in_moderate_time(experiments: Driven) -> None:
    """Alternating kinds, and tables that nothing has analysed yet: neither a round trip nor a scan per observation."""
    experiment = await running(experiments)
    units = [f"u{number}" for number in range(5_000)]
    pairs = [(exposed(unit, "control"), measured(unit)) for unit in units]
    envelopes = [
        wrap(event, service="experiments", workspace=experiments.workspace) for pair in pairs for event in pair
    ]
    began = monotonic()
    for start in range(0, len(envelopes), 1_000):
        await experiments.deliver(*envelopes[start : start + 1_000])
    units_counted, _, summaries = await counted(experiments, experiment)
    assert (units_counted, summaries["kept", "control"].total) == ({"control": 5_000}, 5_000)
    assert monotonic() - began < 15
