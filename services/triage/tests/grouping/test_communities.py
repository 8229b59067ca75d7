"""Communities are found in any graph, from any start, the same each time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.triage.grouping.communities import Edges, communities


def _graph(seed: int, nodes: int) -> tuple[Edges, np.ndarray]:
    """A sparse graph at random, and communities to start from that may have no edge in them."""
    chance = np.random.default_rng(seed)
    low, high = np.nonzero(np.triu(chance.random((nodes, nodes)) < min(1.0, 3 / nodes), 1))
    start = chance.integers(-1, max(1, nodes // 2), nodes)
    return Edges(nodes, low, high, chance.random(len(low))), start


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 60), st.sampled_from([0.5, 2.0, 16.0]))
def test_any_start_gives_communities_of_what_is_joined(seed: int, nodes: int, resolution: float) -> None:
    edges, start = _graph(seed, nodes)
    found = communities(edges, start, resolution)
    joined = np.zeros(nodes, np.bool_)
    joined[edges.low] = joined[edges.high] = True
    assert (found >= 0).tolist() == joined.tolist()
    assert np.unique(found[joined]).tolist() == list(range(int(found.max(initial=-1)) + 1))
    assert communities(edges, start, resolution).tolist() == found.tolist()


@pytest.mark.parametrize("resolution", [0.5, 2.0, 16.0])
def test_more_communities_and_strays_than_nodes_do_not_end_the_process(resolution: float) -> None:
    """Node 0 and node 8 start together without an edge between them; Leiden would number one of them past the end."""
    low, high = [0, 0, 0, 1, 2, 2, 3, 4, 4, 5], [1, 3, 5, 3, 4, 8, 8, 5, 8, 7]
    edges = Edges(9, np.array(low), np.array(high), np.linspace(0.1, 0.6, len(low)))
    start = np.array([0, -1, -1, -1, -1, -1, -1, -1, 0])
    found = communities(edges, start, resolution)
    assert found[6] == -1
    assert found[0] >= 0
