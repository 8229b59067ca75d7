"""Is hindsight surer of what most of a problem is about than of what is also in it, and does confidence follow?"""

from itertools import combinations, pairwise
from uuid import UUID

import numpy as np
import pytest

from services.triage.grouping.communities import Edges, Ints
from services.triage.grouping.items import Item
from services.triage.grouping.kinds import trust
from services.triage.grouping.window import Window, kept_trust
from services.triage.tests.grouping.planted import fresh_engine, planted
from services.triage.tests.grouping.test_engine import run

_COARSE = 0.5


def crowds(*sizes: int) -> Edges:
    """Rows of which each is joined to all of its crowd, and each crowd to the next by one edge."""
    ends = np.cumsum([0, *sizes])
    pairs = [pair for start, end in pairwise(ends) for pair in combinations(range(start, end), 2)] + [
        (int(end) - 1, int(end)) for end in ends[1:-1]
    ]
    low, high = np.array(pairs).T
    return Edges(int(ends[-1]), low, high, np.ones(len(low)))


def trusted(edges: Edges, slots: Ints, arrived_in: Ints | None = None) -> np.ndarray:
    return trust(edges, np.arange(edges.nodes), slots, slots if arrived_in is None else arrived_in, _COARSE)


def test_the_more_of_a_problem_is_of_a_rows_kind_the_more_it_is_trusted():
    edges = crowds(12, 24, *[12] * 6)
    apart = trusted(edges, np.repeat(np.arange(8), [12, 24, *[12] * 6]))
    lumped = trusted(edges, np.repeat([0, 0, *range(1, 7)], [12, 24, *[12] * 6]))
    assert lumped[:12].max() < lumped[12:36].min() < apart[12:36].min()
    assert lumped[36:] == pytest.approx(apart[36:])


def test_what_arrived_in_a_problem_counts_wherever_hindsight_put_it():
    edges, sizes = crowds(12, 24, *[12] * 6), [12, 24, *[12] * 6]
    slots = np.repeat(np.arange(8), sizes)
    at_first = np.repeat([1, 1, *range(2, 8)], sizes)  # the first crowd was placed with the second, and taken out
    kept, taken = trusted(edges, slots), trusted(edges, slots, at_first)
    assert taken[12:36].max() < kept[12:36].min()
    assert taken[36:] == pytest.approx(kept[36:])
    assert np.ptp(taken[:12]) == np.ptp(kept[:12]) == 0
    assert taken[0] < kept[0]  # nothing has arrived there: hindsight filled it


def test_rows_without_a_problem_or_a_graph_are_not_trusted():
    slots = np.repeat([0, -1], 12)
    assert np.isnan(trusted(crowds(12, 12), slots)).tolist() == [False] * 12 + [True] * 12
    nothing = Edges(24, np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    assert np.isnan(trusted(nothing, slots)).all()


def test_the_same_graph_gives_the_same_trust():
    edges, slots = crowds(9, 17, 5, 30), np.repeat([0, 1], [26, 35])
    assert (trusted(edges, slots) == trusted(edges, slots)).all()


def test_what_is_kept_of_trust_is_read_again_of_the_rows_that_are_still_there():
    window = Window(2)
    keys = [UUID(int=place) for place in range(4)]
    window.append(keys, np.eye(4, 2, dtype=np.float16), np.eye(4, 2, dtype=np.float32), np.zeros(4, np.int16))
    kept = kept_trust({keys[0]: -1.5, keys[2]: 2.25, UUID(int=9): 1.0})
    window.trust_these(kept)
    assert window.trust.tolist() == pytest.approx([-1.5, np.nan, 2.25, np.nan], nan_ok=True)
    window.drop(np.array([0]))
    assert window.trust.tolist() == pytest.approx([np.nan, 2.25, np.nan], nan_ok=True)
    window.trust_these(kept)
    assert window.trust.tolist() == pytest.approx([np.nan, 2.25, np.nan], nan_ok=True)
    window.trust_these(b"")
    assert np.isnan(window.trust).all()


def test_an_item_is_the_surer_the_more_its_neighbours_are_trusted():
    engine, story = fresh_engine(), planted(400, topics=6, seed=3)
    run(engine, story.items)
    twin = story.items[0].vector
    sure = []
    for much in (-2.0, 0.0, 2.0):
        again = fresh_engine()
        rows = engine.rows()
        again.restore(engine.state(), rows)
        again.window.trust_these(kept_trust({row.key: much for row in rows}))
        sure.append(again.assign([Item(UUID(int=9_000), twin)])[0].confidence)
    assert sure[0] < sure[1] < sure[2]


def test_confidence_is_the_same_after_a_restart():
    story = planted(700, topics=8, noise=0.1, seed=4)
    engine, again = fresh_engine(), fresh_engine()
    run(engine, story.items[:600])
    again.restore(engine.state(), engine.rows())
    one, other = ([placed.confidence or 0.0 for placed in known.assign(story.items[600:])] for known in (engine, again))
    assert one == pytest.approx(other, abs=1e-5)
    assert np.isfinite(engine.window.trust).any()
