"""Be told about what matters to one."""

import base64
import secrets

from uuid_utils.compat import uuid7

from services.alignment.domain.subscriptions import NewSubscription, Subscription
from services.alignment.store.work import AlignmentWork


async def subscribe(wanted: NewSubscription, work: AlignmentWork) -> Subscription:
    """The new subscription, with the secret that signs its webhooks: 24 random bytes, as Standard Webhooks has it."""
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode() if wanted.channel == "webhook" else ""
    subscription = Subscription(
        id=uuid7(),
        name=wanted.name,
        channel=wanted.channel,
        url=wanted.url,
        filter=wanted.filter,
        secret=secret,
        created_at=work.now,
    )
    await (await work.subscriptions()).add(subscription)
    return subscription
