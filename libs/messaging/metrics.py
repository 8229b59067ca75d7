"""What operations watch about the flow. OpenTelemetry instruments: on /metrics always, over OTLP when configured."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.metrics import Histogram, get_meter

_meter = get_meter("whystream.messaging")
_SECONDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600)


def _seconds(name: str, about: str) -> Histogram:
    return _meter.create_histogram(name, unit="s", description=about, explicit_bucket_boundaries_advisory=_SECONDS)


published = _meter.create_counter("whystream.outbox.published", description="Events put into the stream")
outbox_waiting = _meter.create_gauge(
    "whystream.outbox.waiting", description="Events seen in the outbox, not in the stream"
)
outbox_lag = _seconds("whystream.outbox.lag", "From the commit to the stream's acknowledgement")
handled = _meter.create_counter("whystream.consumer.handled", description="Events whose effect was committed")
duplicates = _meter.create_counter("whystream.consumer.duplicates", description="Deliveries of events handled before")
retried = _meter.create_counter("whystream.consumer.retried", description="Deliveries that failed and come again")
dead = _meter.create_counter("whystream.consumer.dead_letters", description="Messages set aside as dead letters")
handling = _seconds("whystream.consumer.batch", "One fetch, from delivery to commit")
delay = _seconds("whystream.consumer.delay", "From an event's creation to its effect")


@contextmanager
def timed(histogram: Histogram, **attributes: str) -> Iterator[None]:
    started = time.perf_counter()
    try:
        yield
    finally:
        histogram.record(time.perf_counter() - started, attributes)
