"""One durable consumer of one stream: takes what arrives, has it processed, and acknowledges after the commit."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from libs.messaging.delivered import from_nats
from libs.messaging.processor import Again, Processor, StoreUnavailable
from libs.messaging.pull import Pull

log = structlog.get_logger("consumer")

_KEEP_SECONDS = 10.0  # a third of the consumers' ack_wait


class Consumer:
    """Runs until `stop`, then finishes the batch in hand. Survives outages of Postgres and NATS of any length.

    An acknowledgement that gets lost costs a redelivery, which the inbox recognises, so none is waited for.
    """

    def __init__(
        self, client: Client, processor: Processor[Any], stream: str, durable: str, *, batch: int = 500
    ) -> None:
        self._client = client
        self._processor = processor
        self._stream = stream
        self._durable = durable
        self._batch = batch
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        async with Pull(self._client, self._stream, self._durable, batch=self._batch) as pull:
            while not self._stopping.is_set():
                msgs = await pull.take()
                if msgs:
                    await self._handle(msgs)

    async def _handle(self, msgs: Sequence[Msg]) -> None:
        keeping = asyncio.create_task(self._keep(msgs))
        try:
            outcomes = await self._process(msgs)
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping
        for msg, outcome in zip(msgs, outcomes, strict=True):
            with suppress(nats.errors.Error, ConnectionError):
                if outcome is None:
                    await msg.ack()
                else:
                    await msg.nak(delay=outcome.delay)

    async def _process(self, msgs: Sequence[Msg]) -> Sequence[Again | None]:
        """Process, waiting for Postgres as long as it takes: its absence must not use up anybody's deliveries."""
        pause = 0.1
        batch = [from_nats(msg) for msg in msgs]
        while True:
            try:
                return await self._processor.process(batch, self._stream)
            except StoreUnavailable as error:
                log.warning("store unavailable, holding messages", stream=self._stream, error=str(error), pause=pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
                return [Again(0.0)] * len(msgs)
            pause = min(pause * 2, 10.0)

    async def _keep(self, msgs: Sequence[Msg]) -> None:
        """Tell the server every now and then that these messages are still in hand."""
        while True:
            await asyncio.sleep(_KEEP_SECONDS)
            for msg in msgs:
                with suppress(nats.errors.Error, ConnectionError):
                    await msg.in_progress()
