"""How problems and evidence look over HTTP. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from contracts.problems import Opportunity
from services.triage.domain import QUESTIONS, clarity_of
from services.triage.store.briefs import Answer
from services.triage.store.problems import Head

# Stated here for whoever reads a problem; the code is services/triage/domain.py, Standing.
FORMULA = {
    "customer_value": "reach × severity × recency",
    "reach": "distinct customers + per source the square root of its anonymous reports",
    "severity": "1 + mean displeasure (1 - rating) of the voices that gave a rating, with two neutral voices added",
    "recency": "mean over voices of 0.5 ^ (age of the voice's newest report / 28 days)",
    "business_value": "objectives + revenue",
    "objectives": "sum of the weights of the objectives it serves",
    "revenue": "log10(1 + revenue at stake of the distinct customers, in whole units of its largest currency)",
    "ranked_by": "customer_value × (1 + business_value)",
}


def summary(head: Head, answers: Iterable[bool], *, now: datetime) -> dict[str, Any]:
    """A problem in the list; `answers` are the assumption marks of its answered questions."""
    return {
        "id": head.problem_id,
        "statement": head.statement,
        "status": head.status,
        "merged_into": head.merged_into,
        "reports": head.standing.reports,
        "customers": head.standing.customers,
        "revenue_at_stake": money(head.standing.revenue),
        "first_seen": head.first_seen,
        "last_seen": head.last_seen,
        "opportunity": opportunity(head.standing.opportunity(now)),
        "clarity": clarity_of(answers),
    }


def detail(
    head: Head,
    *,
    answers: Mapping[str, Answer],
    suggestions: Sequence[Mapping[str, Any]],
    composition: Mapping[str, Mapping[str, int]],
    trend: tuple[int, int],
    objectives: Sequence[tuple[UUID, str, float]],
    decisions: Sequence[tuple[UUID, str, datetime]],
    now: datetime,
) -> dict[str, Any]:
    """One problem with all that is known of it."""
    return {
        **summary(head, [answer.assumption for answer in answers.values()], now=now),
        "statement_from": head.stated_by,
        "opened_at": head.opened_at,
        **composition,
        "trend": {"last_7_days": trend[0], "previous_7_days": trend[1], "change": trend[0] - trend[1]},
        "formula": FORMULA,
        "objectives": [{"id": identity, "name": name, "weight": weight} for identity, name, weight in objectives],
        "decisions": [{"id": identity, "title": title, "made_at": at} for identity, title, at in decisions],
        "brief": {question: _question(answers.get(question), question, suggestions) for question in QUESTIONS},
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


def _question(answer: Answer | None, question: str, suggestions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    offered = [
        {"kind": one["kind"], "ref": one["ref"], "text": one["text"]}
        for one in suggestions
        if one["question"] == question
    ]
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
