"""The NATS ingress: product tools publish the same feedback on `ingress.feedback.<workspace>`.

The body is one item of the public API as JSON, or a CloudEvent that carries one. Bad bytes become dead letters.
"""

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID, uuid5

from pydantic_core import from_json

from contracts.envelope import WORKSPACE, Envelope, EnvelopeInvalid
from contracts.event import Event
from libs.messaging.delivered import Delivered
from libs.messaging.handlers import Handlers, on
from libs.messaging.topology import INGRESS_STREAM
from libs.messaging.tracing import carrier_from
from libs.messaging.work import Message
from services.intake.cloudevents import feedback_in
from services.intake.domain import Rejected, Submission, read_submission
from services.intake.store import IntakeWork
from services.intake.use_cases.receive_feedback import receive_feedback

_INGRESS = UUID("0d5f2b7e-3f61-4a8b-8d5c-9f1c0c1f7b2a")


class FeedbackSubmitted(Event):
    """Words that came over NATS, not yet accepted; never leaves intake."""

    TYPE: ClassVar = "ingress.feedback"
    AGGREGATE: ClassVar = ("submission", "submission")

    submission: Submission


def decode_ingress(raw: Delivered) -> Message[FeedbackSubmitted]:
    """The submission in a message, identified by its place in the stream: a redelivery has no second effect."""
    workspace = raw.subject.rpartition(".")[2]
    if not WORKSPACE.fullmatch(workspace):
        raise EnvelopeInvalid(f"the subject names no workspace: '{raw.subject}'")
    try:
        document = from_json(raw.body)
    except ValueError as error:
        raise EnvelopeInvalid(f"not JSON in UTF-8: {error}") from error
    found = read_submission(feedback_in(document), now=raw.stored_at)
    if isinstance(found, Rejected):
        raise EnvelopeInvalid("; ".join(f"{error['at']}: {error['error']}" for error in found.errors))
    identity = str(uuid5(_INGRESS, f"{raw.stream}/{raw.stream_sequence}/{raw.stored_at.isoformat()}"))
    envelope = Envelope(
        id=identity,
        source="/whystream/ingress",
        type=FeedbackSubmitted.TYPE,
        subject=f"submission/{identity}",
        time=raw.stored_at,
        workspace=workspace,
        data={},
        correlationid=identity,
    )
    return Message(FeedbackSubmitted(submission=found), envelope, carrier_from(raw.headers))


async def _receive(messages: Sequence[Message[FeedbackSubmitted]], work: IntakeWork) -> Any:
    await receive_feedback([(message.event.submission, message) for message in messages], work)


HANDLERS = Handlers(on(FeedbackSubmitted, _receive, together=True))
DECODERS = {INGRESS_STREAM: decode_ingress}
