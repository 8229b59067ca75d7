"""One trace from the customer's click to the delivered notification, seen by a real OTLP receiver.

For every owner→consumer edge of the catalogue that the story exercises there must be a span in the consumer whose
parent is a span of the owner.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import pytest

from contracts.catalog import CATALOG
from deploy.embedded.home import temporary_home
from tests.flow.otlp import Received, Span, otlp_receiver
from tests.support.up import Up, running_up, until

SERVER, CLIENT, CONSUMER = 2, 3, 5

Told = tuple[Received, list[dict[str, str]]]

# What one run of the story does not say: erasure has no route yet, exhaustion takes days of retries, and a surge weeks.
NOT_TOLD = {"whystream.feedback.erased.v1", "whystream.notification.exhausted.v1", "whystream.problem.surged.v1"}
EDGES = {
    (entry.type, entry.owner, consumer)
    for entry in CATALOG
    if entry.type not in NOT_TOLD
    for consumer in entry.consumers
}

READOUT_CHANGED = "whystream.readout.changed.v1"  # told by a job, and only while the experiment runs

WORDS = [
    "Reminders arrive an hour late since the clocks changed",
    "The reminder came an hour late again, the clocks changed",
    "Since the clocks changed every reminder arrives one hour late",
    "Reminder an hour late, clocks changed last week",
    "My reminders arrive one hour late after the clocks changed",
    "Late reminders: one hour, since the clocks changed",
    "Export of invoices to the accountant loses the tax column",
    "The invoices export for my accountant has no tax column",
    "The tax column is missing in the invoices export",
    "Invoices export: no tax column, my accountant complains",
    "My accountant needs the tax column in the invoices export",
]

# A problem that stays open and unanswered, so that its gaps are told.
LEFT_OPEN = [
    f"Calendar sync double-booked the room {when}" for when in ("today", "again", "twice", "on Monday", "at noon", "")
]


@contextmanager
def web_receiver() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Where notifications go: the headers of every request that came."""
    told: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            told.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", told
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    """The story, told once on the whole platform, with everything traced."""
    with temporary_home() as home, otlp_receiver() as (address, received), web_receiver() as (hook, heard):
        tracing = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": address,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_BSP_MAX_QUEUE_SIZE": "20000",
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        }
        with running_up(home, **tracing) as up:
            tell_the_story(up.ready(), hook, received)
            deadline = time.monotonic() + 90
            while EDGES - edges(received) and time.monotonic() < deadline:
                time.sleep(0.3)
            until(lambda: bool(heard), 30, "a notification")
            until(lambda: any(span.name == "deliver webhook" for span in spans(received)), 30, "its span")
        yield received, heard


def spans(received: Received) -> list[Span]:
    return list(received.spans.values())


def edges(received: Received) -> set[tuple[str, str, str]]:
    """(event type, the service of the parent span, the service that processed it)."""
    found = set()
    for span in spans(received):
        parent = received.parent(span)
        if span.kind == CONSUMER and span.name.startswith("process ") and parent is not None:
            found.add((span.name.removeprefix("process "), parent.service, span.service))
    return found


def must(up: Up, method: str, path: str, body: Any = None) -> Any:
    answer = up.call(method, path, json=body)
    assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json()


def tell_the_story(up: Up, hook: str, received: Received) -> None:
    types = ["problem.*", "decision.*", "experiment.*", "evidence_gap.found"]
    must(
        up, "POST", "/v1/subscriptions", {"name": "team", "channel": "webhook", "url": hook, "filter": {"types": types}}
    )
    items = [
        {"text": words, "source": "support-desk", "external_id": f"T-{n}", "customer": {"id": f"c-{n}"}}
        for n, words in enumerate(WORDS)
    ]
    must(up, "POST", "/v1/feedback", items)
    must(up, "POST", "/v1/feedback", [{"text": words, "source": "in-app"} for words in LEFT_OPEN])
    links = "http://a.example http://b.example http://c.example http://d.example"
    held = must(up, "POST", "/v1/feedback", {"text": f"{links} slow agenda", "source": "in-app"})
    must(up, "POST", f"/v1/feedback/{held['items'][0]['id']}/release")
    problems = _problems(up)
    first, second = problems["reminder"], problems["invoices"]
    quotes = must(up, "GET", f"/v1/problems/{first}/evidence")["items"]
    split = must(
        up, "POST", f"/v1/problems/{first}/split", {"feedback": [quotes[-1].get("feedback_id") or quotes[-1]["id"]]}
    )
    assert split
    must(up, "POST", f"/v1/problems/{second}/merge", {"into": first})
    must(up, "POST", f"/v1/problems/{second}/unmerge")
    brief = {"answer": "Practices lose appointments", "assumption": True, "evidence": []}
    must(up, "PUT", f"/v1/problems/{first}/brief/why", brief)
    objective = must(up, "POST", "/v1/objectives", {"name": "Fewer no-shows", "weight": 2, "problem_ids": [first]})
    experiment = _experiment(up, first, received)
    _decision(up, first, experiment, objective["id"])


def _problems(up: Up) -> dict[str, str]:
    """The ids of the problems about reminders and invoices, once all words are triaged and one stays open."""
    found: dict[str, str] = {}

    def complete() -> bool:
        for item in must(up, "GET", "/v1/problems?sort=reports")["items"]:
            for word, reports in (("reminder", 5), ("invoices", 5), ("Calendar", 5)):
                if word.lower() in item["statement"].lower() and item["reports"] >= reports:
                    found[word] = item["id"]
        return len(found) == 3

    until(complete, 60, "the problems about reminders, invoices and the calendar")
    return found


def _experiment(up: Up, problem: str, received: Received) -> str:
    option = must(
        up, "POST", f"/v1/problems/{problem}/options", {"kind": "build", "title": "Keep reminders in local time"}
    )
    assumption = must(
        up, "POST", f"/v1/options/{option['id']}/assumptions",
        {"risk": "value", "statement": "Timely reminders keep appointments", "importance": 5},
    )  # fmt: skip
    metric = {"name": "kept", "kind": "conversion", "direction": "increase"}
    plan = {
        "key": f"local-time-{uuid4().hex[:6]}",
        "problem_id": problem,
        "assumption_id": assumption["id"],
        "hypothesis": "Local time keeps appointments",
        "primary_metric": metric,
        "arms": [{"name": "control", "weight": 1}, {"name": "local", "weight": 1}],
        "baseline": 0.3,
        "minimum_detectable_effect": 0.3,
    }
    experiment = must(up, "POST", "/v1/experiments", plan)
    began = datetime.now(UTC) - timedelta(hours=4)
    must(up, "POST", f"/v1/experiments/{experiment['id']}/start", {"counts_from": began.isoformat()})
    observed: list[dict[str, Any]] = []
    for number in range(400):
        variant, unit = ("control", "local")[number % 2], f"u-{number}"
        at = began + timedelta(seconds=30 * number)  # a readout reads the hours that every arm has passed
        observed.append({"experiment": plan["key"], "unit": unit, "variant": variant, "at": at.isoformat()})
        kept = number % 10 < (3 if variant == "control" else 9)
        later = (at + timedelta(seconds=1)).isoformat()
        observed.append({"unit": unit, "metric": "kept", "value": float(kept), "at": later})
    must(up, "POST", "/v1/observations", observed)
    readout = f"/v1/experiments/{experiment['id']}/readout"
    until(lambda: must(up, "GET", readout)["units"]["counted"] == 400, 60, "400 units")
    until(lambda: READOUT_CHANGED in {type for type, _, _ in edges(received)}, 90, "a told change of the readout")
    must(up, "POST", f"/v1/experiments/{experiment['id']}/stop")
    must(up, "POST", f"/v1/experiments/{experiment['id']}/conclude", {"learned": "Local time works"})
    return experiment["id"]


def _decision(up: Up, problem: str, experiment: str, objective: str) -> None:
    decision = must(
        up, "POST", "/v1/decisions",
        {
            "problem_id": problem,
            "title": "Send reminders in the client's local time",
            "choice": "Build it",
            "reason": "Six customers asked and the experiment held",
            "evidence": [{"kind": "experiment", "ref": experiment}],
            "alternatives": [{"title": "Change nothing", "why_not": "Appointments are missed"}],
            "experiment_ids": [experiment],
            "objective_ids": [objective],
        },
    )["id"]  # fmt: skip
    must(
        up,
        "POST",
        f"/v1/decisions/{decision}/positions",
        {"stakeholder": "Support", "position": "agree", "comment": ""},
    )
    review_on = (date.today() + timedelta(days=30)).isoformat()
    must(up, "POST", f"/v1/decisions/{decision}/make", {"review_on": review_on})
    review = {"outcome": "as_expected", "learned": "No-shows fell"}
    must(up, "POST", f"/v1/decisions/{decision}/review", review)


def test_every_edge_that_the_story_exercises_is_a_span_relation(told: Told) -> None:
    received, _ = told
    assert sorted(EDGES - edges(received)) == []


def test_one_trace_runs_from_the_click_to_the_delivered_webhook(told: Told) -> None:
    """POST /v1/feedback → process in triage → process in alignment → deliver webhook → the receiver."""
    received, heard = told
    wanted = ["process whystream.problem.opened.v1", "process whystream.feedback.received.v1", "POST /v1/feedback"]
    chains = []
    for span in spans(received):
        if span.name == "deliver webhook":
            above = received.ancestors(span)
            if [one.name for one in above] == wanted:
                chains.append((span, above))
    assert chains, sorted(
        {tuple(one.name for one in received.ancestors(s)) for s in spans(received) if s.kind == CLIENT}
    )
    span, above = chains[0]
    assert [one.service for one in (span, *above)] == ["alignment", "alignment", "triage", "intake"]
    assert (span.kind, above[-1].kind) == (CLIENT, SERVER)
    assert {one.trace_id for one in above} == {span.trace_id}
    assert any(span.span_id in headers.get("traceparent", "") for headers in heard)


def test_time_in_the_outbox_shows_and_names_carry_no_ids(told: Told) -> None:
    received, _ = told
    sent = [span for span in spans(received) if span.name == "send whystream.feedback.received.v1"]
    assert sent
    assert {received.spans[span.parent_id].name for span in sent} <= {
        "POST /v1/feedback",
        "POST /v1/feedback/{feedback_id}/release",
    }
    batches = {span.span_id for span in spans(received) if span.name.startswith("receive ")}
    processed = [span for span in spans(received) if span.name.startswith("process ")]
    assert all(set(span.links) & batches for span in processed)
    assert not [
        span.name
        for span in spans(received)
        if any(c.isdigit() for c in span.name.replace(".v1", "").replace("/v1", ""))
    ]


def test_metrics_leave_over_otlp_too(told: Told) -> None:
    received, _ = told
    assert ("intake", "whystream.outbox.published") in received.metrics
    assert ("triage", "whystream.consumer.handled") in received.metrics
