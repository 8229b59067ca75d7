"""The edge that every route shares: who calls, one transaction around the call, and answers that can be asked again.

    router = APIRouter(route_class=Edge)

    @router.post("/v1/objectives", status_code=201)
    @needs("decisions:write")
    async def set_objective(body: NewObjective, work: InTransaction) -> ObjectiveView: ...

The transaction is committed before the first byte of the answer leaves; any error rolls it back. A write that carries
an `Idempotency-Key` and is sent again gets the stored answer (another body: 422).
"""

import hashlib
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.routing import APIRoute

from libs.messaging.work import Work
from libs.runtime.keys import Access, KeyRing
from libs.runtime.problems import Invalid, Problem, TooLarge

MAX_BODY_BYTES = 5 * 1024 * 1024
F = TypeVar("F", bound=Callable[..., Any])
Handle = Callable[[Request], Coroutine[Any, Any, Response]]


class ScopeMissing(TypeError):
    """A route was declared without `@needs(...)`: every call must say what it takes to be allowed."""


def needs(scope: str, *, transaction: bool = True) -> Callable[[F], F]:
    """Declare the scope a route needs, and whether it works in a transaction of its service's database."""

    def mark(endpoint: F) -> F:
        endpoint.__needs__ = (scope, transaction)  # type: ignore[attr-defined]  # a mark for Edge, below
        return endpoint

    return mark


def current_work(request: Request) -> Any:
    """Dependency: the open transaction of this call, as the service's Work class."""
    return request.state.work


def current_access(request: Request) -> Access:
    """Dependency: who calls."""
    return request.state.access


class Edge(APIRoute):
    """Authenticates, opens the transaction, answers, commits; see the module's text."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        needed = getattr(endpoint, "__needs__", None)
        if needed is None:
            raise ScopeMissing(f"{path}: declare the scope with @needs(...) under the route decorator")
        self._scope, self._transaction = needed
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Handle:
        handle = super().get_route_handler()

        async def call(request: Request) -> Response:
            return await self._answer(request, handle)

        return call

    async def _answer(self, request: Request, handle: Handle) -> Response:
        keys: KeyRing = request.app.state.keys
        access = keys.authenticate(request.headers.get("authorization"), self._scope)
        request.state.access = access
        await read_body(request, MAX_BODY_BYTES)  # before the transaction, which must not wait for a slow sender
        if not self._transaction:
            return await handle(request)
        async with request.app.state.transactions.begin(access.workspace) as work:
            request.state.work = work
            key = request.headers.get("idempotency-key")
            if key is None or request.method == "GET":
                return await handle(request)
            return await _once(request, work, key, handle)


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body, kept for later readers; raises TooLarge as soon as it is over `limit` bytes."""
    announced = request.headers.get("content-length", "")
    too_large = TooLarge(f"the body is over {limit // 1024 // 1024} MiB; send it in parts")
    if announced.isdigit() and int(announced) > limit:
        raise too_large
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise too_large
        parts.append(part)
    request._body = b"".join(parts)  # where Starlette itself keeps a body that was read
    return request._body


async def _once(request: Request, work: Work, key: str, handle: Handle) -> Response:
    """Answer, keeping the answer under `key`; a second call with the same key waits for the first and repeats it."""
    if not 1 <= len(key) <= 255:
        raise Invalid("Idempotency-Key must have 1 to 255 characters")
    driver = await work.driver()
    digest = hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + await request.body()).digest()
    entered = await driver.fetchval(
        "INSERT INTO idempotency (workspace, key, request_hash) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING 1",
        work.workspace,
        key,
        digest,
    )
    if entered is None:
        return await _repeat(driver, work.workspace, key, digest)
    response = await handle(request)
    await driver.execute(
        "UPDATE idempotency SET status = $3, body = $4 WHERE workspace = $1 AND key = $2",
        work.workspace,
        key,
        response.status_code,
        bytes(response.body),
    )
    return response


async def _repeat(driver: Any, workspace: str, key: str, digest: bytes) -> Response:
    stored = await driver.fetchrow(
        "SELECT request_hash, status, body FROM idempotency WHERE workspace = $1 AND key = $2", workspace, key
    )
    if stored["request_hash"] != digest:
        raise Problem(
            422,
            "idempotency-key-reused",
            "Idempotency key reused",
            "this key was used for another request; take a new one",
        )
    return Response(stored["body"], stored["status"], {"Idempotent-Replay": "true"}, "application/json")
