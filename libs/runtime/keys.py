"""Access keys: made and revoked in a NATS KV bucket that every service watches; only their SHA-256 is kept.

A key looks like `ws_<workspace>_<random>` and carries scopes. `admin` allows everything in its workspace, `x:*` every
scope that begins with `x:`. Revoking takes effect everywhere within a second, without asking anybody per request.
"""

import asyncio
import hashlib
import json
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import nats.errors
import nats.js.errors
import structlog
from nats.aio.client import Client
from nats.js.kv import KeyValue

from contracts.envelope import WORKSPACE
from libs.messaging.topology import KEYS_BUCKET
from libs.runtime.problems import Problem

log = structlog.get_logger("keys")

_LOOK_UP_SECONDS = 0.25  # how soon a reconnect is noticed, after which the watch must begin again

SCOPES = (
    "feedback:write",
    "feedback:read",
    "observations:write",
    "problems:read",
    "problems:write",
    "experiments:read",
    "experiments:write",
    "experiments:*",
    "decisions:read",
    "decisions:write",
    "decisions:*",
    "subscriptions:read",
    "subscriptions:write",
    "subscriptions:*",
    "admin",
)


class ScopeUnknown(ValueError):
    """A key was asked for with a scope that does not exist; the message lists those that do."""


class WorkspaceInvalid(ValueError):
    """A workspace's name is lower-case letters, digits and inner hyphens, at most 40."""


class NameInvalid(ValueError):
    """A key's name is 1 to 200 printable characters: it stands in events for who did something."""


class Unauthenticated(Problem):
    """No key, or one that is not known (any more)."""

    def __init__(self, detail: str) -> None:
        super().__init__(401, "unauthenticated", "Not authenticated", detail)
        self.headers = {"WWW-Authenticate": "Bearer"}


class Forbidden(Problem):
    """The key is known but does not carry the scope that this call needs."""

    def __init__(self, scope: str) -> None:
        super().__init__(403, "forbidden", "Not allowed", f"this key lacks the scope '{scope}'", needed=scope)


@dataclass(frozen=True)
class Access:
    """Who calls: the workspace that the key belongs to, its name, and what it may do."""

    workspace: str
    name: str
    scopes: tuple[str, ...]

    def allows(self, scope: str) -> bool:
        group = scope.partition(":")[0] + ":*"
        return "admin" in self.scopes or scope in self.scopes or group in self.scopes


@dataclass(frozen=True)
class KeyEntry:
    """A key as operators see it; `digest` identifies it, the key itself is nowhere kept."""

    digest: str
    workspace: str
    name: str
    scopes: tuple[str, ...]
    created_at: str


def digest_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


async def create_key(client: Client, workspace: str, name: str, scopes: Iterable[str]) -> str:
    """A new key; this is the only time that it can be seen. Raises ScopeUnknown, WorkspaceInvalid or NameInvalid."""
    wanted = tuple(dict.fromkeys(scopes))
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown or not wanted:
        raise ScopeUnknown(f"unknown scopes: {', '.join(unknown) or '(none given)'}; known are {', '.join(SCOPES)}")
    if not WORKSPACE.fullmatch(workspace):
        raise WorkspaceInvalid(
            f"'{workspace}' is no workspace name: lower-case letters, digits and inner hyphens, at most 40"
        )
    if not (1 <= len(name.strip()) <= 200 and name.isprintable()):
        raise NameInvalid("a key's name must have 1 to 200 printable characters; say whose key it is")
    key = f"ws_{workspace}_{secrets.token_urlsafe(24)}"
    value = asdict(Access(workspace, name, wanted)) | {"created_at": datetime.now(UTC).isoformat(timespec="seconds")}
    bucket = await client.jetstream().key_value(KEYS_BUCKET)
    await bucket.put(digest_of(key), json.dumps(value).encode())
    return key


async def list_keys(client: Client) -> list[KeyEntry]:
    """Every key that is valid now, oldest first, and every entry that is none, so that it can be revoked."""
    bucket = await client.jetstream().key_value(KEYS_BUCKET)
    found = []
    with suppress(nats.js.errors.NoKeysError):
        for digest in await bucket.keys():
            with suppress(nats.js.errors.KeyNotFoundError):
                found.append(_key_in(await bucket.get(digest)) or KeyEntry(digest, "", "(unreadable)", (), ""))
    return sorted(found, key=lambda entry: entry.created_at)


async def revoke_key(client: Client, key_or_digest: str) -> bool:
    """Revoke by the key itself or by the beginning (8 characters or more) of its digest; False if there is none."""
    bucket = await client.jetstream().key_value(KEYS_BUCKET)
    wanted = digest_of(key_or_digest) if key_or_digest.startswith("ws_") else key_or_digest
    if len(wanted) < 8:
        return False
    for entry in await list_keys(client):
        if entry.digest.startswith(wanted):
            await bucket.purge(entry.digest)
            return True
    return False


def _key_in(entry: KeyValue.Entry) -> KeyEntry | None:
    """The key in an entry; None for one that somebody wrote by hand and wrongly: it opens nothing and stops nobody."""
    try:
        value = json.loads(entry.value or b"{}")
        return KeyEntry(entry.key, value["workspace"], value["name"], tuple(value["scopes"]), str(value["created_at"]))
    except (ValueError, LookupError, TypeError) as error:
        log.error("an entry among the access keys cannot be read; revoke it", digest=entry.key, error=repr(error))
        return None


class KeyRing:
    """All valid keys, held in memory and kept current by watching the bucket."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, Access] = {}
        self.loaded = asyncio.Event()

    def authenticate(self, authorization: str | None, scope: str) -> Access:
        """Who sends this Authorization header, allowed to use `scope`. Raises Unauthenticated or Forbidden."""
        kind, _, key = (authorization or "").partition(" ")
        if kind.lower() != "bearer" or not key.strip():
            raise Unauthenticated("send your key as 'Authorization: Bearer ws_…'")
        access = self.find(key.strip())
        if access is None:
            raise Unauthenticated("this key is unknown or was revoked; ask an administrator for a new one")
        if not access.allows(scope):
            raise Forbidden(scope)
        return access

    def find(self, key: str) -> Access | None:
        return self.find_digest(digest_of(key))

    def find_digest(self, digest: str) -> Access | None:
        """The access of a key known by its digest, as a session remembers it; None once it was revoked."""
        return self._known.get(digest)

    async def run(self) -> None:
        """Watch until cancelled. A lost watch, as after a reconnect, is begun again and replaces what was known."""
        while True:
            try:
                await self._watch()
            except (nats.errors.Error, ConnectionError, TimeoutError) as error:
                log.warning("key watch interrupted, beginning again", error=repr(error))
                await asyncio.sleep(0.5)

    async def _watch(self) -> None:
        bucket = await self._client.jetstream().key_value(KEYS_BUCKET)
        watcher = await bucket.watchall()
        reconnects = self._client.stats["reconnects"]
        found: dict[str, Access] = {}
        complete = False
        try:
            while self._client.stats["reconnects"] == reconnects:
                try:
                    entry = await watcher.updates(timeout=_LOOK_UP_SECONDS)
                except (nats.errors.TimeoutError, TimeoutError):
                    continue
                if entry is None:  # everything that was there has been seen
                    self._known, complete = found, True
                    self.loaded.set()
                    continue
                assert isinstance(entry, KeyValue.Entry)  # the sentinel only ends `async for`, not `updates`
                known = self._known if complete else found
                if entry.operation in ("DEL", "PURGE"):
                    known.pop(entry.key, None)
                elif key := _key_in(entry):
                    known[entry.key] = Access(key.workspace, key.name, key.scopes)
        finally:
            with suppress(nats.errors.Error, ConnectionError):
                await watcher.stop()
