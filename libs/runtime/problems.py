"""Errors at the HTTP edge: RFC 9457 problem details with a stable `type`."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

log = structlog.get_logger("http")

BASE = "https://whystream.dev/problems/"
MOST_ERRORS = 20


class Problem(Exception):
    """What went wrong, as a client is told: `kind` names the stable type, `detail` says what to do next.

    Domain errors subclass it or are mapped to it at the edge. More fields go into the document as extensions.
    """

    def __init__(self, status: int, kind: str, title: str, detail: str, **more: Any) -> None:
        super().__init__(f"{title}: {detail}")
        self.status = status
        self.kind = kind
        self.title = title
        self.detail = detail
        self.more = more
        self.headers: dict[str, str] = {}

    def document(self) -> dict[str, Any]:
        core = {"type": BASE + self.kind, "title": self.title, "status": self.status, "detail": self.detail}
        return {**core, **self.more}


class NotFound(Problem):
    """There is no such thing in this workspace (also when it exists in another one)."""

    def __init__(self, what: str, identity: object) -> None:
        super().__init__(404, "not-found", "Not found", f"there is no {what} {identity} in this workspace")


class Conflict(Problem):
    """The request is well formed but does not fit the present state."""

    def __init__(self, detail: str) -> None:
        super().__init__(409, "conflict", "Conflict", detail)


class Invalid(Problem):
    """The request breaks a rule; `errors` lists where and what."""

    def __init__(self, detail: str, errors: list[dict[str, str]] | None = None) -> None:
        super().__init__(422, "invalid", "Invalid request", detail, **({"errors": errors} if errors else {}))


class Malformed(Problem):
    """The bytes cannot be read as what the request says they are."""

    def __init__(self, detail: str) -> None:
        super().__init__(400, "malformed", "Malformed request", detail)


class Unavailable(Problem):
    """Something that this service stands on is away for the moment; nothing was stored."""

    def __init__(self, detail: str) -> None:
        super().__init__(503, "service-unavailable", "Service unavailable", detail)
        self.headers = {"Retry-After": "2"}


class Broken(Problem):
    """A bug of ours. Says nothing of the inside; the log has it."""

    def __init__(self) -> None:
        detail = "something broke here and nothing was stored; try again"
        super().__init__(500, "internal", "Internal error", detail)


class UnsupportedMediaType(Problem):
    """The body is of a kind that this call does not read."""

    def __init__(self, kind: str, *known: str) -> None:
        said = f"cannot read '{kind[:100]}'" if kind else "the body has no Content-Type"
        detail = f"{said}; send one of: {', '.join(known)}"
        super().__init__(415, "unsupported-media-type", "Unsupported media type", detail)


class TooLarge(Problem):
    """The request is over a size limit, which the detail names."""

    def __init__(self, detail: str) -> None:
        super().__init__(413, "too-large", "Too large", detail)


def explain(errors: Iterable[Any]) -> list[dict[str, str]]:
    """Pydantic's first errors as `{"at", "error"}`, without echoing the input.

    Bounded, because names of unknown fields come from the input too: an answer must not outgrow its request.
    """
    return [
        {"at": ".".join(str(part) for part in error["loc"] if part != "body")[:200] or "body", "error": error["msg"]}
        for error in islice(errors, MOST_ERRORS)
    ]


def respond(problem: Problem) -> JSONResponse:
    return JSONResponse(
        problem.document(), problem.status, media_type="application/problem+json", headers=problem.headers
    )


def install_problem_handlers(app: FastAPI) -> None:
    """Every error of `app` leaves as a problem document; unexpected ones are logged and say nothing of the inside."""

    @app.exception_handler(Problem)
    async def _(_: Request, error: Problem) -> JSONResponse:
        return respond(error)

    @app.exception_handler(RequestValidationError)
    async def _(_: Request, error: RequestValidationError) -> JSONResponse:
        found = error.errors()
        if any(item["type"] == "json_invalid" for item in found):
            return respond(Malformed("the body is not valid JSON; send UTF-8 JSON as application/json"))
        return respond(Invalid("some fields are missing or wrong; see errors", explain(found)))

    @app.exception_handler(HTTPException)
    async def _(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 404:
            return respond(Problem(404, "not-found", "Not found", f"nothing answers {request.url.path}"))
        if error.status_code == 405:
            problem = Problem(405, "method-not-allowed", "Method not allowed", f"{request.method} is not for this path")
            problem.headers = dict(error.headers or {})
            return respond(problem)
        if error.status_code == 400:
            return respond(Malformed(str(error.detail)))
        return respond(Problem(error.status_code, "http-error", "Request failed", str(error.detail)))

    @app.exception_handler(Exception)
    async def _(_: Request, error: Exception) -> JSONResponse:
        log.error("unexpected error", exc_info=error)
        return respond(Broken())
