"""Deliver something once more."""

from uuid import UUID

from libs.runtime.problems import Conflict, NotFound
from services.alignment.domain.deliveries import Delivery
from services.alignment.store.work import AlignmentWork


async def replay_delivery(delivery_id: UUID, work: AlignmentWork) -> Delivery:
    """The delivery, due now, from its first attempt. Raises NotFound, or Conflict if nobody would attempt it."""
    deliveries = await work.deliveries()
    delivery = await deliveries.find(delivery_id, lock=True)
    if delivery is None:
        raise NotFound("delivery", delivery_id)
    subscription = await (await work.subscriptions()).find(delivery.subscription_id)
    if subscription is None:
        raise Conflict("its subscription was deleted; subscribe again, and read what was missed in GET /v1/feed")
    if subscription.disabled_at is not None:
        raise Conflict(
            f"its subscription is disabled ({subscription.disabled_reason}); mend the receiver, then enable it with"
            f" POST /v1/subscriptions/{subscription.id}/enable"
        )
    await deliveries.replay(delivery_id, at=work.now)
    replayed = await deliveries.find(delivery_id)
    assert replayed is not None  # its row is locked by this transaction
    return replayed
