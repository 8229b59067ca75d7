"""Brings services' schemas to the newest revision.

python -m libs.runtime.migrate triage          # WHYSTREAM_DATABASE_URL: the role of that service
"""

import asyncio
import os
import sys
from pathlib import Path

from alembic import command, op
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

_ROOT = Path(__file__).parents[2]


def configuration(service: str) -> Config:
    """Alembic's configuration for one service: the shared environment, the service's own revisions."""
    config = Config()
    config.set_main_option("script_location", str(_ROOT / "libs" / "runtime" / "alembic"))
    config.set_main_option("version_locations", str(_ROOT / "services" / service / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def run_script(script: str) -> None:
    """Run a script of several SQL statements; for use inside a migration's `upgrade`."""
    op.get_bind().connection.dbapi_connection.run_async(lambda driver: driver.execute(script))  # type: ignore[union-attr]  # asyncpg is behind it


async def migrate(service: str, database_url: str) -> None:
    """Run what is missing, in one transaction: it is at head afterwards, or unchanged."""
    engine = create_async_engine(database_url.replace("postgresql://", "postgresql+asyncpg://", 1))

    def upgrade(connection: Connection) -> None:
        config = configuration(service)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    try:
        async with engine.begin() as connection:
            await connection.run_sync(upgrade)
    finally:
        await engine.dispose()


def main() -> None:
    url = os.environ.get("WHYSTREAM_DATABASE_URL")
    if len(sys.argv) != 2 or not url:
        raise SystemExit("usage: WHYSTREAM_DATABASE_URL=postgresql://… python -m libs.runtime.migrate SERVICE")
    asyncio.run(migrate(sys.argv[1], url))


if __name__ == "__main__":
    main()
