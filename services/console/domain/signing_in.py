"""The rules of signing in. Pure."""

from datetime import timedelta
from urllib.parse import urlsplit

SESSION_LASTS = timedelta(hours=12)
LINK_LASTS = timedelta(minutes=10)
SCOPE = "decisions:read"


def local_path(wanted: str | None) -> str:
    """`wanted` if it is a path on this site; else the front page.

    Browsers take `//host`, `/\\host` and a path with tabs or line breaks inside as another site's address.
    """
    fits = wanted and wanted.startswith("/") and not wanted.startswith("//") and len(wanted) <= 500
    return wanted if wanted and fits and wanted.isascii() and wanted.isprintable() and "\\" not in wanted else "/"


def from_this_site(origin: str | None, host: str | None, public_url: str) -> bool:
    """Whether a form was sent by a page of this site: its Origin names the host that was asked, or the public one."""
    try:
        sender = urlsplit(origin or "").netloc
    except ValueError:
        return False
    return bool(sender) and sender in (host, urlsplit(public_url).netloc)


def cookie_name(public_url: str) -> str:
    """One name per port: browsers do not keep cookies of two ports of one host apart."""
    return f"whystream_session_{urlsplit(public_url).port or 'default'}"
