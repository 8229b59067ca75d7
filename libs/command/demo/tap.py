"""What the services say while the story is told, read live from NATS: so that nothing is waited for by the clock."""

import asyncio
from types import TracebackType

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.envelope import Envelope, parse
from libs.command.installation import Installation


class Tap:
    """Live events on one subject, from the moment that it is entered."""

    def __init__(self, installation: Installation, subject: str) -> None:
        self._installation, self._subject = installation, subject
        self._arrived: asyncio.Queue[Msg] = asyncio.Queue()
        self._client: Client | None = None

    async def __aenter__(self) -> "Tap":
        self._client = await nats.connect(self._installation.nats_url(), connect_timeout=5)
        await self._client.subscribe(self._subject, cb=self._arrived.put)
        await self._client.flush()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.close()

    async def next(self, within: float) -> Envelope:
        """The next event. Raises TimeoutError when none comes within so many seconds."""
        return parse((await asyncio.wait_for(self._arrived.get(), within)).data)
