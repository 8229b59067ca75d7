"""Access keys in NATS: made, listed, revoked, and known everywhere within a second, also after NATS was away."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import nats
import pytest
from nats.aio.client import Client

from deploy.embedded.infrastructure import Infrastructure
from libs.messaging.topology import KEYS_BUCKET
from libs.runtime.keys import (
    SCOPES,
    Access,
    Forbidden,
    KeyRing,
    NameInvalid,
    ScopeUnknown,
    Unauthenticated,
    WorkspaceInvalid,
    create_key,
    digest_of,
    list_keys,
    revoke_key,
)

WITHIN = 1.0


@asynccontextmanager
async def watching(platform: Infrastructure, service: str = "triage") -> AsyncIterator[KeyRing]:
    """A key ring as a service has it: with the service's own user, and reconnecting for ever."""
    client = await nats.connect(
        platform.nats_url(service),
        inbox_prefix=f"_INBOX_{service}",
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.1,
    )
    ring = KeyRing(client)
    running = asyncio.create_task(ring.run())
    try:
        await asyncio.wait_for(ring.loaded.wait(), 10)
        yield ring
        assert not running.done(), running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await client.close()


async def soon(holds: Callable[[], bool], within: float = WITHIN) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"not within {within} s"
        await asyncio.sleep(0.02)


async def test_a_key_is_known_and_forgotten_within_a_second(
    bare_platform: Infrastructure, admin: Client, workspace: str
) -> None:
    async with watching(bare_platform) as ring:
        key = await create_key(admin, workspace, "desk", ["feedback:write", "problems:read", "feedback:write"])
        await soon(lambda: ring.find(key) is not None)
        assert ring.find(key) == Access(workspace, "desk", ("feedback:write", "problems:read"))
        assert await revoke_key(admin, key)
        await soon(lambda: ring.find(key) is None)


async def test_a_ring_that_begins_later_knows_what_there_is(
    bare_platform: Infrastructure, admin: Client, workspace: str
) -> None:
    kept, gone = [await create_key(admin, workspace, name, ["admin"]) for name in ("kept", "gone")]
    await revoke_key(admin, gone)
    async with watching(bare_platform, "console") as ring:
        assert ring.find(kept)
        assert not ring.find(gone)


async def test_revoking_takes_a_second_also_after_nats_was_away(bare_platform: Infrastructure, workspace: str) -> None:
    async with watching(bare_platform) as ring:
        admin = await nats.connect(bare_platform.nats_url("admin"))
        key = await create_key(admin, workspace, "desk", ["admin"])
        await soon(lambda: ring.find(key) is not None)
        await admin.close()
        await bare_platform.restart_nats()
        assert ring.find(key), "an outage of NATS locks nobody out"
        await soon(lambda: ring._client.is_connected, 10)
        admin = await nats.connect(bare_platform.nats_url("admin"))
        assert await revoke_key(admin, key)
        await soon(lambda: ring.find(key) is None)
        another = await create_key(admin, workspace, "desk", ["admin"])
        await soon(lambda: ring.find(another) is not None)
        assert await revoke_key(admin, another)
        await soon(lambda: ring.find(another) is None)
        await admin.close()


async def test_only_the_digest_is_kept(admin: Client, workspace: str) -> None:
    key = await create_key(admin, workspace, "desk", ["admin"])
    (entry,) = [found for found in await list_keys(admin) if found.workspace == workspace]
    assert (entry.digest, entry.name, entry.scopes) == (digest_of(key), "desk", ("admin",))
    bucket = await admin.jetstream().key_value(KEYS_BUCKET)
    assert key.encode() not in ((await bucket.get(entry.digest)).value or b"")


async def test_keys_are_revoked_by_the_beginning_of_their_digest(admin: Client, workspace: str) -> None:
    keys = [await create_key(admin, workspace, "desk", ["admin"]) for _ in range(2)]
    assert not await revoke_key(admin, digest_of(keys[0])[:7])
    assert not await revoke_key(admin, "ws_nobody_nothing")
    assert not await revoke_key(admin, "")
    assert await revoke_key(admin, digest_of(keys[0])[:12])
    assert not await revoke_key(admin, keys[0])
    left = [entry.digest for entry in await list_keys(admin) if entry.workspace == workspace]
    assert left == [digest_of(keys[1])]


@pytest.mark.parametrize("scopes", [["feedback:write", "problem:read", "all"], [], ["*"], ["ADMIN"]])
async def test_unknown_scopes_are_named_with_those_that_there_are(admin: Client, scopes: list[str]) -> None:
    with pytest.raises(ScopeUnknown) as refused:
        await create_key(admin, "default", "desk", scopes)
    said = str(refused.value)
    unknown = said.partition(";")[0]
    assert all(scope in unknown for scope in scopes if scope not in SCOPES)
    assert "feedback:write" not in unknown
    assert all(scope in said for scope in SCOPES)


@pytest.mark.parametrize("name", ["", "Upper", "a_b", "a.b", "-a", "a-", "a" * 41, "ä", "a\n", "*"])
async def test_a_workspace_has_a_name_that_fits_a_subject(admin: Client, name: str) -> None:
    with pytest.raises(WorkspaceInvalid, match="lower-case letters, digits and inner hyphens"):
        await create_key(admin, name, "desk", ["admin"])


@pytest.mark.parametrize("name", ["", "  ", "a\x00b", "a\nb", "x" * 201, "\ud800"])
async def test_a_key_has_a_name_that_fits_an_event(admin: Client, name: str) -> None:
    with pytest.raises(NameInvalid, match="1 to 200 printable characters"):
        await create_key(admin, "default", name, ["admin"])


@pytest.mark.parametrize("written", [b"", b"\xff", b"[]", b"{}", b'{"workspace": "x", "name": "y", "scopes": 5}'])
async def test_an_entry_written_by_hand_opens_nothing_and_stops_nobody(
    bare_platform: Infrastructure, admin: Client, workspace: str, written: bytes
) -> None:
    forged = digest_of(f"ws_{workspace}_forged")
    bucket = await admin.jetstream().key_value(KEYS_BUCKET)
    async with watching(bare_platform) as ring:
        await bucket.put(forged, written)
        key = await create_key(admin, workspace, "desk", ["admin"])
        await soon(lambda: ring.find(key) is not None)
        assert not ring.find_digest(forged)
    assert [entry.name for entry in await list_keys(admin) if entry.digest == forged] == ["(unreadable)"]
    assert await revoke_key(admin, forged)


@pytest.mark.parametrize(
    ("scopes", "wanted", "allowed"),
    [
        (("feedback:write",), "feedback:write", True),
        (("feedback:write",), "feedback:read", False),
        (("experiments:*",), "experiments:write", True),
        (("experiments:*",), "decisions:write", False),
        (("experiments:*",), "admin", False),
        (("admin",), "subscriptions:write", True),
        ((), "feedback:write", False),
        (("write",), "feedback:write", False),
    ],
)
def test_what_a_scope_allows(scopes: tuple[str, ...], wanted: str, allowed: bool) -> None:
    assert Access("default", "desk", scopes).allows(wanted) is allowed


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer  ", "Basic x", "ws_default_x", "Bearer\u00a0ws_default_x"]
)
def test_who_sends_no_key_that_is_known_is_not_let_in(header: str | None) -> None:
    ring = KeyRing(Client())
    ring._known[digest_of("ws_default_x")] = Access("default", "desk", ("feedback:write",))
    with pytest.raises(Unauthenticated):
        ring.authenticate(header, "feedback:write")
    assert ring.authenticate("bearer ws_default_x", "feedback:write").name == "desk"
    with pytest.raises(Forbidden, match="lacks the scope 'admin'"):
        ring.authenticate("Bearer ws_default_x", "admin")
