"""Carrying a trace from the customer's click to the delivered notification, through rows and messages.

The names and attributes follow OpenTelemetry's semantic conventions for messaging. A `process` span is a child of the
context in which its event was created, so that words → triage → notification reads as one trace. A cause older than
`TRACE_HORIZON` gets a new trace with a link instead: traces must not span weeks; lineage does that.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

TRACE_HORIZON = timedelta(minutes=15)
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_TRACESTATE = re.compile(r"[ -~]{1,512}")
_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("whystream.messaging")


@dataclass(frozen=True, slots=True)
class TraceCarrier:
    """The W3C trace headers of the context in which an event was, or will be, created; None outside any trace."""

    traceparent: str | None = None
    tracestate: str | None = None

    @property
    def sampled(self) -> bool:
        # Bit 0 of the flags; a root of our own also carries the random-trace-id bit (W3C Trace Context level 2).
        return self.traceparent is not None and self.traceparent[-1:] in "13579bdf"

    def headers(self) -> dict[str, str]:
        found = {"traceparent": self.traceparent, "tracestate": self.tracestate}
        return {name: value for name, value in found.items() if value}

    def span_context(self) -> SpanContext | None:
        context = trace.get_current_span(_propagator.extract(self.headers())).get_span_context()
        return context if context.is_valid else None


def current_carrier() -> TraceCarrier:
    """The carrier of the span that is active now."""
    return carrier_of(trace.get_current_span())


def carrier_of(span: Span) -> TraceCarrier:
    found: dict[str, str] = {}
    _propagator.inject(found, trace.set_span_in_context(span, otel_context.Context()))
    return carrier_from(found)


def carrier_from(headers: Mapping[str, str] | None) -> TraceCarrier:
    """The carrier in these headers, which anybody may have written; what is no trace context is left out."""
    headers = headers or {}
    parent, state = headers.get("traceparent") or "", headers.get("tracestate") or ""
    if not _TRACEPARENT.fullmatch(parent):
        return TraceCarrier()
    return TraceCarrier(parent, state if _TRACESTATE.fullmatch(state) else None)


def attributes(operation: str, destination: str, **more: str | int) -> dict[str, str | int]:
    """Messaging attributes shared by every span; `operation` is send, receive or process."""
    return {
        "messaging.system": "nats",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": destination,
        **more,
    }


@contextmanager
def batch_span(stream: str, consumer: str, count: int) -> Iterator[Span]:
    """The span that holds the work of one fetch."""
    about = attributes("receive", stream, **{"messaging.batch.message_count": count})
    about["messaging.consumer.group.name"] = consumer
    with _tracer.start_as_current_span(
        f"receive {stream}", context=otel_context.Context(), kind=SpanKind.CONSUMER, attributes=about
    ) as span:
        yield span


@contextmanager
def job_span(name: str) -> Iterator[Span]:
    """The root of what a background job says: its events have no message or request that they could continue."""
    with _tracer.start_as_current_span(name, context=otel_context.Context(), record_exception=False) as span:
        yield span


def start_process_span(
    cause: TraceCarrier, *, type_: str, event_id: str, created_at: datetime, now: datetime, consumer: str, batch: Span
) -> Span | None:
    """A `process` span for one sampled event, linked to the batch that holds it; None for an unsampled event."""
    if not cause.sampled:
        return None
    creation = cause.span_context()
    if creation is None:
        return None
    links = [Link(batch.get_span_context())] if batch.get_span_context().is_valid else []
    parent = otel_context.Context()
    if now - created_at > TRACE_HORIZON:
        links.append(Link(creation))
    else:
        parent = trace.set_span_in_context(trace.NonRecordingSpan(creation), parent)
    about = attributes("process", type_, **{"messaging.message.id": event_id})
    about["messaging.consumer.group.name"] = consumer
    return _tracer.start_span(f"process {type_}", context=parent, kind=SpanKind.CONSUMER, links=links, attributes=about)


def record_send_span(carrier: TraceCarrier, *, type_: str, event_id: str, recorded_at: datetime, now: datetime) -> None:
    """A `send` span from the row's commit to the stream's acknowledgement, so that time spent in the outbox shows."""
    creation = carrier.span_context() if carrier.sampled else None
    if creation is None or now - recorded_at > TRACE_HORIZON:
        return
    parent = trace.set_span_in_context(trace.NonRecordingSpan(creation), otel_context.Context())
    span = _tracer.start_span(
        f"send {type_}",
        context=parent,
        kind=SpanKind.PRODUCER,
        start_time=_nanoseconds(recorded_at),
        attributes=attributes("send", type_, **{"messaging.message.id": event_id}),
    )
    span.end(_nanoseconds(now))


def fail(span: Span | None, error: BaseException) -> None:
    """Mark a span as failed with the error's name, never its text (which may hold a customer's words)."""
    if span is not None:
        span.set_status(Status(StatusCode.ERROR, type(error).__name__))
        span.set_attribute("error.type", type(error).__qualname__)


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000_000)
