"""Nearest neighbours are exact, however many rows there are and whatever they are like."""

import numpy as np
import pytest

from services.triage.grouping.neighbours import Floats, nearest_neighbours


def unit_rows(rows: int, copies: int, noise: float) -> Floats:
    """Rows of 24 dimensions, each of some points said `copies` times, with or without a difference."""
    random = np.random.default_rng(3)
    points = random.normal(size=(rows // copies, 24))
    vectors = np.repeat(points, copies, axis=0) + noise * random.normal(size=(rows, 24))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize(
    ("rows", "copies", "noise"),
    [(300, 1, 0.0), (4_500, 1, 0.0), (4_500, 1_500, 0.0), (4_500, 1_500, 1e-3), (5_120, 20, 0.1), (4_500, 4_500, 0.0)],
)
def test_the_nearest_are_those_that_comparing_everything_finds(rows: int, copies: int, noise: float) -> None:
    unit = unit_rows(rows, copies, noise)
    found = nearest_neighbours(unit, 12)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -2.0)
    best = -np.sort(-cosine, axis=1)[:, :12]
    assert np.abs(found.similarity - best).max() < 1e-5
    assert np.abs(np.take_along_axis(cosine, found.rows.astype(np.int64), axis=1) - best).max() < 1e-5
    assert all(len(set(own)) == 12 for own in found.rows.tolist())


@pytest.mark.parametrize(("rows", "wanted", "given"), [(1, 5, 0), (2, 5, 1), (9, 5, 5)])
def test_few_rows_have_few_neighbours(rows: int, wanted: int, given: int) -> None:
    assert nearest_neighbours(unit_rows(rows, 1, 0.0), wanted).rows.shape == (rows, given)
