"""The edge that every page shares: who is signed in, one transaction, and errors that a person can read."""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode

import structlog
from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from opentelemetry import trace
from opentelemetry.propagate import extract
from opentelemetry.trace import SpanKind

from libs.runtime.http import Handle, read_body
from libs.runtime.keys import Access, KeyRing
from libs.runtime.problems import Problem
from services.console.domain.signing_in import SCOPE, cookie_name, local_path
from services.console.http.rendering import render, secured
from services.console.store.sessions import SignedIn
from services.console.store.work import ConsoleWork

log = structlog.get_logger("console")
_tracer = trace.get_tracer("whystream.http")
_MAX_FORM_BYTES = 1024 * 1024
F = TypeVar("F", bound=Callable[..., Any])


def open_to_all(endpoint: F) -> F:
    """Declare a page that shows nothing of any workspace: it needs no session."""
    endpoint.__open_to_all__ = True  # type: ignore[attr-defined]  # a mark for Page, below
    return endpoint


class Page(APIRoute):
    """Needs a session unless `@open_to_all`; who has none is sent to sign in and comes back afterwards."""

    def get_route_handler(self) -> Handle:
        handle = super().get_route_handler()
        is_open = getattr(self.endpoint, "__open_to_all__", False)

        async def call(request: Request) -> Response:
            about = {"http.request.method": request.method, "http.route": self.path}
            name, context = f"{request.method} {self.path}", extract(dict(request.headers))
            with _tracer.start_as_current_span(name, context=context, kind=SpanKind.SERVER, attributes=about):
                try:
                    return secured(await _answer(request, handle, is_open))
                except Problem as problem:
                    return secured(render(request, "problem_page.html", problem.status, problem=problem))
                except Exception as error:
                    log.error("unexpected error", exc_info=error)
                    broken = Problem(500, "internal", "Something broke here", "Nothing was changed; try again.")
                    return secured(render(request, "problem_page.html", 500, problem=broken))

        return call


async def _answer(request: Request, handle: Handle, is_open: bool) -> Response:
    await read_body(request, _MAX_FORM_BYTES)  # before the transaction, which must not wait for a slow sender
    async with request.app.state.transactions.begin("") as work:
        who = await session_of(request, work)
        access = access_of(request, who)
        request.state.access = access
        request.state.work = work.in_workspace(access.workspace) if access else work
        if access is None and not is_open:
            back = f"{request.url.path}?{request.url.query}".rstrip("?")
            wanted = {"next": local_path(back)} if request.method == "GET" and back != "/" else {}
            return RedirectResponse("/sign-in" + (f"?{urlencode(wanted)}" if wanted else ""), 303)
        return await handle(request)


async def session_of(request: Request, work: ConsoleWork) -> SignedIn | None:
    token = request.cookies.get(cookie_name(request.app.state.settings.public_url))
    return await (await work.sessions()).find(token, now=work.now) if token else None


def access_of(request: Request, who: SignedIn | None) -> Access | None:
    """What the key behind a session may do now; None when there is no session, or its key was revoked."""
    keys: KeyRing = request.app.state.keys
    access = keys.find_digest(who.key_digest) if who else None
    return access if access and who and access.workspace == who.workspace and access.allows(SCOPE) else None
