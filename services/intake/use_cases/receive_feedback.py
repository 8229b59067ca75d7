"""Accept the customer's words, each natural key once."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from contracts.feedback import FeedbackQuarantined
from libs.messaging.work import Message
from services.intake.domain import Receipt, Rejected, Submission, received, suspicion
from services.intake.store import IntakeWork

Submitted = tuple[Submission | Rejected, Message[Any] | None]


async def receive_feedback(items: Sequence[Submitted], work: IntakeWork) -> list[Receipt]:
    """One receipt per item, in order. Accepted words are announced; quarantined ones only by their id.

    Each item comes with the message that brought it, if one did. Within one call the first of a natural key wins.
    """
    vault = await work.vault()
    fresh: dict[int, tuple[UUID, Submission, str | None]] = {}
    keys: dict[tuple[str, str], int] = {}
    for index, (item, _) in enumerate(items):
        if isinstance(item, Rejected) or (item.natural_key and keys.setdefault(item.natural_key, index) != index):
            continue
        fresh[index] = (uuid7(), item, suspicion(item))
    new = await vault.add(list(fresh.values()), received_at=work.now)
    known = await vault.ids_of(list(keys))
    receipts = []
    for index, (item, cause) in enumerate(items):
        if isinstance(item, Rejected):
            receipts.append(Receipt("rejected", reason="some fields are missing or wrong", errors=item.errors))
            continue
        identity, _, reason = fresh.get(index, (None, None, None))
        if identity not in new or identity is None:
            assert item.natural_key is not None
            receipts.append(
                Receipt("duplicate", known[item.natural_key], "this source and external_id were sent before")
            )
        elif reason:
            event = FeedbackQuarantined(feedback_id=identity, source=item.source, reason=reason)
            work.record(event, cause=cause)
            receipts.append(Receipt("quarantined", identity, reason))
        else:
            work.record(received(identity, item, received_at=work.now), cause=cause, first=True)
            receipts.append(Receipt("accepted", identity))
    return receipts
