"""Intake's routes: product tools send words here."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic_core import from_json

from libs.runtime.http import Edge, content_type, current_access, current_work, needs, parsed
from libs.runtime.keys import Access
from libs.runtime.problems import Invalid, NotFound, TooLarge, UnsupportedMediaType
from services.intake.cloudevents import BATCH, STRUCTURED, feedback_in, from_headers
from services.intake.domain import MAX_ITEMS, Receipt, Rejected, Submission, read_submission
from services.intake.store import IntakeWork
from services.intake.use_cases.receive_feedback import receive_feedback
from services.intake.use_cases.release_feedback import release_feedback

router = APIRouter(route_class=Edge, tags=["feedback"])
InTransaction = Annotated[IntakeWork, Depends(current_work)]
Caller = Annotated[Access, Depends(current_access)]
_NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl")


@router.post("/v1/feedback", status_code=202)
@needs("feedback:write")
async def send_feedback(request: Request, work: InTransaction) -> dict[str, Any]:
    """One item (a JSON object), a JSON array, or NDJSON; up to 1,000 items and 5 MiB. One status per item."""
    kind = content_type(request)
    if kind in _NDJSON:
        documents = _lines(await request.body())
    elif kind in ("application/json", ""):
        documents = parsed(await request.body())
    else:
        raise UnsupportedMediaType(kind, "application/json", *_NDJSON)
    return await _receive(documents, work)


@router.post("/v1/events", status_code=202)
@needs("feedback:write")
async def send_cloudevents(request: Request, work: InTransaction) -> dict[str, Any]:
    """CloudEvents 1.0 over HTTP in binary, structured or batch mode, carrying feedback."""
    kind, binary = content_type(request), "ce-specversion" in request.headers
    if not binary and kind not in (STRUCTURED, BATCH):
        raise UnsupportedMediaType(kind, STRUCTURED, BATCH, "binary mode with ce-* headers")
    documents: Any = parsed(await request.body())
    if binary:
        documents = from_headers(request.headers, documents)
    elif not isinstance(documents, dict if kind == STRUCTURED else list):
        raise Invalid(f"{STRUCTURED} is one event, a JSON object; {BATCH} is a JSON array of events")
    many = documents if isinstance(documents, list) else [documents]
    if not all(isinstance(item, dict) and "specversion" in item for item in many):
        raise Invalid("every event needs the CloudEvents attribute 'specversion'")
    found = [feedback_in(item) for item in many]
    return await _receive(found if isinstance(documents, list) else found[0], work)


@router.get("/v1/feedback/{feedback_id}")
@needs("feedback:read")
async def show_feedback(feedback_id: UUID, work: InTransaction) -> dict[str, Any]:
    """The words as they came, with their state."""
    stored = await (await work.vault()).find(feedback_id)
    if stored is None:
        raise NotFound("feedback", feedback_id)
    held = stored.quarantine_reason if stored.released_at is None else None
    return {
        "id": stored.id,
        "status": "quarantined" if held else "accepted",
        "reason": held,
        "received_at": stored.received_at,
        **stored.submission.model_dump(mode="json", exclude_defaults=True),
    }


@router.post("/v1/feedback/{feedback_id}/release", status_code=202)
@needs("problems:write")
async def release(feedback_id: UUID, work: InTransaction, access: Caller) -> dict[str, Any]:
    """Let quarantined words through."""
    await release_feedback(feedback_id, access.name, work)
    return {"id": feedback_id, "status": "accepted"}


async def _receive(documents: Any, work: IntakeWork) -> dict[str, Any]:
    """A lone bad item is an error of the request; in a batch only the bad items are refused."""
    many = documents if isinstance(documents, list) else [documents]
    if not many:
        raise Invalid("there is no item in the body; send at least one")
    if len(many) > MAX_ITEMS:
        raise TooLarge(f"{len(many)} items in one request, {MAX_ITEMS} at most; send them in parts")
    items: list[Submission | Rejected] = [
        document if isinstance(document, Rejected) else read_submission(document, now=work.now) for document in many
    ]
    first = items[0]
    if not isinstance(documents, list) and isinstance(first, Rejected):
        raise Invalid("some fields are missing or wrong; see errors", list(first.errors))
    receipts = await receive_feedback([(item, None) for item in items], work)
    counts = dict.fromkeys(("accepted", "duplicate", "quarantined", "rejected"), 0)
    for receipt in receipts:
        counts[receipt.status] += 1
    return {**counts, "items": [_view(index, receipt) for index, receipt in enumerate(receipts)]}


def _view(index: int, receipt: Receipt) -> dict[str, Any]:
    view: dict[str, Any] = {"index": index, "status": receipt.status}
    if receipt.id:
        view["id"] = receipt.id
    if receipt.reason:
        view["reason"] = receipt.reason
    if receipt.errors:
        view["errors"] = receipt.errors
    return view


def _lines(body: bytes) -> list[Any]:
    """NDJSON: a line that cannot be read is one rejected item, not a failed request."""
    documents: list[Any] = []
    for line in body.split(b"\n"):
        if not line.strip():
            continue
        try:
            documents.append(from_json(line))
        except ValueError as error:
            documents.append(Rejected(({"at": "line", "error": f"not JSON in UTF-8: {error}"},)))
    return documents
