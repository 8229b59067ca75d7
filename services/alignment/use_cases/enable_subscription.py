"""Tell a subscriber again whose receiver was given up."""

from uuid import UUID

from libs.runtime.problems import NotFound
from services.alignment.domain.subscriptions import Subscription
from services.alignment.store.work import AlignmentWork


async def enable_subscription(subscription_id: UUID, work: AlignmentWork) -> Subscription:
    """What still waits goes on being delivered; what came while it was disabled is in the feed. Raises NotFound."""
    subscriptions = await work.subscriptions()
    await subscriptions.enable(subscription_id)
    subscription = await subscriptions.find(subscription_id)
    if subscription is None:
        raise NotFound("subscription", subscription_id)
    return subscription
