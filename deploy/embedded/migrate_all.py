"""Brings every service's schema to the newest revision, in one process: five would spend their time on importing.

python -m deploy.embedded.migrate_all      # WHYSTREAM_DATABASE_URLS: a JSON object, from service to its role's URL
"""

import asyncio
import json
import os

from libs.runtime.migrate import migrate


async def migrate_all(urls: dict[str, str]) -> None:
    """Migrate one service after the other, each in a transaction of its own role; the first failure is raised."""
    for service, url in urls.items():
        print(f"migrating {service}", flush=True)
        await migrate(service, url)


if __name__ == "__main__":
    asyncio.run(migrate_all(json.loads(os.environ["WHYSTREAM_DATABASE_URLS"])))
