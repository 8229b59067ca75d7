"""Record what came of one attempt to tell a subscriber."""

from dataclasses import dataclass

from contracts.alignment import NotificationDelivered, NotificationExhausted
from contracts.envelope import parse, read
from libs.messaging.tracing import TraceCarrier
from libs.messaging.work import Message
from services.alignment.domain.deliveries import Answer, DeliveryRules, GiveUp, Retry, judge
from services.alignment.store.deliveries import Claimed
from services.alignment.store.work import AlignmentWork


@dataclass(frozen=True)
class Ended:
    """How an attempt ended: the answer, the trace to say it in, and a chance (0 to 1) that spreads retries."""

    answer: Answer
    trace: TraceCarrier
    chance: float


async def settle_delivery(claimed: Claimed, ended: Ended, rules: DeliveryRules, work: AlignmentWork) -> None:
    """Exactly one outcome per attempt: told, due again later, or given up; nothing if the attempt was taken over."""
    deliveries, subscriptions = await work.deliveries(), await work.subscriptions()
    answer, verdict = ended.answer, judge(ended.answer, claimed.attempts, rules, ended.chance)
    if isinstance(verdict, Retry):
        await deliveries.settle(claimed, "waiting", answer, at=work.now, due_at=work.now + verdict.pause)
        return
    if not await deliveries.settle(claimed, "exhausted" if verdict else "delivered", answer, at=work.now):
        return
    envelope = parse(claimed.envelope)
    cause = Message(read(envelope), envelope, ended.trace)
    about = {
        "delivery_id": claimed.id,
        "subscription_id": claimed.subscription_id,
        "told_event_id": envelope.key,
        "told_type": envelope.type,
        "told_about": envelope.subject,
        "subscriber": claimed.subscriber,
        "attempts": claimed.attempts,
    }
    if verdict is None:
        await subscriptions.was_told(claimed.subscription_id)
        work.record(NotificationDelivered(**about), cause=cause)
    else:
        await _stop_if_hopeless(claimed, verdict, rules, work)
        work.record(NotificationExhausted(**about, last_error=answer.describe()), cause=cause)


async def _stop_if_hopeless(claimed: Claimed, verdict: GiveUp, rules: DeliveryRules, work: AlignmentWork) -> None:
    subscriptions = await work.subscriptions()
    in_row = await subscriptions.count_exhausted(claimed.subscription_id)
    if verdict.gone:
        reason = "the receiver answered 410 Gone"
    elif in_row >= rules.disable_after:
        reason = f"{in_row} deliveries in a row were given up"
    else:
        return
    await subscriptions.disable(claimed.subscription_id, reason, at=work.now)
