"""Admin keys of the containers: the first is made by the setup job, another one when it is asked for.

docker compose run --rm setup python -P -m deploy.containers.admin_key   # prints a new admin key
"""

import asyncio
import os

import nats
from nats.aio.client import Client

from libs.messaging.topology import KEYS_BUCKET
from libs.runtime.keys import create_key

WORKSPACE = "default"


async def first_admin_key(client: Client) -> str | None:
    """An admin key if no key was ever made here, else None: a start makes no new one for one that was revoked."""
    kept = await client.jetstream().stream_info(f"KV_{KEYS_BUCKET}")
    if kept.state.last_seq:
        return None
    return await create_key(client, WORKSPACE, "first admin", ["admin"])


async def main() -> None:
    client = await nats.connect(os.environ["WHYSTREAM_NATS_URL"], connect_timeout=10, max_reconnect_attempts=5)
    try:
        print(f"admin key {await create_key(client, WORKSPACE, 'admin', ['admin'])}")
    finally:
        await client.close()


if __name__ == "__main__":
    asyncio.run(main())
