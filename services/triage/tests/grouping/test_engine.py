"""Does the engine find planted problems, whatever way the items come in and whatever happens in between?"""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.triage.grouping import engine as engine_module
from services.triage.grouping.engine import Engine, problem_sizes
from services.triage.grouping.items import Item, Placement
from services.triage.grouping.regroup import regroup
from services.triage.tests.grouping.planted import DIMENSIONS, fresh_engine, planted

_STORY = planted(260, noise=0.1)


def run(engine: Engine, items: Sequence[Item], cuts: Sequence[int] = ()) -> list[Placement]:
    """Place items in calls that end at the cuts, looking back whenever that is due."""
    placed: list[Placement] = []
    bounds = sorted({*cuts, len(items)})
    for start, end in zip([0, *bounds], bounds, strict=False):
        rest = list(items[start:end])
        while rest:
            now = max(1, engine.until_due())
            placed += engine.assign(rest[:now])
            rest = rest[now:]
            if engine.due():
                engine.apply(regroup(engine.snapshot()))
    return placed


def decided(placed: Sequence[Placement]) -> list[tuple[object, ...]]:
    """All but the last digits of the cosines, which depend on the shape of a matrix product."""
    return [(one.key, one.problem, one.opens, one.pulled) for one in placed]


def problems_of(engine: Engine) -> list[UUID | None]:
    return [row.problem for row in engine.rows()]


def test_planted_problems_are_found_and_nothing_else_is_one():
    engine = fresh_engine()
    run(engine, _STORY.items)
    engine.apply(regroup(engine.snapshot()))
    found = problems_of(engine)
    together = Counter(zip(_STORY.topics, found, strict=True))
    right = sum(count for (topic, _), count in together.items() if topic >= 0 and count > 5)
    assert right >= 0.95 * sum(topic >= 0 for topic in _STORY.topics)
    noise = [problem for topic, problem in zip(_STORY.topics, found, strict=True) if topic < 0]
    assert noise.count(None) >= 0.7 * len(noise)


@pytest.fixture(scope="module")
def whole() -> list[tuple[object, ...]]:
    return decided(run(fresh_engine(), _STORY.items))


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(1, 259), max_size=12))
def test_how_items_are_cut_into_calls_makes_no_difference(whole, cuts):
    assert decided(run(fresh_engine(), _STORY.items, cuts)) == whole


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 260), st.data())
def test_an_engine_that_was_kept_and_restored_goes_on_the_same(at, data):
    engine = fresh_engine()
    run(engine, _STORY.items[:at])
    if at and data.draw(st.booleans()):
        engine.move(
            _STORY.items[data.draw(st.integers(0, at - 1))].key, data.draw(st.sampled_from(problems_of(engine)))
        )
    again = fresh_engine()
    again.restore(engine.state(), engine.rows())
    assert decided(run(again, _STORY.items[at:])) == decided(run(engine, _STORY.items[at:]))
    assert again.rows() == engine.rows()


def test_an_item_alone_is_unassigned_until_it_has_company():
    engine = fresh_engine()
    run(engine, _STORY.items)
    strange = np.linalg.svd(np.stack([item.vector for item in _STORY.items]))[2][-1]  # a direction that nobody uses
    first, second = Item(UUID(int=9_000), strange), Item(UUID(int=9_001), strange)
    (alone,) = engine.assign([first])
    assert (alone.problem, alone.confidence) == (None, None)
    (company,) = engine.assign([second])
    assert company.opens
    assert company.pulled == (first.key,)
    assert {row.problem for row in engine.rows([first.key, second.key])} == {company.problem}


def test_what_is_like_something_that_a_person_moved_follows_it():
    engine = fresh_engine()
    run(engine, _STORY.items)
    engine.apply(regroup(engine.snapshot()))
    moved = next(row for row, topic in zip(engine.rows(), _STORY.topics, strict=True) if row.problem and topic == 0)
    target = next(row.problem for row in engine.rows() if row.problem not in (None, moved.problem))
    like = Item(UUID(int=10_000), np.frombuffer(moved.vector, np.float16).astype(np.float32))
    before = fresh_engine()
    before.restore(engine.state(), engine.rows())
    assert before.assign([like])[0].problem == moved.problem
    engine.move(moved.key, target)
    assert engine.assign([like])[0].problem == target


def test_what_is_like_something_that_a_person_left_alone_is_left_alone():
    engine = fresh_engine()
    run(engine, _STORY.items)
    moved = next(row for row in engine.rows() if row.problem)
    engine.move(moved.key, None)
    like = Item(UUID(int=10_002), np.frombuffer(moved.vector, np.float16).astype(np.float32))
    assert engine.assign([like])[0].problem is None


def test_dismissed_evidence_stays_out_and_so_does_its_like():
    engine = fresh_engine()
    run(engine, _STORY.items)
    problem = max(problem_sizes(engine).items(), key=lambda one: one[1])[0]
    keys = [row.key for row in engine.rows() if row.problem == problem]
    like = Item(UUID(int=10_001), np.frombuffer(engine.rows(keys)[0].vector, np.float16).astype(np.float32))
    engine.dismiss(problem)
    assert engine.assign([like])[0].problem is None
    assert {one.problem for one in engine.assign(_others_like(like, 10_100))} == {None}
    engine.apply(regroup(engine.snapshot()))
    assert {row.problem for row in engine.rows(keys)} == {None}
    assert {row.problem for row in engine.rows([UUID(int=10_100 + place) for place in range(6)])} == {None}


def _others_like(item: Item, first: int) -> list[Item]:
    random = np.random.default_rng(4)
    return [Item(UUID(int=first + place), item.vector + random.normal(0, 0.01, DIMENSIONS)) for place in range(6)]


def test_a_problem_that_nothing_is_left_of_is_forgotten_and_the_others_stay():
    engine = fresh_engine()
    run(engine, _STORY.items)
    gone = max(problem_sizes(engine).items(), key=lambda one: one[1])[0]
    rest = {row.key: row.problem for row in engine.rows() if row.problem != gone}
    engine.forget([row.key for row in engine.rows() if row.problem == gone])
    assert {row.key: row.problem for row in engine.rows()} == rest
    assert gone not in problem_sizes(engine)


def test_memory_is_bounded_and_each_problem_keeps_its_newest(monkeypatch):
    monkeypatch.setattr(engine_module, "WINDOW", 300)
    monkeypatch.setattr(engine_module, "NEWEST", 30)
    monkeypatch.setattr(engine_module, "KEPT", 6)
    story = planted(1_200, topics=8, seed=5)
    engine = fresh_engine()
    run(engine, story.items)
    engine.apply(regroup(engine.snapshot()))
    assert engine.window.count <= 300
    assert min(problem_sizes(engine).values()) >= 6
    assert engine.rows()[-1].key == story.items[-1].key


def test_an_id_that_is_known_is_refused():
    engine = fresh_engine()
    engine.assign(_STORY.items[:2])
    with pytest.raises(ValueError, match="known already"):
        engine.assign(_STORY.items[1:3])


@pytest.mark.parametrize("vector", [np.zeros(DIMENSIONS), np.full(DIMENSIONS, 1e-8), np.ones(DIMENSIONS)])
def test_vectors_that_say_nothing_break_nothing(vector):
    engine = fresh_engine()
    flood = [Item(UUID(int=5_000 + place), vector) for place in range(400)]
    run(engine, [*_STORY.items[:100], *flood, *_STORY.items[100:]])
    engine.apply(regroup(engine.snapshot()))
    assert np.isfinite(engine.window.unit).all()
    kept = [row for row in engine.rows() if row.key.int <= 260]
    largest = Counter(row.problem for row in kept if row.problem).most_common(1)[0][1]
    assert largest < 0.4 * len(kept)


@pytest.mark.parametrize("size", [3, 6, 8, 20])
def test_one_thing_said_by_everybody_stays_one_problem(size):
    random = np.random.default_rng(size)
    vectors = np.ones((size, DIMENSIONS)) + 0.3 * random.normal(size=(size, DIMENSIONS))
    other = -np.ones(DIMENSIONS) + 0.9 * random.normal(size=(2, DIMENSIONS))
    engine = fresh_engine()
    engine.assign([Item(UUID(int=place + 1), vector) for place, vector in enumerate([*vectors, *other])])
    engine.apply(regroup(engine.snapshot()))
    assert len({row.problem for row in engine.rows()[:size]} - {None}) == 1
    assert sum(row.problem is None for row in engine.rows()[:size]) == 0
