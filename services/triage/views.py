"""How problems and evidence look over HTTP. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from contracts.problems import Opportunity
from services.triage.domain import QUESTIONS, Weights, clarity_of
from services.triage.domain.wording import LEXICON
from services.triage.store.names import Name
from services.triage.store.portraits import Drawn
from services.triage.store.problems import Head
from services.triage.use_cases.read_problem import Reading, Similar

# Stated here for whoever reads a problem; the code is services/triage/domain/worth.py, Standing.
FORMULA = {
    "customer_value": "reach × severity × recency × segment",
    "reach": "distinct customers + per source the square root of its anonymous reports",
    "severity": "1 + severity_ratings + severity_wording",
    "severity_ratings": "mean displeasure (1 - rating) of the voices that gave a rating, two neutral voices added",
    "severity_wording": "mean over voices of their heaviest sign (see severity.weights), two calm voices added",
    "recency": "mean over voices of 0.5 ^ (age of the voice's newest report / half-life)",
    "segment": "mean weight of the voices' segments, recent voices counting for more",
    "business_value": "objectives + revenue",
    "objectives": "sum of the weights of the objectives it serves × the workspace's weight of objectives",
    "revenue": "log10(1 + revenue at stake of the distinct customers, in whole units of its largest currency)"
    " × the workspace's weight of revenue",
    "ranked_by": "customer_value × (1 + business_value)",
    "weights": "GET /v1/settings/triage",
}


def summary(head: Head, answers: Iterable[bool], *, now: datetime) -> dict[str, Any]:
    """A problem in the list; `answers` are the assumption marks of its answered questions."""
    return {
        "id": head.problem_id,
        "statement": head.statement,
        "status": head.status,
        "merged_into": head.merged_into,
        "reports": head.standing.sums.reports,
        "customers": head.standing.sums.customers,
        "revenue_at_stake": money(head.standing.sums.revenue),
        "first_seen": head.first_seen,
        "last_seen": head.last_seen,
        "opportunity": opportunity(head.standing.opportunity(now)),
        "clarity": clarity_of(answers),
    }


def detail(read: Reading, *, now: datetime) -> dict[str, Any]:
    """One problem with all that is known of it."""
    head, drawn = read.head, read.drawn
    return {
        **summary(head, [answer.assumption for answer in read.answers.values()], now=now),
        "statement_from": head.stated_by,
        "name": _name(read.name),
        "terms": [{"term": word, "z": z, "voices": voices} for word, z, voices in drawn.terms],
        "quotes": [dict(row) for row in read.quotes],
        "request": _request(drawn),
        "opened_at": head.opened_at,
        "reach": round(head.standing.sums.reach, 2),
        **read.composition,
        "languages": drawn.languages,
        "trend": _trend(read),
        "severity": _severity(read),
        "similar": [_similar(one) for one in read.similar],
        "possible_duplicates": [_similar(one) for one in read.similar if one.possible_duplicate],
        "formula": FORMULA,
        "objectives": [{"id": identity, "name": name, "weight": weight} for identity, name, weight in read.objectives],
        "decisions": [{"id": identity, "title": title, "made_at": at} for identity, title, at in read.decisions],
        "brief": {question: _question(question, read) for question in QUESTIONS},
    }


def settings(weights: Weights, changed: tuple[str | None, datetime | None, bool]) -> dict[str, Any]:
    """A workspace's weights, and whether all problems are ranked by them yet."""
    by, at, recomputing = changed
    return {
        "segments": dict(weights.segments),
        "half_life_days": weights.half_life,
        "objectives": weights.objectives,
        "revenue": weights.revenue,
        "changed_by": by,
        "changed_at": at,
        "recomputing": recomputing,
    }


def opportunity(value: Opportunity) -> dict[str, Any]:
    return {
        "customer_value": value.customer_value,
        "business_value": value.business_value,
        "parts": value.parts,
    }


def money(revenue: Mapping[str, int]) -> list[dict[str, Any]]:
    return [{"amount_minor": amount, "currency": currency} for currency, amount in sorted(revenue.items())]


def quote(row: Mapping[str, Any]) -> dict[str, Any]:
    """One piece of evidence: the words, and why they are here."""
    return {
        "feedback_id": row["feedback_id"],
        "text": row["text"],
        "source": row["source"],
        "customer_id": row["customer_id"],
        "segment": row["segment"],
        "plan": row["plan"],
        "occurred_at": row["occurred_at"],
        "score": round(row["score"], 4),
        "reason": row["reason"],
        "algorithm": row["algorithm"],
        "assigned_by": row["assigned_by"],
        "nearest": row["nearest"],
    }


def _name(name: Name | None) -> dict[str, Any] | None:
    """A model's label. It is shown beside the customer's own words, never in their place."""
    return {"text": name.text, "named_by": name.named_by, "named_at": name.named_at} if name else None


def _request(drawn: Drawn) -> dict[str, Any] | None:
    if drawn.request is None:
        return None
    text, feedback_id, voices = drawn.request
    return {"text": text, "feedback_id": feedback_id, "voices": voices, "of": drawn.voices}


def _trend(read: Reading) -> dict[str, Any]:
    this, previous = read.weekly[0], read.weekly[1]
    return {
        "last_7_days": this,
        "previous_7_days": previous,
        "change": this - previous,
        "weeks": list(read.weekly),
        "expected_a_week": None if read.trend.expected is None else round(read.trend.expected, 2),
        "probability": read.trend.probability,
        "surging_since": read.trend.surging_since,
        "looked_at": read.trend.looked_at,
    }


def _severity(read: Reading) -> dict[str, Any]:
    standing = read.head.standing
    return {
        "value": round(standing.severity, 4),
        "ratings": round(standing.severity - 1 - standing.wording, 4),
        "wording": round(standing.wording, 4),
        "signs": read.drawn.signs,
        "of_voices": read.drawn.voices,
        "weights": {sign: weight for sign, (weight, _) in LEXICON.items()},
    }


def _similar(one: Similar) -> dict[str, Any]:
    return {
        "id": one.problem_id,
        "statement": one.statement,
        "reports": one.reports,
        "likeness": round(one.likeness, 4),
    }


def _question(question: str, read: Reading) -> dict[str, Any]:
    answer, offered = read.answers.get(question), _offered(question, read)
    if answer is None:
        return {"state": "unanswered", "suggestions": offered}
    return {
        "state": "assumption" if answer.assumption else "answered",
        "answer": answer.answer,
        "evidence": [reference.model_dump() for reference in answer.evidence],
        "changed_by": answer.changed_by,
        "changed_at": answer.changed_at,
        "suggestions": offered,
    }


def _offered(question: str, read: Reading) -> list[dict[str, Any]]:
    """What may be taken as an answer, each with the evidence to give with it: from experiments, then from the words."""
    found = [
        {
            "kind": one["kind"],
            "ref": one["ref"],
            "text": one["text"],
            "evidence": [{"kind": one["kind"], "ref": one["ref"], "note": ""}],
        }
        for one in read.offered
        if one["question"] == question
    ]
    return found + [
        {
            "kind": one.evidence[0].kind,
            "ref": one.evidence[0].ref,
            "text": one.text,
            "evidence": [reference.model_dump() for reference in one.evidence],
        }
        for one in read.suggestions
        if one.question == question
    ]
