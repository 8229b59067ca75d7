"""The route that product tools send observations to. Its answer waits for the stream, not for the database."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid5

from fastapi import APIRouter, Depends, Request, Response
from pydantic_core import from_json, to_json
from uuid_utils.compat import uuid7

from libs.messaging.work import Transactions
from libs.runtime.http import Edge, content_type, current_access, needs, parsed, request_hash
from libs.runtime.keys import Access
from libs.runtime.problems import Invalid, Problem, TooLarge, UnsupportedMediaType
from services.experiments.domain.observation import MAX_ITEMS, Observation, Rejected, read_observation
from services.experiments.store.answers import Answer
from services.experiments.store.work import ExperimentsWork
from services.experiments.use_cases.publish_observations import publish_observations

router = APIRouter(route_class=Edge, tags=["observations"])
Caller = Annotated[Access, Depends(current_access)]
_NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl")
_REPEATABLE = UUID("6d9a4f1c-2f0e-4b57-9b0a-5a4c6c1f0e22")


class IdempotencyKeyReused(Problem):
    """The key came before, with another body."""

    def __init__(self) -> None:
        detail = "this key was used for another request; take a new one"
        super().__init__(422, "idempotency-key-reused", "Idempotency key reused", detail)


@router.post("/v1/observations", status_code=202)
@needs("observations:write", transaction=False)
async def send_observations(request: Request, access: Caller) -> Response:
    """Exposures and outcomes: a JSON object, an array, or NDJSON; up to 1,000 items and 5 MiB. One status per item.

    The answer is given when the stream has them on disk. Sent again with the same `Idempotency-Key`, nothing counts
    twice; without that header every request counts.
    """
    documents = await _documents(request)
    many = documents if isinstance(documents, list) else [documents]
    if not many:
        raise Invalid("there is no item in the body; send at least one")
    if len(many) > MAX_ITEMS:
        raise TooLarge(f"{len(many)} items in one request, {MAX_ITEMS} at most; send them in parts")
    now = datetime.now(UTC)
    items = [one if isinstance(one, Rejected) else read_observation(one, now=now) for one in many]
    if not isinstance(documents, list) and isinstance(items[0], Rejected):
        raise Invalid("some fields are missing or wrong; see errors", list(items[0].errors))
    key = request.headers.get("idempotency-key")
    if key is None:
        return _accepted(await _publish(request, access, items, [uuid7() for _ in items], now))
    return await _once(request, access, key, items, now)


async def _once(
    request: Request, access: Access, key: str, items: Sequence[Observation | Rejected], now: datetime
) -> Response:
    """Answer and keep the answer. Ids follow from the key, so that a repeat of an unfinished request is harmless."""
    if not 1 <= len(key) <= 255:
        raise Invalid("Idempotency-Key must have 1 to 255 characters")
    transactions: Transactions[ExperimentsWork] = request.app.state.transactions
    digest = await request_hash(request)
    async with transactions.begin(access.workspace) as work:
        known: Answer = await (await work.answers()).enter(key, digest)
    if known.request_hash != digest:
        raise IdempotencyKeyReused
    if known.body is not None:
        return _accepted(known.body, {"Idempotent-Replay": "true"})
    ids = [uuid5(_REPEATABLE, f"{access.workspace}\n{key}\n{index}") for index in range(len(items))]
    answer = await _publish(request, access, items, ids, now)
    async with transactions.begin(access.workspace) as work:
        await (await work.answers()).keep(key, 202, answer)
    return _accepted(answer)


async def _publish(
    request: Request, access: Access, items: Sequence[Observation | Rejected], ids: Sequence[UUID], now: datetime
) -> bytes:
    """Publish the good items; the answer's body."""
    good = [(identity, item) for identity, item in zip(ids, items, strict=True) if not isinstance(item, Rejected)]
    await publish_observations(good, workspace=access.workspace, now=now, client=request.app.state.client)
    views = [_view(index, identity, item) for index, (identity, item) in enumerate(zip(ids, items, strict=True))]
    return to_json({"accepted": len(good), "rejected": len(items) - len(good), "items": views})


def _view(index: int, identity: UUID, item: Observation | Rejected) -> dict[str, Any]:
    if isinstance(item, Rejected):
        reason = "some fields are missing or wrong"
        return {"index": index, "status": "rejected", "reason": reason, "errors": item.errors}
    return {"index": index, "status": "accepted", "id": identity}


def _accepted(body: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(body, 202, headers, "application/json")


async def _documents(request: Request) -> Any:
    """What the body holds; a line of NDJSON that cannot be read is one rejected item, not a failed request."""
    kind, body = content_type(request), await request.body()
    if kind in _NDJSON:
        return [_line(line) for line in body.split(b"\n") if line.strip()]
    if kind not in ("application/json", ""):
        raise UnsupportedMediaType(kind, "application/json", *_NDJSON)
    return parsed(body)


def _line(line: bytes) -> Any:
    try:
        return from_json(line)
    except ValueError as error:
        return Rejected(({"at": "line", "error": f"not JSON in UTF-8: {error}"},))
