"""Bytes that product tools publish on NATS: bad ones are dead letters with a reason, and harm nobody else."""

import json

from tests.flow.bad_input import wire
from tests.flow.bad_input.asking import workspace_of
from tests.flow.bad_input.bodies import feedback
from tests.flow.bad_input.platform import Platform
from tests.support.up import until


def test_bad_messages_on_the_ingress_are_dead_letters_and_good_neighbours_get_through(
    platform: Platform, fresh: str
) -> None:
    workspace = workspace_of(fresh)
    bad = wire.bad_messages(workspace)
    good = [json.dumps(feedback(external_id=f"N-{n}")).encode() for n in range(len(bad) + 1)]
    messages = [
        message for n, one in enumerate(bad) for message in (wire.pub(f"ingress.feedback.{workspace}", good[n]), one)
    ]
    wire.publish(platform, [*messages, wire.pub(f"ingress.feedback.{workspace}", good[-1])])
    until(lambda: platform.stored(workspace)["intake.feedback"][0] == len(good), 20, "all good neighbours")
    letters = platform.ask("GET", "/v1/services/intake/dead-letters?limit=500", fresh)["items"]
    assert len(letters) == len(bad)
    assert {(letter["reason"], letter["stream"]) for letter in letters} == {("unreadable", "INGRESS")}
    assert all(letter["error"] for letter in letters)
    for letter in letters:
        shown = platform.ask("GET", f"/v1/services/intake/dead-letters/{letter['id']}", fresh)
        assert "body" in shown
        again = platform.call("POST", f"/v1/services/intake/dead-letters/{letter['id']}/replay", key=fresh)
        platform.refused(again, 409, "conflict")


def test_bytes_that_would_silence_a_connection(platform: Platform, fresh: str) -> None:
    """Subjects and headers are bytes to NATS; what is no UTF-8 must neither stop intake nor experiments."""
    workspace = workspace_of(fresh)
    wire.publish(platform, wire.silencing_messages(workspace))
    good = json.dumps(feedback(external_id="after")).encode()
    wire.publish(platform, [wire.pub(f"ingress.feedback.{workspace}", good)])
    until(lambda: platform.stored(workspace)["intake.feedback"][0] >= 1, 20, "intake still reads")
    until(
        lambda: platform.sql("SELECT count(*) FROM experiments.dead_letter WHERE workspace = $1", workspace)[0][0] >= 3,
        30,
        "experiments still reads, and set aside what it cannot",
    )


def test_a_tools_user_publishes_nowhere_else(platform: Platform) -> None:
    subjects = [
        *(f"whystream.{noun}.v1.default" for noun in ("feedback.received", "decision.made", "problem.opened")),
        *("$JS.API.STREAM.DELETE.INTAKE", "$JS.API.STREAM.PURGE.INGRESS", "$KV.access_keys.x", "ingress.feedback.a.b"),
        *("$JS.ACK.INGRESS.intake.1.1.1.1.1", "_INBOX_intake.x", "$JS.API.CONSUMER.DELETE.INGRESS.intake"),
    ]
    refused = wire.publish(platform, [wire.pub(subject, b"{}") for subject in subjects])
    assert refused == len(subjects)
    assert wire.subscribe_refused(platform, ["ingress.>", "whystream.>", "_INBOX_intake.>", "$KV.>", ">"])
