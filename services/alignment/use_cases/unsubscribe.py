"""Be told no more."""

from uuid import UUID

from libs.runtime.problems import NotFound
from services.alignment.store.work import AlignmentWork


async def unsubscribe(subscription_id: UUID, work: AlignmentWork) -> None:
    """Forget the subscription and its secret and cancel what was still to be delivered. Raises NotFound."""
    subscriptions = await work.subscriptions()
    if await subscriptions.find(subscription_id) is None:
        raise NotFound("subscription", subscription_id)
    # Deliveries before the subscription: the order in which an attempt being settled locks them, too.
    await (await work.deliveries()).cancel_of(subscription_id, at=work.now)
    await subscriptions.delete(subscription_id, at=work.now)
