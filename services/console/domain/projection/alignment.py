"""The facts in events about objectives, decisions, and who was told."""

from contracts.alignment import (
    DecisionMade,
    DecisionProposed,
    DecisionReviewed,
    LoopClosed,
    NotificationDelivered,
    NotificationExhausted,
    ObjectiveSet,
    PositionTaken,
)
from services.console.domain.facts import (
    Edge,
    Fact,
    Ref,
    Stamp,
    evidence_facts,
    evidence_notes,
    evidence_ref,
    position_ref,
    ref,
)


def objective_set(event: ObjectiveSet, stamp: Stamp) -> list[Fact]:
    about = ref("objective", event.objective_id)
    content = {
        "name": event.name,
        "weight": event.weight,
        "description": event.description,
        "at": stamp.at.isoformat(),
    }
    edges = tuple(Edge(ref("problem", problem_id), "serves", about) for problem_id in event.problem_ids)
    return [Fact(about, "objective", stamp, content, edges)]


def proposed(event: DecisionProposed, stamp: Stamp) -> list[Fact]:
    content = _why(event, stamp) | {"by": event.proposed_by}
    fact = Fact(ref("decision", event.decision_id), "proposed", stamp, content, _grounds(event))
    return [fact, *evidence_facts(event.evidence, stamp)]


def made(event: DecisionMade, stamp: Stamp) -> list[Fact]:
    content = _why(event, stamp) | {
        "by": event.made_by,
        "review_on": event.review_on.isoformat(),
        "answer_to_concerns": event.answer_to_concerns,
    }
    fact = Fact(ref("decision", event.decision_id), "made", stamp, content, _grounds(event))
    decided = Fact(ref("problem", event.problem_id), "decided", stamp, {"decision": str(event.decision_id)})
    return [fact, decided, *evidence_facts(event.evidence, stamp)]


def _why(event: DecisionProposed | DecisionMade, stamp: Stamp) -> dict[str, object]:
    return {
        "title": event.title,
        "choice": event.choice,
        "reason": event.reason,
        "alternatives": [alternative.model_dump(mode="json") for alternative in event.alternatives],
        "notes": evidence_notes(event.evidence),
        "at": stamp.at.isoformat(),
    }


def _grounds(event: DecisionProposed | DecisionMade) -> tuple[Edge, ...]:
    """What a decision rests on, each edge once."""
    about = ref("decision", event.decision_id)
    experiments = (Edge(ref("experiment", identity), "evidence_for", about) for identity in event.experiment_ids)
    evidence = (Edge(evidence_ref(item), "evidence_for", about) for item in event.evidence)
    objectives = (Edge(about, "serves", ref("objective", identity)) for identity in event.objective_ids)
    problem = Edge(about, "about", ref("problem", event.problem_id))
    return tuple(dict.fromkeys((problem, *experiments, *evidence, *objectives)))


def position_taken(event: PositionTaken, stamp: Stamp) -> list[Fact]:
    about = position_ref(event.decision_id, event.position.stakeholder)
    content = event.position.model_dump(mode="json") | {"at": stamp.at.isoformat()}
    return [Fact(about, "position", stamp, content, (Edge(about, "taken_on", ref("decision", event.decision_id)),))]


def reviewed(event: DecisionReviewed, stamp: Stamp) -> list[Fact]:
    decision, about = ref("decision", event.decision_id), Ref("review", str(stamp.event))
    content = {
        "outcome": event.outcome,
        "learned": event.learned,
        "by": event.reviewed_by,
        "at": stamp.at.isoformat(),
    }
    return [
        Fact(about, "review", stamp, content, (Edge(about, "reviews", decision),)),
        Fact(decision, "reviewed", stamp, {"outcome": event.outcome, "at": content["at"]}),
    ]


def delivered(event: NotificationDelivered, stamp: Stamp) -> list[Fact]:
    return [_told(event, stamp, {"delivered": True})]


def exhausted(event: NotificationExhausted, stamp: Stamp) -> list[Fact]:
    return [_told(event, stamp, {"delivered": False, "last_error": event.last_error})]


def _told(event: NotificationDelivered | NotificationExhausted, stamp: Stamp, outcome: dict[str, object]) -> Fact:
    about = ref("notification", event.delivery_id)
    kind, _, identity = event.told_about.partition("/")
    content = {
        "subscriber": event.subscriber,
        "type": event.told_type,
        "attempts": event.attempts,
        "at": stamp.at.isoformat(),
        **outcome,
    }
    return Fact(about, "delivery", stamp, content, (Edge(about, "told", Ref(kind, identity)),))


def loop_closed(event: LoopClosed, stamp: Stamp) -> list[Fact]:
    problem, decision = ref("problem", event.problem_id), ref("decision", event.decision_id)
    return [Fact(problem, "loop", stamp, {"outcome": event.outcome}, (Edge(decision, "closes", problem),))]


RULES = {
    ObjectiveSet: objective_set,
    DecisionProposed: proposed,
    DecisionMade: made,
    PositionTaken: position_taken,
    DecisionReviewed: reviewed,
    NotificationDelivered: delivered,
    NotificationExhausted: exhausted,
    LoopClosed: loop_closed,
}
