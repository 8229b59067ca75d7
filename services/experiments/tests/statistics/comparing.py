"""Comparing an answer with what a vector expects, by the vector's own tolerance."""

from typing import Any


def disagreements(vector: dict[str, Any], answer: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The expected keys whose value is another: (got, expected).

    They agree when |got - expected| <= max(abs, rel·|expected|).
    """
    return {
        key: (answer.get(key), expected)
        for key, expected in vector["expected"].items()
        if key not in answer or not _agree(answer[key], expected, vector["tolerance"])
    }


def _agree(got: Any, expected: Any, tolerance: dict[str, float]) -> bool:
    if isinstance(expected, list):
        same_length = isinstance(got, list) and len(got) == len(expected)
        return same_length and all(_agree(one, other, tolerance) for one, other in zip(got, expected, strict=True))
    if expected is None or isinstance(expected, bool | str):
        return got is expected or (isinstance(expected, str) and got == expected)
    if isinstance(got, bool) or not isinstance(got, int | float):
        return False
    return abs(got - expected) <= max(tolerance["abs"], tolerance["rel"] * abs(expected))
