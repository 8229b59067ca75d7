"""Real Postgres and NATS: each service reaches what is its own and nothing else, and what was kept stays."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import nats
import psutil
import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.js.api import StreamConfig

from contracts.catalog import CATALOG, SERVICES, owned_by
from deploy.embedded.errors import AlreadyRunning, DatabaseMismatch
from deploy.embedded.files import read_json, write_json
from deploy.embedded.home import Home, temporary_home
from deploy.embedded.infrastructure import Infrastructure, infrastructure
from deploy.embedded.programs import postgres_programs
from deploy.embedded.survivors import all_gone

OTHERS = [(service, other) for service in SERVICES for other in SERVICES if service != other]
FORBIDDEN = [(service, entry.subject("default")) for service in SERVICES for entry in CATALOG if entry.owner != service]


@pytest_asyncio.fixture(scope="module")
async def parts() -> AsyncIterator[Infrastructure]:
    with temporary_home() as home:
        async with infrastructure(home) as running:
            yield running


async def test_a_service_owns_its_schema(parts: Infrastructure) -> None:
    for service in SERVICES:
        assert await _as(parts, service, lambda c: c.fetchval("select current_schema")) == service
        await _as(parts, service, lambda c: c.execute("create table own (a int); insert into own values (1)"))


@pytest.mark.parametrize(("service", "other"), OTHERS)
@pytest.mark.parametrize(
    "query", ["select * from {}.own", "insert into {}.own values (2)", "create table {}.theirs (a int)"]
)
async def test_a_query_across_schemas_is_refused(parts: Infrastructure, service: str, other: str, query: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match=f"permission denied for schema {other}"):
        await _as(parts, service, lambda c: c.execute(query.format(other)))


@pytest.mark.parametrize(
    "query",
    ["create table public.shared (a int)", "create schema mine", "create role more", "select * from pg_authid"],
)
async def test_a_service_gets_nothing_beside_its_schema(parts: Infrastructure, query: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
        await _as(parts, "triage", lambda c: c.execute(query))


@pytest.mark.parametrize("database", ["postgres", "template1"])
async def test_a_service_may_not_enter_another_database(parts: Infrastructure, database: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
        await asyncpg.connect(parts.database_url("triage"), database=database)


async def test_a_wrong_password_is_refused(parts: Infrastructure) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(parts.database_url("triage"), password="wrong")


async def test_vectors_are_there_for_every_service(parts: Infrastructure) -> None:
    distance = "select '[1,2]'::vector <-> '[1,3]'::vector"
    assert [await _as(parts, service, lambda c: c.fetchval(distance)) for service in SERVICES] == [1.0] * len(SERVICES)


async def test_the_database_is_durable_and_listens_on_this_machine_only(parts: Infrastructure) -> None:
    names = ["fsync", "synchronous_commit", "full_page_writes", "data_checksums"]
    shown = [await _as(parts, "triage", lambda c, name=name: c.fetchval(f"show {name}")) for name in names]
    assert shown == ["on"] * 4
    assert {connection.laddr.ip for connection in _listening(parts)} == {"127.0.0.1"}


@pytest.mark.parametrize(("service", "subject"), FORBIDDEN)
async def test_a_service_may_not_publish_anothers_event(parts: Infrastructure, service: str, subject: str) -> None:
    refused = await _refusals(parts, service, lambda c: c.publish(subject, b"{}"))
    assert refused == [f'nats: permissions violation for publish to "{subject}"']


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_publishes_what_it_owns(parts: Infrastructure, service: str) -> None:
    for entry in owned_by(service):
        subject = entry.subject("default")
        assert await _refusals(parts, service, lambda c, s=subject: c.publish(s, b"{}")) == []


async def test_a_service_may_not_read_anothers_replies(parts: Infrastructure) -> None:
    refused = await _refusals(parts, "intake", lambda c: c.subscribe("_INBOX_triage.>"))
    assert [error.partition(" to ")[0] for error in refused] == ["nats: permissions violation for subscription"]


@pytest.mark.parametrize("user", ["", "admin:wrong@", "stranger:stranger@"])
async def test_nats_lets_nobody_in_without_the_right_password(parts: Infrastructure, user: str) -> None:
    with pytest.raises(Exception, match=r"(?i)authorization violation"):
        await nats.connect(f"nats://{user}127.0.0.1:{parts.ports.nats}", allow_reconnect=False, connect_timeout=5)


async def test_what_is_stored_survives_a_stop_and_a_crash_of_either(parts: Infrastructure) -> None:
    await _as(parts, "console", lambda c: c.execute("create table kept (a int); insert into kept values (7)"))
    admin = await nats.connect(parts.nats_url("admin"))
    await admin.jetstream().add_stream(StreamConfig(name="KEPT", subjects=["kept.>"]))
    await admin.jetstream().publish("kept.a", b"7")
    await admin.close()
    await parts.restart_nats()
    await parts.kill_nats()
    await parts.stop_postgres()
    await parts.start_postgres()
    await parts.kill_postgres()
    assert await _as(parts, "console", lambda c: c.fetchval("select a from kept")) == 7
    admin = await nats.connect(parts.nats_url("admin"))
    assert (await admin.jetstream().get_last_msg("KEPT", "kept.a")).data == b"7"
    await admin.close()


async def test_two_homes_run_side_by_side_and_know_nothing_of_each_other(parts: Infrastructure) -> None:
    with temporary_home() as home:
        async with infrastructure(home) as other:
            assert not set(other.ports.all()) & set(parts.ports.all())
            await _as(other, "triage", lambda c: c.execute("create table only_there (a int)"))
            assert await _as(parts, "triage", lambda c: c.fetchval("select to_regclass('only_there')")) is None
            with pytest.raises(asyncpg.InvalidPasswordError):
                await asyncpg.connect(parts.database_url("triage"), port=other.ports.postgres)
            pids = [record["pid"] for record in read_json(home.processes_file, [])]
            processes = [psutil.Process(pid) for pid in pids]
        assert len(processes) == 2
        assert await all_gone(processes, within=1)
        assert "shut down\n" in _control_file(other)
    assert await _as(parts, "triage", lambda c: c.fetchval("select 1")) == 1


async def test_a_folder_with_an_odd_name_is_as_good_as_any() -> None:
    with temporary_home() as outer:
        home = Home(outer.folder / 'it\'s "Ümläut" $HOME \\ 店', outer.front_port)
        async with infrastructure(home) as odd:
            assert await _as(odd, "triage", lambda c: c.fetchval("select 1")) == 1
            connection = await nats.connect(odd.nats_url("admin"))
            await connection.close()
            assert (home.nats / "jetstream").is_dir()


async def test_a_home_that_is_in_use_is_refused(parts: Infrastructure) -> None:
    with pytest.raises(AlreadyRunning, match="already running"):
        async with infrastructure(parts.home):
            raise AssertionError("the home was entered twice")


async def test_lost_credentials_are_named_as_the_reason() -> None:
    with temporary_home() as home:
        async with infrastructure(home):
            pass
        credentials = read_json(home.credentials_file, {})
        write_json(home.credentials_file, credentials | {"postgres": {}})
        with pytest.raises(DatabaseMismatch, match=r"does not know the password in credentials\.json"):
            async with infrastructure(home):
                raise AssertionError("entered with a wrong password")


async def test_a_database_of_another_version_is_named_as_the_reason() -> None:
    with temporary_home() as home:
        home.prepare()
        home.postgres.mkdir()
        (home.postgres / "PG_VERSION").write_text("17\n")
        with pytest.raises(DatabaseMismatch, match="was made by Postgres 17, and this is Postgres 18; dump it"):
            async with infrastructure(home):
                raise AssertionError("entered on a database of another version")


async def test_a_pid_file_that_names_a_stranger_does_not_keep_postgres_from_starting() -> None:
    with temporary_home() as home:
        async with infrastructure(home):
            pass
        stranger = await asyncio.create_subprocess_exec("sleep", "600", user=home.postgres.stat().st_uid)
        try:
            pid_file = home.postgres / "postmaster.pid"
            pid_file.write_text(f"{stranger.pid}\n{home.postgres}\n")
            async with infrastructure(home) as again:
                assert await _as(again, "triage", lambda c: c.fetchval("select 1")) == 1
            assert stranger.returncode is None
        finally:
            stranger.kill()
            await stranger.wait()


async def _as(parts: Infrastructure, service: str, does: Callable[[asyncpg.Connection], Awaitable[Any]]) -> Any:
    connection = await asyncpg.connect(parts.database_url(service))
    try:
        return await does(connection)
    finally:
        await connection.close()


async def _refusals(parts: Infrastructure, user: str, does: Callable[[Client], Awaitable[object]]) -> list[str]:
    """What NATS refused this user. The server answers in order, so a last forbidden message marks the end."""
    errors: list[str] = []
    ended = asyncio.Event()

    async def note(error: Exception) -> None:
        if "end.of.test" in str(error):
            ended.set()
        elif not ended.is_set():
            errors.append(str(error))

    connection = await nats.connect(parts.nats_url(user), error_cb=note, inbox_prefix=f"_INBOX_{user}".encode())
    await does(connection)
    await connection.publish("end.of.test", b"")
    await asyncio.wait_for(ended.wait(), 10)
    await connection.close()
    return errors


def _listening(parts: Infrastructure) -> list[Any]:
    pids = [record["pid"] for record in read_json(parts.home.processes_file, [])]
    found = [connection for pid in pids for connection in psutil.Process(pid).net_connections("inet")]
    return [connection for connection in found if connection.status == psutil.CONN_LISTEN]


def _control_file(parts: Infrastructure) -> str:
    command = [postgres_programs() / "pg_controldata", parts.home.postgres]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
