"""Whatever was counted: a readout that can be said, never shows what it hides and never claims what it must not."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from services.experiments.domain.experiment import Experiment
from services.experiments.domain.option import Risk
from services.experiments.domain.plan import Plan
from services.experiments.domain.readout import Decision, Readout, read_out
from services.experiments.domain.tally import Tally
from services.experiments.domain.view import view
from services.experiments.statistics.moments import Moments
from services.experiments.statistics.summary import Summary
from services.experiments.tests.support import BEGINNING, registration

NOW = BEGINNING + timedelta(days=30)
CALLS = {"metric": {"name": "calls", "kind": "mean", "direction": "decrease"}, "margin": 0.5}
SPENT = {"name": "spent", "kind": "mean", "direction": "increase"}

counts = st.one_of(st.integers(0, 300), st.integers(0, 10**9))
shares = st.one_of(st.just(0.0), st.just(1.0), st.floats(0, 1))
means = st.one_of(st.floats(-10, 10), st.floats(-1e12, 1e12))
spreads = st.one_of(st.just(0.0), st.floats(1e-300, 1e-200), st.floats(0, 10), st.floats(0, 1e24))


@st.composite
def experiments_and_tallies(draw: st.DrawFn) -> tuple[Experiment, Tally]:
    conversion = draw(st.booleans())
    about: dict[str, Any] = {} if conversion else {"primary_metric": SPENT, "baseline_deviation": 2.0}
    plan = Plan.model_validate(registration(UUID(int=1), guardrails=[CALLS], alternative_effect=0.2, **about))
    risks: list[Risk | None] = [None, "value", "viability"]
    risk = draw(st.sampled_from(risks))
    experiment = Experiment(UUID(int=2), plan, "running", BEGINNING, draw(st.integers(1, 2_000)), risk=risk)
    n = {arm: draw(counts) for arm in plan.layout.arms}
    summaries = []
    for units in n.values():
        converted = round(draw(shares) * units)
        share = converted / units if units else 0.0
        primary = Summary(units, share, units * share * (1 - share)) if conversion else _mean(draw, units)
        summaries += [primary, _mean(draw, units)]
    tally = Tally(
        layout=plan.layout,
        units=n,
        crossed=draw(st.integers(0, 20)),
        waiting=draw(counts),
        stale=draw(st.sampled_from([(), (), ("evening",)])),
        units_per_day=draw(st.one_of(st.none(), st.floats(1e-3, 1e9))),
        until=draw(st.sampled_from([None, NOW, BEGINNING + timedelta(days=2)])),
        moments=Moments.stack(summaries),
    )
    return replace(experiment, counts_from=BEGINNING, started_at=BEGINNING), tally


def _mean(draw: st.DrawFn, units: int) -> Summary:
    return Summary(units, draw(means), draw(spreads) * max(units - 1, 0)) if units else Summary()


@settings(max_examples=400, deadline=None)
@given(experiments_and_tallies(), st.booleans())
def test_a_readout_keeps_its_promises_whatever_was_counted(given_: tuple[Experiment, Tally], again: bool) -> None:
    experiment, tally = given_
    readout = read_out(experiment, tally, at=NOW, looks=1)
    if again and readout.decision:
        kept = Decision.from_json(json.loads(json.dumps(readout.decision.as_json(), allow_nan=False)))
        assert kept == readout.decision
        readout = read_out(experiment, tally, at=NOW, looks=2, decision=kept)
    document = view(readout)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert len(document["summary"]) <= 500
    _hides_what_it_must(readout, document)
    _claims_only_what_it_may(readout, document)


def _hides_what_it_must(readout: Readout, document: dict[str, Any]) -> None:
    for one in (*document["primary_metric"]["comparisons"], *document["guardrails"]):
        if one["verdict"] == "hidden":
            assert one["effect"] is None
            assert "treatment_mean" not in one
            assert one["note"]
        else:
            assert one["effect"]["lower"] <= one["effect"]["effect"] <= one["effect"]["upper"]
    if not readout.trusted:
        assert readout.estimate() is None
        assert all(one["verdict"] == "hidden" for one in document["primary_metric"]["comparisons"])


def _claims_only_what_it_may(readout: Readout, document: dict[str, Any]) -> None:
    verdicts = [one["verdict"] for one in document["primary_metric"]["comparisons"]]
    action = document["recommendation"]["action"]
    if not readout.trusted:
        assert (document["claimed"], action) == ([], "keep_running")
    if action == "ship":
        assert "better" in verdicts
        assert all(one["verdict"] == "safe" for one in document["guardrails"])
        assert readout.days_seen >= readout.plan.minimum_days
        assert readout.conclusion == "supported"
    claimed_guards = sum(one["verdict"] in ("safe", "tripped") for one in document["guardrails"])
    assert len(document["claimed"]) == sum(one in ("better", "worse") for one in verdicts) + claimed_guards
