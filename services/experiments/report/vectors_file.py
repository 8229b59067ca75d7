"""A file of test vectors: each analysed by its own method; one that cannot be is named and stops no other."""

import json
from collections.abc import Callable
from typing import Any

from services.experiments.report.arms import printable
from services.experiments.report.errors import InputUnusable

Analyse = Callable[[dict[str, Any]], dict[str, Any]]


def analyse_vectors(content: bytes, analyse: Analyse) -> tuple[dict[str, Any], list[str]]:
    """What `analyse` says of each vector, by its id, and one line for each that it could not take.

    The file holds `{"vectors": [...]}`, a list, or one vector. Such a line's vector is in the answer too, as
    `{"error": ...}`, unless its id is missing or taken. Raises InputUnusable when it is no such file at all.
    """
    answers: dict[str, Any] = {}
    errors: list[str] = []
    for place, vector in enumerate(_vectors(content), start=1):
        name = vector.get("id") if isinstance(vector, dict) else None
        if not isinstance(vector, dict) or not isinstance(name, str) or not name:
            errors.append(f"vector {place}: is no object with an 'id'; give it one that is a text")
        elif name in answers:
            errors.append(f"vector {place}: the id '{printable(name)}' is used before; only the first was analysed")
        else:
            try:
                answers[name] = analyse(vector)
            # Whatever one vector does to the engine, the others are still answered.
            except Exception as error:
                why = " ".join(str(error).split()) if isinstance(error, ValueError) else repr(error)
                errors.append(f"{printable(name)}: {printable(why, 300)}")
                answers[name] = {"error": why}
    return answers, errors


def _vectors(content: bytes) -> list[Any]:
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputUnusable(f"the file is no JSON in UTF-8: {error}") from None
    if isinstance(document, dict):
        document = document.get("vectors", [document])
    if not isinstance(document, list):
        raise InputUnusable('the file holds no vectors: give {"vectors": [...]}, a list of them, or one')
    return document
