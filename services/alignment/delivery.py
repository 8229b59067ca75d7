"""The job that tells subscribers: claims what is due, posts it outside any transaction, and records the outcome.

It runs in every replica. An attempt belongs to whoever claimed it until its lease ends; what a killed process left
comes back then, with the same webhook-id, so that the receiver can tell that it has seen it.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx
import structlog
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.metrics import get_meter
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, Tracer

from contracts.envelope import Envelope, parse
from libs.messaging.processor import is_transient
from libs.messaging.tracing import TRACE_HORIZON, TraceCarrier, carrier_of
from libs.messaging.work import Transactions
from libs.runtime.service import Background, Running
from services.alignment.domain.deliveries import Answer, DeliveryRules
from services.alignment.domain.subscriptions import name_of
from services.alignment.store.deliveries import Claimed
from services.alignment.store.work import AlignmentWork
from services.alignment.use_cases.settle_delivery import Ended, settle_delivery
from services.alignment.webhook import Letter, post_webhook, webhook_client

log = structlog.get_logger("delivery")
T = TypeVar("T")
_meter = get_meter("whystream.alignment")
_attempts = _meter.create_counter("whystream.delivery.attempts", description="Attempts to tell a subscriber")
_seconds = _meter.create_histogram("whystream.delivery.duration", unit="s", description="From request to answer")
_DRAIN_SECONDS = 2.0
_ALL_WORKSPACES = ""  # claiming looks at every workspace's deliveries; each is settled in its own


def delivery_job(rules: DeliveryRules | None = None) -> Background:
    """The background job of a service that delivers by these rules."""

    async def deliver(running: Running[Any]) -> None:
        async with courier(running.transactions, rules or DeliveryRules()) as found:
            await found.run()

    return deliver


@asynccontextmanager
async def courier(
    transactions: Transactions[AlignmentWork], rules: DeliveryRules, tracer: Tracer | None = None
) -> AsyncIterator["Courier"]:
    """A courier with its own connections to receivers, closed at the end."""
    async with webhook_client() as client:
        yield Courier(transactions, rules, client, tracer or trace.get_tracer("whystream.alignment"))


class Courier:
    """Delivers until cancelled; survives outages of Postgres of any length. Slow receivers do not slow others."""

    def __init__(
        self,
        transactions: Transactions[AlignmentWork],
        rules: DeliveryRules,
        client: httpx.AsyncClient,
        tracer: Tracer,
    ) -> None:
        self._transactions = transactions
        self._rules = rules
        self._client = client
        self._tracer = tracer
        self._under_way: dict[asyncio.Task[None], Claimed] = {}

    async def run(self) -> None:
        try:
            while True:
                await self._begin(self._rules.concurrency - len(self._under_way))
                if self._under_way:
                    await asyncio.wait(self._under_way, timeout=self._rules.poll, return_when=asyncio.FIRST_COMPLETED)
                else:
                    await asyncio.sleep(self._rules.poll)
        finally:
            await self._drain()

    async def _begin(self, count: int) -> None:
        if count <= 0:
            return

        async def claim() -> list[Claimed]:
            async with self._transactions.begin(_ALL_WORKSPACES) as work:
                return await (await work.deliveries()).claim(count, self._rules)

        for claimed in await _patiently(claim):
            task = asyncio.create_task(self._deliver(claimed))
            self._under_way[task] = claimed
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        claimed = self._under_way.pop(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:  # its lease brings it back
            log.error("delivery not settled", delivery_id=str(claimed.id), exc_info=error)

    async def _deliver(self, claimed: Claimed) -> None:
        until = time.monotonic() + self._rules.lease
        envelope = parse(claimed.envelope)
        span = self._start_span(claimed, envelope)
        carrier = carrier_of(span) if span else claimed.trace
        try:
            answer = await self._post(claimed, envelope, carrier)
            _describe(span, answer)
        finally:
            if span:
                span.end()

        ended = Ended(answer, carrier, random.random())

        async def settle() -> None:
            async with self._transactions.begin(claimed.workspace) as work:
                await settle_delivery(claimed, ended, self._rules, work)

        await _patiently(settle, until)
        log.info(
            "told" if answer.told else "not told",
            delivery_id=str(claimed.id),
            event_id=envelope.id,
            attempt=claimed.attempts,
            answer=answer.status or answer.error,
        )

    async def _post(self, claimed: Claimed, envelope: Envelope, carrier: TraceCarrier) -> Answer:
        letter = Letter(claimed.url, claimed.secret, envelope.id, claimed.envelope, carrier.headers())
        started = time.perf_counter()
        answer = await post_webhook(self._client, letter, timeout=self._rules.timeout)
        about = {"event": name_of(envelope.type), "told": answer.told}
        _attempts.add(1, about)
        _seconds.record(time.perf_counter() - started, about)
        return answer

    def _start_span(self, claimed: Claimed, envelope: Envelope) -> Span | None:
        """A span in the trace that brought the event, or linked to it if that is too long ago; None if unsampled."""
        creation = claimed.trace.span_context()
        if creation is None or not creation.trace_flags.sampled:
            return None
        parent, links = otel_context.Context(), []
        if datetime.now(UTC) - envelope.time > TRACE_HORIZON:
            links = [Link(creation)]
        else:
            parent = trace.set_span_in_context(trace.NonRecordingSpan(creation), parent)
        url = httpx.URL(claimed.url)
        about: dict[str, str | int] = {
            "http.request.method": "POST",
            "server.address": url.host,
            "server.port": url.port or (443 if url.scheme == "https" else 80),
            "messaging.message.id": envelope.id,
        }
        if claimed.attempts > 1:
            about["http.request.resend_count"] = claimed.attempts - 1
        return self._tracer.start_span(
            "deliver webhook", context=parent, kind=SpanKind.CLIENT, links=links, attributes=about
        )

    async def _drain(self) -> None:
        """Let what is under way end if that takes a moment only; give the rest back to whoever comes next."""
        if not self._under_way:
            return
        left = dict(self._under_way)
        _, pending = await asyncio.wait(left, timeout=_DRAIN_SECONDS)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for task in pending:
            async with self._transactions.begin(left[task].workspace) as work:
                await (await work.deliveries()).release(left[task])


async def _patiently(step: Callable[[], Awaitable[T]], until: float | None = None) -> T:
    """The result of `step`, tried again while Postgres is away (until a moment of the monotonic clock, if given)."""
    pause = 0.1
    while True:
        try:
            return await step()
        except Exception as error:
            if not is_transient(error) or (until is not None and time.monotonic() + pause > until):
                raise
            log.warning("store unavailable, trying again", error=repr(error), pause=pause)
        await asyncio.sleep(pause)
        pause = min(pause * 2, 10.0)


def _describe(span: Span | None, answer: Answer) -> None:
    if span is None:
        return
    if answer.status is not None:
        span.set_attribute("http.response.status_code", answer.status)
    if not answer.told:
        kind = str(answer.status) if answer.status else "no_answer"
        span.set_attribute("error.type", kind)
        span.set_status(Status(StatusCode.ERROR, kind))
