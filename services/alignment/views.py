"""What alignment's routes show of objectives, decisions, subscriptions, deliveries and the feed."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from pydantic_core import from_json

from contracts.envelope import parse, read
from libs.runtime.paging import decode_cursor, encode_cursor
from libs.runtime.problems import Invalid
from services.alignment.domain.decisions import Decision, open_concerns
from services.alignment.domain.deliveries import Delivery
from services.alignment.domain.feed import FeedEntry, line_of
from services.alignment.domain.subscriptions import Subscription

T = TypeVar("T")
Shown = dict[str, Any]


def page(found: Sequence[T], limit: int, view: Callable[[T], Shown], place: Callable[[T], list[Any]]) -> Shown:
    """One page of a list of which `limit` + 1 items were asked for: the one too many says that there is more."""
    items = found[:limit]
    more = encode_cursor(place(items[-1])) if len(found) > limit else None
    return {"items": [view(item) for item in items], "next_cursor": more}


def place_of(item: Decision | Subscription | Delivery) -> list[Any]:
    """Newest first by id is how these lists are ordered."""
    return [str(item.id)]


def id_in(cursor: str | None) -> UUID | None:
    """The id that a list goes on after; raises Invalid for another list's cursor."""
    if not cursor:
        return None
    match decode_cursor(cursor):
        case [str(found)]:
            return _uuid(found)
    raise _foreign()


def weight_and_id_in(cursor: str | None) -> tuple[float, UUID] | None:
    if not cursor:
        return None
    match decode_cursor(cursor):
        case [float(weight) | int(weight), str(found)] if not isinstance(weight, bool) and abs(weight) < 1e300:
            return float(weight), _uuid(found)
    raise _foreign()


def number_in(cursor: str | None) -> int:
    """The number in the feed that a reader has come to; 0 without a cursor."""
    if not cursor:
        return 0
    match decode_cursor(cursor):
        case [int(number)] if not isinstance(number, bool) and 0 <= number < 2**63:
            return number
    raise _foreign()


def _uuid(found: str) -> UUID:
    try:
        return UUID(found)
    except ValueError as error:
        raise _foreign() from error


def _foreign() -> Invalid:
    return Invalid("this cursor is of another list; begin without a cursor")


def decision_view(decision: Decision) -> Shown:
    proposal = decision.proposal
    return {
        "id": decision.id,
        "status": decision.status,
        "problem_id": proposal.problem_id,
        "title": proposal.title,
        "choice": proposal.choice,
        "reason": proposal.shown_reason,
        "assumption": proposal.assumption,
        "evidence": [found.model_dump() for found in proposal.evidence],
        "alternatives": [found.model_dump() for found in proposal.alternatives],
        "experiment_ids": proposal.experiment_ids,
        "objective_ids": proposal.objective_ids,
        "proposed_by": decision.proposed_by,
        "proposed_at": decision.proposed_at,
        "positions": [found.model_dump() for found in decision.positions],
        "open_concerns": len(open_concerns(decision.positions)) if decision.status == "proposed" else 0,
        "made": decision.made,
        "reviewed": decision.reviewed,
    }


def subscription_view(subscription: Subscription) -> Shown:
    """Everything but the secret, which is shown once, when the subscription is made."""
    return {
        "id": subscription.id,
        "name": subscription.name,
        "channel": subscription.channel,
        "url": subscription.url,
        "filter": subscription.filter,
        "status": "disabled" if subscription.disabled_at else "active",
        "disabled_at": subscription.disabled_at,
        "disabled_reason": subscription.disabled_reason,
        "created_at": subscription.created_at,
    }


def delivery_view(delivery: Delivery) -> Shown:
    return {
        "id": delivery.id,
        "subscription_id": delivery.subscription_id,
        "subscriber": delivery.subscriber,
        "event": {"id": delivery.event_id, "name": delivery.event_name, "about": delivery.about},
        "status": delivery.status,
        "attempts": delivery.attempts,
        "due_at": delivery.due_at,
        "settled_at": delivery.settled_at,
        "last_status": delivery.last_status,
        "last_error": delivery.last_error,
        "created_at": delivery.created_at,
    }


def entry_view(entry: FeedEntry) -> Shown:
    """One event with a plain line that says it; its cursor goes on right after it."""
    event = read(parse(entry.envelope))
    return {
        "cursor": encode_cursor([entry.number]),
        "name": entry.name,
        "line": line_of(event, problem=entry.problem, decision=entry.decision),
        "told_at": entry.told_at,
        "event": from_json(entry.envelope),
    }
