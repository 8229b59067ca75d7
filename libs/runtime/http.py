"""The edge that every route shares: who calls, one transaction around the call, and answers that can be asked again.

    router = APIRouter(route_class=Edge)

    @router.post("/v1/objectives", status_code=201)
    @needs("decisions:write")
    async def set_objective(body: NewObjective, work: InTransaction) -> ObjectiveView: ...

The transaction is committed before the first byte of the answer leaves; any error rolls it back. A write that carries
an `Idempotency-Key` and is sent again gets the stored answer (another body, or another caller: 422).
"""

import hashlib
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from libs.messaging.outbox import EventTooLarge, GroupTooLarge
from libs.messaging.processor import is_transient
from libs.messaging.work import Work
from libs.runtime.keys import SCOPES, Access, KeyRing
from libs.runtime.problems import Broken, Invalid, Malformed, Problem, TooLarge, Unavailable, UnsupportedMediaType

log = structlog.get_logger("http")

MAX_BODY_BYTES = 5 * 1024 * 1024
F = TypeVar("F", bound=Callable[..., Any])
Handle = Callable[[Request], Coroutine[Any, Any, Response]]


class ScopeMissing(TypeError):
    """A route was declared without `@needs(...)`, or with a scope that no key can have."""


def needs(scope: str, *, transaction: bool = True) -> Callable[[F], F]:
    """Declare the scope a route needs, and whether it works in a transaction of its service's database.

    Raises ScopeMissing for a scope that is not in SCOPES.
    """
    if scope not in SCOPES:
        raise ScopeMissing(f"there is no scope '{scope}'; known are {', '.join(SCOPES)}")

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
            try:
                return await self._answer(request, handle)
            except Exception as error:
                raise _told(error) from error

        return call

    async def _answer(self, request: Request, handle: Handle) -> Response:
        keys: KeyRing = request.app.state.keys
        access = keys.authenticate(request.headers.get("authorization"), self._scope)
        request.state.access = access
        body = await read_body(request, MAX_BODY_BYTES)  # before the transaction, which must not wait for a slow sender
        if body and self.body_field is not None:
            request._json = read_json(request, body)  # where Starlette itself keeps what it parsed
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
    if announced.isdecimal() and int(announced) > limit:
        raise too_large
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise too_large
        parts.append(part)
    request._body = b"".join(parts)  # where Starlette itself keeps a body that was read
    return request._body


def content_type(request: Request) -> str:
    """The body's media type, without parameters, in lower case; empty when the request names none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def read_json(request: Request, body: bytes) -> Any:
    """The body as JSON; raises UnsupportedMediaType when it is said to be something else, Malformed when it is none."""
    kind = content_type(request)
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise UnsupportedMediaType(kind, "application/json")
    return parsed(body, allow_inf_nan=False)


def parsed(body: bytes, *, allow_inf_nan: bool = True) -> Any:
    """Strict JSON in UTF-8, nested 200 levels deep at most; raises Malformed."""
    try:
        return from_json(body, allow_inf_nan=allow_inf_nan)
    except ValueError as error:
        raise Malformed(f"the body is not JSON in UTF-8: {error}") from error


def _told(error: Exception) -> Exception:
    """What the caller is told of an error: a problem, or what FastAPI's handlers make one of.

    An unexpected error becomes a problem here and not in the application's last handler, because the server closes the
    connection after that one, and whoever shares the connection through the front door would lose a call.
    """
    match error:
        case Problem() | HTTPException() | RequestValidationError():
            return error
        case EventTooLarge() | GroupTooLarge():
            return TooLarge(str(error))
        case ClientDisconnect():
            return Malformed("the body ended before it was complete")
    if is_transient(error):
        log.warning("store unavailable", error=repr(error))
        return Unavailable("the database is away for the moment; try again in a few seconds")
    log.error("unexpected error", exc_info=error)
    return Broken()


async def request_hash(request: Request) -> bytes:
    """What makes two requests the same: call, caller, body, and the headers that say what the body means.

    The caller is part of it, because an answer may hold what only the one who asked may see.
    """
    meaning = sorted(item for item in request.headers.items() if item[0] == "content-type" or item[0][:3] == "ce-")
    about = [request.method, request.scope["path"], request.headers.get("authorization", ""), *map(repr, meaning)]
    return hashlib.sha256("\n".join(about).encode() + b"\n" + await request.body()).digest()


async def _once(request: Request, work: Work, key: str, handle: Handle) -> Response:
    """Answer, keeping the answer under `key`; a second call with the same key waits for the first and repeats it."""
    if not 1 <= len(key) <= 255:
        raise Invalid("Idempotency-Key must have 1 to 255 characters")
    driver = await work.driver()
    digest = await request_hash(request)
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
