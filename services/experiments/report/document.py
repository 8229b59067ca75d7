"""Reports as JSON: finite numbers, "inf" and "-inf" as words, null where nothing may be claimed."""

import json
from math import isinf, isnan
from typing import Any

from services.experiments.report.analysis import Analysis, Answer
from services.experiments.report.words import claims, notes
from services.experiments.statistics.effect import Interval


def to_json(document: Any) -> str:
    """The text of a document that may hold infinities, NaN and numbers of NumPy."""
    return json.dumps(_plain(document), indent=2, allow_nan=False)


def analysis_document(analysis: Analysis) -> dict[str, Any]:
    """The whole analysis for a machine. Effects and bounds are absolute: shares for a conversion, never percent."""
    claimed, not_claimed = claims(analysis)
    ratio, question = analysis.sample_ratio, analysis.question
    return {
        "kind": analysis.kind,
        "look": question.look,
        "alpha": question.alpha,
        "alpha_per_comparison": analysis.alpha_each,
        "planned_units": question.planned,
        "arms": [
            {"arm": arm.name, "units": arm.summary.n, "mean": arm.summary.mean if arm.summary.n else None}
            for arm in analysis.arms
        ],
        "units_in_two_arms": analysis.excluded,
        "sample_ratio": {"status": ratio.status, "p_value": ratio.p_value},
        "comparisons": [
            {"arm": one.arm.name, "whenever": _answer(one.whenever), "once": _answer(one.once)}
            for one in analysis.compared
        ],
        "claimed": claimed,
        "not_claimed": not_claimed,
        "notes": notes(analysis),
    }


def _answer(answer: Answer) -> dict[str, Any]:
    estimate = answer.estimate
    return {
        "status": estimate.status,
        "verdict": answer.verdict,
        "absolute": _interval(answer.interval),
        "relative": _interval(answer.lift),
        "p_value": answer.p_value,
        "method": "Newcombe, for small counts" if answer.small else estimate.method,
    }


def _interval(found: Interval | None) -> dict[str, float] | None:
    return None if found is None else {"effect": found.effect, "lower": found.lower, "upper": found.upper}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float):
        return None if isnan(value) else value if not isinf(value) else "inf" if value > 0 else "-inf"
    return value
