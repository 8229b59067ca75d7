"""Alignment's routes: objectives, decisions, who is told, and the feed."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from libs.messaging.tracing import current_carrier
from libs.runtime.http import Edge, current_access, current_work, needs
from libs.runtime.keys import Access
from libs.runtime.paging import MAX_LIMIT, encode_cursor
from libs.runtime.problems import Invalid, NotFound
from services.alignment.domain.decisions import Making, NewObjective, NewPosition, Proposal, Review, Status
from services.alignment.domain.deliveries import DeliveryRules, DeliveryStatus
from services.alignment.domain.subscriptions import NAMES, NewSubscription, Subscription, names_matching
from services.alignment.store.work import AlignmentWork
from services.alignment.use_cases.enable_subscription import enable_subscription
from services.alignment.use_cases.make_decision import make_decision
from services.alignment.use_cases.propose_decision import propose_decision
from services.alignment.use_cases.read_feed import read_feed
from services.alignment.use_cases.replay_delivery import replay_delivery
from services.alignment.use_cases.review_decision import review_decision
from services.alignment.use_cases.set_objective import set_objective
from services.alignment.use_cases.subscribe import subscribe
from services.alignment.use_cases.take_position import take_position
from services.alignment.use_cases.unsubscribe import unsubscribe
from services.alignment.views import (
    Shown,
    decision_view,
    delivery_view,
    entry_view,
    id_in,
    number_in,
    page,
    place_of,
    subscription_view,
    weight_and_id_in,
)
from services.alignment.webhook import post_webhook, trial_letter, webhook_client

router = APIRouter(route_class=Edge, tags=["alignment"])
InTransaction = Annotated[AlignmentWork, Depends(current_work)]
Caller = Annotated[Access, Depends(current_access)]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]


@router.post("/v1/objectives", status_code=201)
@needs("decisions:write")
async def set_one_objective(body: NewObjective, work: InTransaction, response: Response) -> Shown:
    """Set what the business wants: 201 for a new objective, 200 when one of this name was changed."""
    objective_id, new = await set_objective(body, work)
    response.status_code = 201 if new else 200
    return {"id": objective_id, **body.model_dump()}


@router.get("/v1/objectives")
@needs("decisions:read")
async def list_objectives(work: InTransaction, cursor: str | None = None, limit: Limit = 50) -> Shown:
    """Objectives, the weightiest first."""
    found = await (await work.decisions()).objectives(after=weight_and_id_in(cursor), limit=limit + 1)
    return page(found, limit, lambda row: row, lambda row: [row["weight"], str(row["id"])])


@router.post("/v1/decisions", status_code=201)
@needs("decisions:write")
async def propose(body: Proposal, work: InTransaction, access: Caller) -> Shown:
    """Propose what to do about a problem, resting on evidence, an experiment or an open assumption."""
    return decision_view(await propose_decision(body, access.name, work))


@router.get("/v1/decisions")
@needs("decisions:read")
async def list_decisions(
    work: InTransaction,
    status: Status | None = None,
    problem_id: UUID | None = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> Shown:
    """Decisions, the newest first."""
    found = await (await work.decisions()).newest(
        status=status, problem_id=problem_id, before=id_in(cursor), limit=limit + 1
    )
    return page(found, limit, decision_view, place_of)


@router.get("/v1/decisions/{decision_id}")
@needs("decisions:read")
async def show_decision(decision_id: UUID, work: InTransaction) -> Shown:
    """One decision with everything that was said about it."""
    decision = await (await work.decisions()).find(decision_id)
    if decision is None:
        raise NotFound("decision", decision_id)
    return decision_view(decision)


@router.post("/v1/decisions/{decision_id}/positions")
@needs("decisions:write")
async def take_one_position(decision_id: UUID, body: NewPosition, work: InTransaction) -> Shown:
    """Say where a stakeholder stands; a later position replaces the earlier one."""
    await take_position(decision_id, body, work)
    return await show_decision(decision_id, work)


@router.post("/v1/decisions/{decision_id}/make")
@needs("decisions:write")
async def make(decision_id: UUID, body: Making, work: InTransaction, access: Caller) -> Shown:
    """Make it stand. An open concern or objection has to be answered: 409 otherwise, naming who and what."""
    await make_decision(decision_id, body, access.name, work)
    return await show_decision(decision_id, work)


@router.post("/v1/decisions/{decision_id}/review")
@needs("decisions:write")
async def review(decision_id: UUID, body: Review, work: InTransaction, access: Caller) -> Shown:
    """Say what became of it. `too_early` leaves it open for another review."""
    await review_decision(decision_id, body, access.name, work)
    return await show_decision(decision_id, work)


@router.post("/v1/subscriptions", status_code=201)
@needs("subscriptions:write")
async def add_subscription(body: NewSubscription, work: InTransaction) -> Shown:
    """Subscribe. A webhook's secret is in this answer and nowhere else."""
    subscription = await subscribe(body, work)
    return subscription_view(subscription) | ({"secret": subscription.secret} if subscription.secret else {})


@router.get("/v1/subscriptions")
@needs("subscriptions:read")
async def list_subscriptions(work: InTransaction, cursor: str | None = None, limit: Limit = 50) -> Shown:
    """Subscriptions, the newest first."""
    found = await (await work.subscriptions()).newest(before=id_in(cursor), limit=limit + 1)
    return page(found, limit, subscription_view, place_of)


@router.get("/v1/subscriptions/{subscription_id}")
@needs("subscriptions:read")
async def show_subscription(subscription_id: UUID, work: InTransaction) -> Shown:
    """One subscription, without its secret."""
    return subscription_view(await _subscription(subscription_id, work))


@router.delete("/v1/subscriptions/{subscription_id}", status_code=204)
@needs("subscriptions:write")
async def end_subscription(subscription_id: UUID, work: InTransaction) -> None:
    """Unsubscribe; what was delivered stays on record."""
    await unsubscribe(subscription_id, work)


@router.post("/v1/subscriptions/{subscription_id}/enable")
@needs("subscriptions:write")
async def enable(subscription_id: UUID, work: InTransaction) -> Shown:
    """Tell a subscriber again whose receiver was given up."""
    return subscription_view(await enable_subscription(subscription_id, work))


@router.post("/v1/subscriptions/{subscription_id}/test")
@needs("subscriptions:write", transaction=False)
async def send_test(subscription_id: UUID, request: Request, access: Caller) -> Shown:
    """Send a test event now, once, and show what the receiver answers."""
    async with request.app.state.transactions.begin(access.workspace) as work:
        subscription = await _subscription(subscription_id, work)
        letter = trial_letter(subscription, work.workspace, current_carrier(), at=work.now)
    async with webhook_client() as client:
        answer = await post_webhook(client, letter, timeout=DeliveryRules().timeout)
    return {
        "told": answer.told,
        "message_id": letter.message_id,
        "status": answer.status,
        "body": answer.body,
        "error": None if answer.told else answer.describe(),
    }


@router.get("/v1/deliveries")
@needs("subscriptions:read")
async def list_deliveries(
    work: InTransaction,
    status: DeliveryStatus | None = None,
    subscription_id: UUID | None = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> Shown:
    """What was delivered, is waiting or was given up, the newest first."""
    found = await (await work.deliveries()).newest(
        status=status, subscription_id=subscription_id, before=id_in(cursor), limit=limit + 1
    )
    return page(found, limit, delivery_view, place_of)


@router.post("/v1/deliveries/{delivery_id}/replay", status_code=202)
@needs("subscriptions:write")
async def replay(delivery_id: UUID, work: InTransaction) -> Shown:
    """Deliver it once more, from its first attempt, with the same webhook-id."""
    return delivery_view(await replay_delivery(delivery_id, work))


@router.get("/v1/feed")
@needs("decisions:read")
async def show_feed(
    work: InTransaction,
    types: Annotated[list[str] | None, Query(max_length=50)] = None,
    subscription_id: UUID | None = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> Shown:
    """What happened, oldest first. Ask again with `next_cursor`, which is always there, for what comes after."""
    patterns = [pattern for found in types or () for pattern in found.split(",")]
    for pattern in patterns:
        if not names_matching([pattern]):
            raise Invalid(f"types: a pattern names no event that is told; known are {', '.join(NAMES)}, decision.* …")
    if patterns and subscription_id:
        raise Invalid("a subscription brings its own filter; send either types or subscription_id")
    entries, number, more = await read_feed(number_in(cursor), patterns, subscription_id, limit, work)
    return {"items": [entry_view(entry) for entry in entries], "next_cursor": encode_cursor([number]), "more": more}


async def _subscription(subscription_id: UUID, work: AlignmentWork) -> Subscription:
    subscription = await (await work.subscriptions()).find(subscription_id)
    if subscription is None:
        raise NotFound("subscription", subscription_id)
    return subscription
