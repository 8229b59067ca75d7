"""What happens to delivered messages: decoded, deduplicated, handled and committed in one transaction, or set aside.

Everything here is independent of how messages arrive; `consumer.py` feeds it from NATS, tests feed it directly.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid5

import asyncpg
import sqlalchemy.exc
import structlog
from opentelemetry.trace import Span

from contracts.envelope import Envelope, EnvelopeInvalid, parse, read
from libs.messaging import inbox, metrics
from libs.messaging.dead_letters import (
    CRASHED,
    FAILED,
    UNREADABLE,
    DeadLetter,
    open_dead_letter,
    storable,
    without_nats,
)
from libs.messaging.delivered import Delivered
from libs.messaging.handlers import Handlers
from libs.messaging.tracing import batch_span, carrier_from, carrier_of, fail, start_process_span
from libs.messaging.work import Message, Transactions, Work, driver_connection

log = structlog.get_logger("processor")
W = TypeVar("W", bound=Work)

_LETTERS = UUID("3b1e6a5c-9c1f-4f8e-8e64-4d0f2c1e7a90")
_FIRST_RETRY_GROUP = 64


class StoreUnavailable(Exception):
    """Postgres cannot be reached or asked us to try again; no message is to blame, and none was counted as tried."""


@dataclass(frozen=True, slots=True)
class Again:
    """The message must be delivered again, after `delay` seconds."""

    delay: float


@dataclass(frozen=True, slots=True)
class _Delivery:
    raw: Delivered
    message: Message[Any]
    key: UUID


def _delivery(raw: Delivered, message: Message[Any]) -> _Delivery:
    return _Delivery(raw, message, message.envelope.key)


Decode = Callable[[Delivered], Message[Any]]


def decode_event(raw: Delivered) -> Message[Any]:
    """The catalogue event in a message; raises EnvelopeInvalid, also when it came on another event's subject."""
    envelope = parse(raw.body)
    if envelope.nats_subject != raw.subject:
        raise EnvelopeInvalid(f"an event of type and workspace '{envelope.nats_subject}' came on '{raw.subject}'")
    return Message(read(envelope), envelope, carrier_from(raw.headers))


class Processor(Generic[W]):
    """Handles batches for one service: every effect once, and one bad message never stops its neighbours.

    `max_attempts` tries, then a dead letter. `retry_delay(n)` is the pause in seconds after the n-th failed try.
    """

    def __init__(
        self,
        transactions: Transactions[W],
        handlers: Handlers,
        *,
        decode: Decode = decode_event,
        max_attempts: int = 5,
        retry_delay: Callable[[int], float] = lambda attempt: min(2.0**attempt, 60.0),
    ) -> None:
        self._transactions = transactions
        self._service = transactions.service
        self._handlers = handlers
        self._decode = decode
        self._max_attempts = max_attempts
        self._retry_delay = retry_delay

    async def process(self, batch: Sequence[Delivered], stream: str) -> list[Again | None]:
        """Handle `batch`; per message None (done: acknowledge it) or Again.

        Raises StoreUnavailable; processing the same batch again is then safe, and the thing to do.

        Fresh messages share one transaction. If that fails it is halved until the culprit stands alone. A message that
        was delivered before is suspected of having killed the process, so its try is counted before it begins, in
        groups that shrink with the number of tries (64, 8, 1), the least suspected first.
        """
        outcomes: dict[int, Again | None] = {}
        try:
            with (
                batch_span(stream, self._service, len(batch)) as span,
                metrics.timed(metrics.handling, service=self._service),
            ):
                fresh, suspects = await self._sort(batch, outcomes)
                await self._handle(fresh, outcomes, span)
                for group in await self._suspect_groups(suspects, outcomes):
                    await self._mark(group)
                    await self._handle(group, outcomes, span)
        except Exception as error:
            if is_transient(error):
                raise StoreUnavailable(repr(error)) from error
            raise
        return [outcomes[id(raw)] for raw in batch]

    async def replay(self, raw: Delivered) -> None:
        """Handle one dead letter again, once more exactly once; raises what the handler raises."""
        await self._commit([_delivery(raw, self._decode(raw))], None)

    async def _sort(
        self, batch: Sequence[Delivered], outcomes: dict[int, Again | None]
    ) -> tuple[list[_Delivery], list[_Delivery]]:
        fresh, suspects = [], []
        for raw in batch:
            try:
                delivery = _delivery(raw, self._decode(raw))
            except Exception as error:  # a decoder that fails in a way of its own must not stop the neighbours either
                found = str(error) if isinstance(error, EnvelopeInvalid) else _describe(error)
                await self._set_aside(_letter(raw, UNREADABLE, found, 1), _letter_key(raw))
                outcomes[id(raw)] = None
                continue
            (fresh if raw.deliveries == 1 else suspects).append(delivery)
        return fresh, suspects

    async def _suspect_groups(
        self, suspects: Sequence[_Delivery], outcomes: dict[int, Again | None]
    ) -> list[list[_Delivery]]:
        if not suspects:
            return []
        async with self._transactions.engine.connect() as connection:
            tried = await inbox.attempts_of(await driver_connection(connection), [item.key for item in suspects])
        groups: list[list[_Delivery]] = []
        by_tries: dict[int, list[_Delivery]] = {}
        for item in suspects:
            by_tries.setdefault(tried.get(item.key, (0, ""))[0], []).append(item)
        for attempts, found in sorted(by_tries.items()):
            if attempts >= self._max_attempts:
                for item in found:
                    await self._give_up(item, tried[item.key][1], attempts)
                    outcomes[id(item.raw)] = None
                continue
            size = max(1, _FIRST_RETRY_GROUP >> (3 * attempts))
            groups += [found[start : start + size] for start in range(0, len(found), size)]
        return groups

    async def _mark(self, group: Sequence[_Delivery]) -> None:
        async with self._transactions.engine.begin() as connection:
            await inbox.mark_attempt(await driver_connection(connection), [item.key for item in group])

    async def _handle(self, batch: Sequence[_Delivery], outcomes: dict[int, Again | None], span: Span) -> None:
        if not batch:
            return
        try:
            await self._commit(batch, span)
        except Exception as error:
            if is_transient(error):
                raise
            if len(batch) == 1:
                outcomes[id(batch[0].raw)] = await self._failed(batch[0], error)
                return
            middle = len(batch) // 2
            await self._handle(batch[:middle], outcomes, span)
            await self._handle(batch[middle:], outcomes, span)
            return
        outcomes |= {id(item.raw): None for item in batch}

    async def _commit(self, batch: Sequence[_Delivery], batch_span_: Span | None) -> None:
        """One transaction: inbox, effects, outbox. Duplicates within the batch and of the past have no effect."""
        keys = {item.key: item for item in batch}
        async with self._transactions.begin(batch[0].message.envelope.workspace) as work:
            driver = await work.driver()
            new = await inbox.claim(driver, list(keys))
            messages = [item.message for key, item in keys.items() if key in new]
            with ExitStack() as spans:
                traced = [self._traced(message, batch_span_, spans) for message in messages]
                await self._handlers.apply(traced, work)
            if any(item.raw.deliveries > 1 for item in batch):
                await inbox.forget_attempts(driver, list(keys))
        self._count([message.envelope for message in messages], duplicates=len(batch) - len(messages))

    def _count(self, handled: Sequence[Envelope], duplicates: int) -> None:
        about = {"service": self._service}
        if duplicates:
            metrics.duplicates.add(duplicates, about)
        for type_, count in Counter(envelope.type for envelope in handled).items():
            metrics.handled.add(count, {**about, "type": type_})
        if handled:
            oldest = min(envelope.time for envelope in handled)
            metrics.delay.record(max(0.0, (datetime.now(UTC) - oldest).total_seconds()), about)

    def _traced(self, message: Message[Any], batch: Span | None, spans: ExitStack) -> Message[Any]:
        """The message with a `process` span of its own, if it is sampled; what it causes continues from that span."""
        if batch is None or not message.trace.sampled:
            return message
        span = start_process_span(
            message.trace,
            type_=message.envelope.type,
            event_id=message.envelope.id,
            created_at=message.envelope.time,
            now=datetime.now(UTC),
            consumer=self._service,
            batch=batch,
        )
        if span is None:
            return message

        def end(_: object, error: BaseException | None, __: object) -> bool:
            if error is not None:
                fail(span, error)
            span.end()
            return False

        spans.push(end)
        return replace(message, trace=carrier_of(span), span=span)

    async def _failed(self, item: _Delivery, error: Exception) -> Again | None:
        if item.raw.deliveries == 1:
            await self._mark([item])
        async with self._transactions.engine.begin() as connection:
            driver = await driver_connection(connection)
            await inbox.note_error(driver, item.key, storable(_describe(error)))
            attempts = (await inbox.attempts_of(driver, [item.key]))[item.key][0]
        log.warning(
            "handling failed",
            service=self._service,
            type=item.message.envelope.type,
            event_id=item.message.envelope.id,
            attempt=attempts,
            exc_info=error,
        )
        if attempts >= self._max_attempts:
            await self._give_up(item, _describe(error), attempts)
            return None
        metrics.retried.add(1, {"service": self._service})
        return Again(self._retry_delay(attempts))

    async def _give_up(self, item: _Delivery, error: str, attempts: int) -> None:
        reason = FAILED if error else CRASHED
        error = error or f"the process died {attempts} times while handling this event"
        letter = _letter(item.raw, reason, error, attempts, item.message.envelope.workspace)
        await self._set_aside(letter, item.key)

    async def _set_aside(self, letter: DeadLetter, key: UUID) -> None:
        async with self._transactions.engine.begin() as connection:
            await open_dead_letter(await driver_connection(connection), letter, self._service, key)
        log.error(
            "dead letter", service=self._service, subject=letter.subject, reason=letter.reason, error=letter.error
        )


def is_transient(error: BaseException) -> bool:
    """Whether the database is the cause, not the message: connection lost, deadlock, out of resources."""
    if isinstance(error, sqlalchemy.exc.DBAPIError):
        original = getattr(error.orig, "__cause__", None) or error.orig
        return error.connection_invalidated or (original is not None and is_transient(original))
    if isinstance(error, asyncpg.PostgresError):
        state = getattr(error, "sqlstate", None) or ""
        return state[:2] in ("08", "40", "53") or state in ("57P01", "57P02", "57P03")
    if isinstance(error, asyncpg.InterfaceError):
        return "connection" in str(error)  # the driver says wrong arguments with the same class
    return isinstance(error, ConnectionError | sqlalchemy.exc.TimeoutError)


def _describe(error: BaseException) -> str:
    return f"{type(error).__qualname__}: {error}"[:2_000]


def _letter(raw: Delivered, reason: str, error: str, attempts: int, workspace: str = "") -> DeadLetter:
    return DeadLetter(
        stream=raw.stream,
        stream_sequence=raw.stream_sequence,
        subject=raw.subject,
        reason=reason,
        error=error,
        body=raw.body,
        headers=without_nats(raw.headers),
        attempts=attempts,
        workspace=workspace or raw.subject.rpartition(".")[2],
    )


def _letter_key(raw: Delivered) -> UUID:
    """Identifies a message that has no readable id, so that a redelivery does not open a second letter."""
    return uuid5(_LETTERS, f"{raw.stream}/{raw.stream_sequence}/{raw.stored_at.isoformat()}")
