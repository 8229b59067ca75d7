"""Every SQL statement about sessions and sign-in links.

Both are found by the hash of a random token before the workspace is known: the token is what names the workspace.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

import asyncpg


@dataclass(frozen=True)
class SignedIn:
    """On whose behalf a token acts: a workspace, by way of the access key with this digest."""

    workspace: str
    key_digest: str


class Sessions:
    """Who is signed in, and the links with which one may sign in."""

    def __init__(self, driver: asyncpg.Connection) -> None:
        self._driver = driver

    async def begin(self, token: str, who: SignedIn, *, expires_at: datetime) -> None:
        await self._driver.execute(
            "INSERT INTO session (token_hash, workspace, key_digest, expires_at) VALUES ($1, $2, $3, $4)",
            _hash(token),
            who.workspace,
            who.key_digest,
            expires_at,
        )

    async def find(self, token: str, *, now: datetime) -> SignedIn | None:
        row = await self._driver.fetchrow(
            "SELECT workspace, key_digest FROM session WHERE token_hash = $1 AND expires_at > $2", _hash(token), now
        )
        return SignedIn(*row) if row else None

    async def end(self, token: str) -> None:
        await self._driver.execute("DELETE FROM session WHERE token_hash = $1", _hash(token))

    async def add_link(self, token: str, who: SignedIn, *, expires_at: datetime) -> None:
        await self._driver.execute(
            "INSERT INTO sign_in_link (token_hash, workspace, key_digest, expires_at) VALUES ($1, $2, $3, $4)",
            _hash(token),
            who.workspace,
            who.key_digest,
            expires_at,
        )

    async def take_link(self, token: str, *, now: datetime) -> SignedIn | None:
        """Whom the link signs in; it is gone afterwards. None for one that was used, has expired or never was."""
        row = await self._driver.fetchrow(
            "DELETE FROM sign_in_link WHERE token_hash = $1 AND expires_at > $2 RETURNING workspace, key_digest",
            _hash(token),
            now,
        )
        return SignedIn(*row) if row else None

    async def sweep(self, *, now: datetime) -> None:
        """Forget what has expired."""
        await self._driver.execute("DELETE FROM session WHERE expires_at <= $1", now)
        await self._driver.execute("DELETE FROM sign_in_link WHERE expires_at <= $1", now)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
