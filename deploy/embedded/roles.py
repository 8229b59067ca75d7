"""Who may do what in the database: a schema and a login role per service, and nothing across."""

from collections.abc import Mapping

import asyncpg

DATABASE = "whystream"
EXTENSIONS = "extensions"


async def ensure_database(superuser_url: str, passwords: Mapping[str, str]) -> None:
    """Make the database, and for each role in `passwords` its login, its schema and its grants. Idempotent.

    Afterwards a role reads and writes its own schema only: a query across schemas fails with permission denied.
    """
    server = await asyncpg.connect(superuser_url, timeout=10)
    try:
        if not await server.fetchval("select 1 from pg_database where datname = $1", DATABASE):
            await server.execute(f'create database "{DATABASE}"')
        # Otherwise every login could connect to these and make tables there.
        await server.execute("revoke all on database postgres, template1 from public")
    finally:
        await server.close()
    database = await asyncpg.connect(superuser_url, database=DATABASE, timeout=10)
    try:
        async with database.transaction():
            await _close_what_is_open_to_all(database)
            await _ensure_extensions(database)
            for role, password in passwords.items():
                await _ensure_role(database, role, password)
    finally:
        await database.close()


async def _close_what_is_open_to_all(database: asyncpg.Connection) -> None:
    await database.execute(f'revoke all on database "{DATABASE}" from public')
    await database.execute("revoke all on schema public from public")


async def _ensure_extensions(database: asyncpg.Connection) -> None:
    await database.execute(f"create schema if not exists {EXTENSIONS}")
    if await database.fetchval("select 1 from pg_available_extensions where name = 'vector'"):
        await database.execute(f"create extension if not exists vector schema {EXTENSIONS}")


async def _ensure_role(database: asyncpg.Connection, role: str, password: str) -> None:
    if not await database.fetchval("select 1 from pg_roles where rolname = $1", role):
        await database.execute(f'create role "{role}"')
    await database.execute(
        f"alter role \"{role}\" login nosuperuser nocreatedb nocreaterole noreplication password '{password}'"
    )
    await database.execute(f'create schema if not exists "{role}" authorization "{role}"')
    await database.execute(f'alter role "{role}" in database "{DATABASE}" set search_path = "{role}", {EXTENSIONS}')
    await database.execute(f'grant connect on database "{DATABASE}" to "{role}"')
    await database.execute(f'grant usage on schema {EXTENSIONS} to "{role}"')
