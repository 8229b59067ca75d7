"""What is observed counts once, for the right arm and in its time, in whatever order it arrives."""

import asyncio
from time import monotonic
from typing import Any
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from contracts.envelope import Envelope, wrap
from contracts.event import Event
from libs.messaging.work import Message
from services.experiments.domain.observation import FirstExposure
from services.experiments.tests.support import (
    BEGINNING,
    DAY,
    exposed,
    measured,
    readout_of,
    registered,
    running,
    tally_of,
    trial,
    value_of,
)
from services.experiments.use_cases.observe import observe_exposures, observe_outcomes
from tests.support.driven import Driven

GUARDRAIL = {"metric": {"name": "calls", "kind": "mean", "direction": "decrease"}, "margin": 0.5}


async def test_an_outcome_counts_once_its_unit_was_exposed_even_if_it_came_before(experiments: Driven) -> None:
    experiment = await running(experiments)
    await experiments.receives(measured("early"), measured("stranger"))
    assert (await tally_of(experiments, experiment)).total == 0
    await experiments.receives(exposed("early", "control"))
    tally = await tally_of(experiments, experiment)
    assert tally.units == {"control": 1, "evening": 0}
    assert value_of(tally, "kept", "control") == (1, 1)


async def test_only_outcomes_inside_the_window_count(experiments: Driven) -> None:
    experiment = await running(experiments, outcome_window_days=1)
    await experiments.receives(
        exposed("a", "control", minute=10), measured("a", minute=9), measured("a", minute=10 + DAY)
    )
    assert value_of(await tally_of(experiments, experiment), "kept", "control") == (1, 0)
    await experiments.receives(measured("a", minute=9 + DAY))
    assert value_of(await tally_of(experiments, experiment), "kept", "control") == (1, 1)


async def test_a_late_exposure_moves_the_window(experiments: Driven) -> None:
    experiment = await running(experiments, outcome_window_days=1)
    await experiments.receives(exposed("a", "control", minute=30), measured("a", minute=20))
    assert value_of(await tally_of(experiments, experiment), "kept", "control") == (1, 0)
    await experiments.receives(exposed("a", "control", minute=10))
    assert value_of(await tally_of(experiments, experiment), "kept", "control") == (1, 1)


async def test_an_exposure_that_moves_to_an_earlier_hour_is_counted_in_one_place(experiments: Driven) -> None:
    experiment = await running(experiments)
    await experiments.receives(exposed("a", "control", minute=DAY))
    assert (await tally_of(experiments, experiment)).units["control"] == 1
    await experiments.receives(exposed("a", "control", minute=5))
    assert (await tally_of(experiments, experiment)).units["control"] == 1


async def test_a_mean_sums_per_unit_and_a_conversion_counts_once(experiments: Driven) -> None:
    experiment = await running(experiments, guardrails=[GUARDRAIL])
    events: list[Event] = [exposed("a", "control"), exposed("b", "control")]
    events += [measured("a", value=value, metric="calls") for value in (2.0, 3.0)]
    events += [measured("a"), measured("a"), measured("b", value=0.0)]
    await experiments.receives(*events)
    tally = await tally_of(experiments, experiment)
    assert value_of(tally, "calls", "control") == (2, 5.0)
    assert value_of(tally, "kept", "control") == (2, 1.0)


async def test_a_unit_seen_in_two_arms_is_left_out_and_counted(experiments: Driven) -> None:
    experiment = await running(experiments)
    await experiments.receives(exposed("a", "control"), exposed("a", "evening", minute=5), measured("a", minute=9))
    await experiments.receives(exposed("b", "evening"))
    tally = await tally_of(experiments, experiment)
    assert (tally.units, tally.crossed) == ({"control": 0, "evening": 1}, 1)
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
    assert (await tally_of(experiments, draft)).total == (await tally_of(experiments, experiment)).total == 0


async def test_after_the_stop_only_what_happened_before_counts(experiments: Driven) -> None:
    experiment = await running(experiments)
    await experiments.http.post(f"/v1/experiments/{experiment['id']}/stop")
    await experiments.receives(
        exposed("late", "control"),
        measured("late"),
        exposed("after", "control", minute=31 * DAY),
        measured("late", minute=31 * DAY),
    )
    assert value_of(await tally_of(experiments, experiment), "kept", "control") == (1, 1)


async def test_what_a_fast_clock_dated_after_the_stop_counts_no_more(experiments: Driven) -> None:
    experiment = await running(experiments)
    ahead = 30 * DAY + 60
    await experiments.receives(exposed("a", "control", minute=29 * DAY), exposed("b", "control", minute=ahead))
    await experiments.receives(measured("a", minute=ahead))
    assert value_of(await tally_of(experiments, experiment), "kept", "control") == (2, 1)
    await experiments.http.post(f"/v1/experiments/{experiment['id']}/stop")
    assert value_of(await tally_of(experiments, experiment), "kept", "control") == (1, 0)


async def test_a_repeated_event_has_no_second_effect(experiments: Driven) -> None:
    experiment = await running(experiments, guardrails=[GUARDRAIL])
    said = await experiments.receives(exposed("a", "control"), measured("a", value=2.0, metric="calls"))
    await experiments.deliver(*said, *said)
    await experiments.deliver(*said, deliveries=2)
    assert value_of(await tally_of(experiments, experiment), "calls", "control") == (1, 2.0)


async def test_the_same_outcome_under_another_id_is_the_same_unless_its_ref_differs(experiments: Driven) -> None:
    """A tool that sends again after a lost answer makes new ids; two calls in one moment are told apart by `ref`."""
    experiment = await running(experiments, guardrails=[GUARDRAIL])
    again = [measured("a", value=2.0, metric="calls") for _ in range(3)]
    await experiments.receives(exposed("a", "control"), *again)
    assert value_of(await tally_of(experiments, experiment), "calls", "control") == (1, 2.0)
    await experiments.receives(*(again[0].model_copy(update={"ref": ref}) for ref in ("call-1", "call-2", "call-2")))
    assert value_of(await tally_of(experiments, experiment), "calls", "control") == (1, 6.0)


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
    assert value_of(await tally_of(experiments, experiment), "kept", "control") == (1, 1)


async def test_a_unit_that_cannot_be_stored_stops_nobody_else(experiments: Driven) -> None:
    experiment = await running(experiments)
    bad, good = exposed("a\x00b", "control"), [exposed(f"u{number}", "control") for number in range(20)]
    envelopes = [wrap(event, service="experiments", workspace=experiments.workspace) for event in [*good, bad]]
    outcomes = await experiments.deliver(*envelopes)
    assert outcomes[:-1] == [None] * 20
    assert outcomes[-1] is not None
    assert (await tally_of(experiments, experiment)).units["control"] == 20


minutes = st.integers(0, 12)
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


def message(event: Event, experiments: Driven) -> Message[Any]:
    return Message(event, wrap(event, service="experiments", workspace=experiments.workspace))


async def test_an_exposure_and_an_outcome_of_two_open_transactions_find_each_other(experiments: Driven) -> None:
    """Two replicas, each with one half of a unit's story, and a look after the first of them has committed."""
    experiment = await running(experiments)
    looked = asyncio.Event()

    async def measure() -> None:
        async with experiments.transactions.begin(experiments.workspace) as work:
            await observe_outcomes([message(measured("a"), experiments)], work)
            await looked.wait()

    async with experiments.transactions.begin(experiments.workspace) as work:
        await observe_exposures([message(exposed("a", "control"), experiments)], work)
        measuring = asyncio.create_task(measure())
        await asyncio.sleep(0.3)
    await tally_of(experiments, experiment)
    looked.set()
    await measuring
    assert value_of(await tally_of(experiments, experiment), "kept", "control") == (1, 1)


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
    assert value_of(await tally_of(experiments, experiment), "kept", "control") == (5_000, 5_000)
    assert monotonic() - began < 15
