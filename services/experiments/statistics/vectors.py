"""One analysis by the name of its method, from plain JSON to plain JSON: what `whystream analyze` does with a file."""

from collections.abc import Callable
from math import isinf, isnan
from typing import Any

import numpy as np

from services.experiments.statistics.vector_designs import DESIGNS
from services.experiments.statistics.vector_effects import EFFECTS
from services.experiments.statistics.vector_input import Json, UnusableVector, Vector
from services.experiments.statistics.vector_rates import RATES

__all__ = ["METHODS", "UnusableVector", "analyse"]

METHODS: dict[str, Callable[[Vector], Json]] = {**EFFECTS, **RATES, **DESIGNS}


def analyse(vector: Any) -> Json:
    """The answer to one vector: the keys of its method, None where nothing may be claimed, "inf" for infinities.

    `vector` has "method", "arms" (sufficient statistics) and "settings"; anything else, such as "expected", is ignored.
    Where an answer is withheld, a key "status" says why. Raises UnusableVector, saying what is missing or wrong.
    """
    read = Vector(vector)
    if not isinstance(read.method, str) or read.method not in METHODS:
        raise UnusableVector(f"no method {read.method!r}; there are {', '.join(sorted(METHODS))}")
    try:
        with np.errstate(all="ignore"):
            answer = METHODS[read.method](read)
    except UnusableVector:
        raise
    except (ArithmeticError, ValueError) as error:
        raise UnusableVector(f"{read.method} cannot be computed from these numbers: {error}") from error
    return {key: _plain(value) for key, value in answer.items()}


def _plain(value: Any) -> Any:
    """As JSON can say it."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if not isinstance(value, float):
        return value
    if isnan(value):
        return None
    return ("inf" if value > 0 else "-inf") if isinf(value) else value
