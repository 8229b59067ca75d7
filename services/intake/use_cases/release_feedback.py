"""Let quarantined words through after a person looked at them."""

from uuid import UUID

from contracts.feedback import FeedbackReleased
from libs.runtime.problems import Conflict, NotFound
from services.intake.domain import received
from services.intake.store import IntakeWork


async def release_feedback(feedback_id: UUID, released_by: str, work: IntakeWork) -> None:
    """Announce the release and then the words. Raises NotFound, or Conflict if they are not in quarantine."""
    vault = await work.vault()
    stored = await vault.find(feedback_id, lock=True)
    if stored is None:
        raise NotFound("feedback", feedback_id)
    if stored.quarantine_reason is None or stored.released_at is not None:
        raise Conflict("this feedback is not in quarantine")
    await vault.release(feedback_id, at=work.now)
    work.record(FeedbackReleased(feedback_id=feedback_id, released_by=released_by))
    work.record(received(feedback_id, stored.submission, received_at=stored.received_at))
