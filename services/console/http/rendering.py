"""From what a page shows to HTML. Everything is escaped; nothing on a page runs scripts or loads from elsewhere."""

import hashlib
from datetime import date, datetime
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

PAGES = Path(__file__).parents[1] / "pages"
CSS = (PAGES / "console.css").read_bytes()
CSS_VERSION = hashlib.sha256(CSS).hexdigest()[:12]

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: browsers would send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def render(request: Request, template: str, status: int = 200, **shown: Any) -> HTMLResponse:
    """The page `template`; `signed_in` tells it whose it is."""
    access = getattr(request.state, "access", None)
    html = _templates.get_template(template).render(
        signed_in=access, css=f"/assets/console.css?v={CSS_VERSION}", path=request.url.path, **shown
    )
    return HTMLResponse(html, status)


def secured(response: Response) -> Response:
    """The response with the headers that every page carries; pages are never kept by a cache."""
    for name, value in _HEADERS.items():
        response.headers[name] = value
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _moment(value: datetime | str | None, *, with_time: bool = False) -> Markup | str:
    """A `<time>` that reads `22 Nov 2026`, on wish with the UTC time."""
    if not value:
        return ""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    text = f"{at.day} {at:%b %Y}" + (f", {at:%H:%M} UTC" if with_time else "")
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), text)


def _day(value: str | None) -> Markup | str:
    return _moment(datetime.combine(date.fromisoformat(value), datetime.min.time())) if value else ""


def _plural(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.0f} %"


def _is_web_address(value: str) -> bool:
    return value.lower().startswith(("https://", "http://"))


_templates = Environment(
    loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_templates.filters |= {"moment": _moment, "day": _day, "plural": _plural, "share": _share}
_templates.filters["words"] = lambda value: str(value).replace("_", " ")
_templates.tests["web_address"] = _is_web_address
