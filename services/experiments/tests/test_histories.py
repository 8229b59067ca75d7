"""Any order, batching and repetition of a history gives the same statistics, to the last bit; so do a restart and a
rebuild. Many histories in memory, of the domain's own parts; fewer in the real database, which must agree with them."""

import random
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.envelope import wrap
from contracts.event import Event
from contracts.experiments import ObservationExposed, ObservationMeasured
from services.experiments.domain.plan import Plan
from services.experiments.statistics.contrast import contrast
from services.experiments.tests.model import Model
from services.experiments.tests.support import BEGINNING, exposed, measured, registration, running, tally_of
from tests.support.driven import Driven

HOUR = 60
ARMS = [{"name": name, "weight": weight} for name, weight in (("control", 2), ("evening", 1), ("morning", 1))]


def plan_of(key: str, **changes: Any) -> dict[str, Any]:
    """Every kind of metric, a look back, and times so short that histories cross all their limits."""
    return registration(
        UUID(int=1),
        key=key,
        arms=ARMS,
        primary_metric={"name": f"kept-{key}", "kind": "conversion", "direction": "increase"},
        guardrails=[
            {"metric": {"name": f"spent-{key}", "kind": "mean", "direction": "decrease"}, "margin": 1},
            {
                "metric": {
                    "name": f"calls-{key}",
                    "kind": "ratio",
                    "direction": "decrease",
                    "denominator": f"visits-{key}",
                },
                "margin": 1,
            },
        ],
        outcome_window_days=90 / (24 * HOUR),
        look_back_days=60 / (24 * HOUR),
        **changes,
    )


def _ref(event: ObservationMeasured, ref: str | None) -> ObservationMeasured:
    return event.model_copy(update={"ref": ref})


units = st.sampled_from([f"unit-{number}" for number in range(9)])
exposures = st.builds(
    exposed,
    units,
    st.sampled_from(["control", "evening", "morning", "control", "unknown"]),
    st.integers(-10, 5 * HOUR),
    st.just("k"),
)
outcomes = st.builds(
    _ref,
    st.builds(
        measured,
        units,
        st.integers(-80, 6 * HOUR),
        st.sampled_from([0.1, 0.2, 0.3, -0.7, 1e9, 1e-9, 3.0, 0.0, -0.0]),
        st.sampled_from(["kept-k", "spent-k", "calls-k", "visits-k", "other"]),
    ),
    st.sampled_from([None, None, "r"]),
)
histories = st.lists(st.one_of(exposures, outcomes, outcomes), min_size=1, max_size=60)
chances = st.randoms(use_true_random=False)


def disturbed(history: list[Event], chance: random.Random) -> list[list[Event]]:
    """The history in another order, with repeats, in batches."""
    mixed = history + chance.sample(history, len(history) // 2)
    chance.shuffle(mixed)
    size = chance.randint(1, 9)
    return [mixed[start : start + size] for start in range(0, len(mixed), size)]


@settings(max_examples=1_200, deadline=None)
@given(histories, chances)
def test_order_repeats_restarts_and_rebuilds_change_nothing(history: list[Event], chance: random.Random) -> None:
    plan = Plan.model_validate(plan_of("k"))
    at_once, piecemeal = Model(plan), Model(plan)
    at_once.receive(history)
    for batch in disturbed(history, chance):
        piecemeal.receive(batch)
        if chance.random() < 0.3:
            piecemeal.settle()
        if chance.random() < 0.2:
            piecemeal.restart()
    found = piecemeal.tally()
    assert found.as_json() == at_once.tally().as_json()
    piecemeal.rebuild()
    assert piecemeal.tally().as_json() == found.as_json()
    assert type(found).from_json(plan.layout, found.as_json()).as_json() == found.as_json()


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories, chances)
async def test_the_database_comes_to_the_same_bits(
    experiments: Driven, history: list[Event], chance: random.Random
) -> None:
    key = f"k-{uuid4().hex}"
    named = [_renamed(event, key) for event in history]
    about = {name: value for name, value in plan_of(key).items() if name != "problem_id"}
    experiment = await running(experiments, **about)
    envelopes = {id(event): wrap(event, service="experiments", workspace=experiments.workspace) for event in named}
    for batch in disturbed(named, chance):
        assert not any(await experiments.deliver(*(envelopes[id(event)] for event in batch)))
        if chance.random() < 0.3:
            await tally_of(experiments, experiment)
    found = (await tally_of(experiments, experiment)).as_json()
    model = Model(Plan.model_validate({**plan_of(key), "key": key}))
    model.receive(named)
    assert found == model.tally().as_json()
    assert (await experiments.http.post(f"/v1/experiments/{experiment['id']}/rebuild")).status_code == 200
    assert (await tally_of(experiments, experiment)).as_json() == found


def _renamed(event: Event, key: str) -> Event:
    """The event as one of the experiment `key`, so that histories of one workspace do not mix."""
    if isinstance(event, ObservationExposed):
        return event.model_copy(update={"experiment": key})
    assert isinstance(event, ObservationMeasured)
    name = event.metric.removesuffix("-k")
    return event.model_copy(update={"metric": f"{name}-{key}"})


def test_large_values_that_differ_little_keep_their_deviation_across_blocks() -> None:
    """NIST's NumAcc4: 10000000.2, then 10000000.1 and 10000000.3 in turns; its standard deviation is 0.1 exactly."""
    plan = Plan.model_validate(registration(UUID(int=1), primary_metric=_spent("increase"), baseline_deviation=1.0))
    model = Model(plan)
    values = [10_000_000.2] + [10_000_000.1, 10_000_000.3] * 500
    for number, value in enumerate(values):
        minute = number * 7  # over five days, and in every shard
        model.receive([exposed(f"u{number}", "control", minute), measured(f"u{number}", minute, value, "spent")])
    found = model.tally().of(plan.primary_metric, "control")
    assert float(found.n) == 1_001
    assert float(found.means[0]) == 10_000_000.2
    deviation = (float(found.products[0, 0]) / 1_000) ** 0.5
    assert deviation == pytest.approx(0.1, rel=1e-8)  # the values themselves are rounded to 1.9e-9


def test_what_is_added_up_by_blocks_is_what_one_pass_over_all_units_gives() -> None:
    """Against NumPy on the whole: means and the error of a ratio with its pre-exposure values."""
    chance = random.Random(5)
    plan = Plan.model_validate(plan_of("k", minimum_days=0))
    model, seen = Model(plan), []
    for number in range(400):
        at = chance.randint(0, 4 * 24 * HOUR)
        calls, visits, before = chance.randint(0, 4), chance.randint(1, 9), chance.randint(0, 3)
        unit = f"u{number}"
        model.receive(
            [
                exposed(unit, ("control", "evening")[number % 2], at, "k"),
                exposed(f"m{number}", "morning", at, "k"),
                measured(unit, at + 1, calls, "calls-k"),
                measured(unit, at + 2, visits, "visits-k"),
                measured(unit, at - 5, before, "calls-k"),
                measured(unit, at - 5, 1, "visits-k"),
            ]
        )
        seen.append((calls, visits, before if at >= 5 else 0))
    total = model.tally()
    ratio = plan.guardrails[1].metric
    for arm, rows in (("control", seen[::2]), ("evening", seen[1::2])):
        found = total.of(ratio, arm)
        assert float(found.n) == len(rows)
        assert found.means[0] / found.means[1] == pytest.approx(sum(r[0] for r in rows) / sum(r[1] for r in rows))
    compared = contrast(total.of(ratio, "control"), total.of(ratio, "evening"), kind="ratio", cuped=True)
    assert int(compared.codes) == 0
    assert total.until is not None
    assert total.until - BEGINNING <= timedelta(days=4)


def _spent(direction: str) -> dict[str, str]:
    return {"name": "spent", "kind": "mean", "direction": direction}
