"""Put observations into their stream; from there they are counted."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import nats.errors
from nats.aio.client import Client

from contracts.envelope import Envelope, wrap
from libs.messaging.publisher import BatchHasDuplicate, Outgoing, PublishRefused, publish_batch
from libs.messaging.tracing import current_carrier
from libs.runtime.problems import Problem
from services.experiments.domain.observation import Observation


class StreamUnavailable(Problem):
    """The stream did not confirm that it has the observations."""

    def __init__(self) -> None:
        super().__init__(
            503,
            "stream-unavailable",
            "Stream unavailable",
            "it was not confirmed that the observations are stored; try again in a few seconds, with the same "
            "Idempotency-Key so that nothing counts twice",
        )
        self.headers = {"Retry-After": "2"}


async def publish_observations(
    observations: Sequence[tuple[UUID, Observation]], *, workspace: str, now: datetime, client: Client
) -> None:
    """Return once the stream has all of them on disk, 1,000 at most; ids that it has already change nothing.

    Raises StreamUnavailable.
    """
    if not observations:
        return
    if not client.is_connected:  # or the client would keep them, and send them after we said that we could not
        raise StreamUnavailable
    trace = current_carrier().headers()
    envelopes = [_envelope(identity, event, workspace, now) for identity, event in observations]
    messages = [Outgoing(one.nats_subject, one.to_bytes(), {**trace, "Nats-Msg-Id": one.id}) for one in envelopes]
    try:
        await publish_batch(client, messages)
    except BatchHasDuplicate:
        return  # a batch is stored whole or not at all, so that one known id means that all of it was stored before
    except (PublishRefused, nats.errors.Error, ConnectionError, TimeoutError) as error:
        raise StreamUnavailable from error


def _envelope(identity: UUID, event: Observation, workspace: str, now: datetime) -> Envelope:
    wrapped = wrap(event, service="experiments", workspace=workspace, at=now)
    return replace(wrapped, id=str(identity), correlationid=str(identity))
