"""In and out: signing in with an access key or a one-time link, signing out; and what every visitor may see."""

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from libs.runtime.http import current_work
from libs.runtime.keys import KeyRing, digest_of
from libs.runtime.problems import NotFound, Problem
from services.console.domain.signing_in import SCOPE, SESSION_LASTS, cookie_name, from_this_site, local_path
from services.console.http.page import Page, access_of, open_to_all
from services.console.http.rendering import CSS, CSS_VERSION, render
from services.console.store.sessions import SignedIn
from services.console.store.work import ConsoleWork
from services.console.use_cases.sign_in import begin_session, enter

router = APIRouter(route_class=Page, include_in_schema=False)
InTransaction = Annotated[ConsoleWork, Depends(current_work)]


class SentFromElsewhere(Problem):
    """A form came from another site's page, which a signed-in person may not even have seen."""

    def __init__(self) -> None:
        super().__init__(403, "sent-from-elsewhere", "Not from here", "Send this form from the console's own page.")


@router.get("/sign-in")
@open_to_all
async def sign_in_page(request: Request, next: str = "/") -> Response:
    """The form; who is signed in already goes on."""
    if request.state.access:
        return RedirectResponse(local_path(next), 303)
    return render(request, "sign_in.html", next=local_path(next), error="")


@router.post("/sign-in")
@open_to_all
async def sign_in(request: Request, work: InTransaction) -> Response:
    form = await _form(request)
    next, key = local_path(form.get("next")), form.get("key", "").strip()
    keys: KeyRing = request.app.state.keys
    access = keys.find(key)
    if access is None or not access.allows(SCOPE):
        error = "unknown" if access is None else "forbidden"
        return render(request, "sign_in.html", 403 if access else 401, next=next, error=error)
    return await _signed_in(request, SignedIn(access.workspace, digest_of(key)), next, work)


@router.get("/enter/{link}")
@open_to_all
async def enter_by_link(request: Request, link: str, work: InTransaction, next: str = "/") -> Response:
    """Use a one-time link. One that was used leads on all the same in the browser that it signed in."""
    who = await enter(link, work)
    if access_of(request, who) and who:
        return await _signed_in(request, who, local_path(next), work)
    if request.state.access:
        return RedirectResponse(local_path(next), 303)
    return render(request, "sign_in.html", 410, next=local_path(next), error="link")


@router.post("/sign-out")
@open_to_all
async def sign_out(request: Request, work: InTransaction) -> Response:
    await _form(request)
    name = cookie_name(request.app.state.settings.public_url)
    if token := request.cookies.get(name):
        await (await work.sessions()).end(token)
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(name, httponly=True, samesite="lax")
    return response


assets = APIRouter(include_in_schema=False)


@assets.get("/assets/console.css")
async def stylesheet(v: str = "") -> Response:
    kept = "public, max-age=31536000, immutable" if v == CSS_VERSION else "no-cache"
    return Response(CSS, media_type="text/css", headers={"Cache-Control": kept, "X-Content-Type-Options": "nosniff"})


@assets.get("/favicon.ico")
async def no_icon() -> Response:
    return Response(status_code=204, headers={"Cache-Control": "public, max-age=86400"})


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form that this site sent; raises SentFromElsewhere for any other."""
    headers, public_url = request.headers, request.app.state.settings.public_url
    if not from_this_site(headers.get("origin"), headers.get("host"), public_url):
        raise SentFromElsewhere
    try:
        fields = parse_qs((await request.body()).decode(errors="replace"), max_num_fields=10)
    except ValueError as error:
        raise Problem(400, "malformed", "Malformed form", "Send the form from the console's own page.") from error
    return {name: values[-1] for name, values in fields.items()}


async def _signed_in(request: Request, who: SignedIn, next: str, work: ConsoleWork) -> Response:
    token, public_url = await begin_session(who, work), request.app.state.settings.public_url
    response = RedirectResponse(next, 303)
    response.set_cookie(
        cookie_name(public_url),
        token,
        max_age=int(SESSION_LASTS.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=public_url.startswith("https://"),
    )
    return response


elsewhere = APIRouter(route_class=Page, include_in_schema=False)


@elsewhere.get("/{path:path}")
@open_to_all
async def nothing_here(path: str) -> Response:
    """Every path that nothing else answers: a page for people; for programs see `routes.py`."""
    raise NotFound("page", f"/{path}")
