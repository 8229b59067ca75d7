"""Begin and end sessions, by access key or by a one-time link."""

import secrets
from datetime import datetime

from services.console.domain.signing_in import LINK_LASTS, SESSION_LASTS
from services.console.store.sessions import SignedIn
from services.console.store.work import ConsoleWork


async def begin_session(who: SignedIn, work: ConsoleWork) -> str:
    """The token of a new session, valid for SESSION_LASTS; only its hash is kept. Expired ones are forgotten."""
    sessions, token = await work.sessions(), secrets.token_urlsafe(32)
    await sessions.sweep(now=work.now)
    await sessions.begin(token, who, expires_at=work.now + SESSION_LASTS)
    return token


async def make_sign_in_link(who: SignedIn, work: ConsoleWork) -> tuple[str, datetime]:
    """The token of a link that signs in once within LINK_LASTS, and when it expires."""
    sessions, token, expires_at = await work.sessions(), secrets.token_urlsafe(32), work.now + LINK_LASTS
    await sessions.add_link(token, who, expires_at=expires_at)
    return token, expires_at


async def enter(link: str, work: ConsoleWork) -> SignedIn | None:
    """Whom a link signs in, which uses it up; None if it was used, has expired or never was."""
    return await (await work.sessions()).take_link(link, now=work.now)
