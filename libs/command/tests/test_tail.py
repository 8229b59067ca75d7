"""A line for each event: the asked-for ones, with their most telling words, and safe for a terminal."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from contracts.alignment import Position, PositionTaken
from contracts.envelope import wrap
from contracts.feedback import FeedbackReceived
from contracts.problems import ProblemGrew
from libs.command.errors import UsageWrong
from libs.command.tail import line_of, pattern_of, readable, safe, wanted

ID = UUID("01890000-0000-7000-8000-0000000abcde")
AT = datetime(2026, 11, 22, 9, 5, 7, tzinfo=UTC)


def test_a_line_says_when_what_where_and_the_telling_words() -> None:
    grew = ProblemGrew(problem_id=ID, feedback_id=ID, reports=12, customers=9, statement="Clients cannot reschedule")
    line = line_of(wrap(grew, service="triage", workspace="acme", at=AT), UTC).plain
    assert (
        line
        == "09:05:07 problem.grew             acme problem/…0abcde 12 reports, 9 customers: Clients cannot reschedule"
    )
    taken = PositionTaken(decision_id=ID, position=Position(stakeholder="Ines", position="concern", comment="too late"))
    assert line_of(wrap(taken, service="alignment", workspace="acme", at=AT)).plain.endswith("Ines: concern too late")


def test_words_cannot_steer_the_terminal() -> None:
    assert safe("a\x1b[31mred\u202eback\nnext\x07") == "a [31mred back next "
    assert len(safe("x" * 1_000)) == 110


def test_only_what_was_asked_for_is_shown() -> None:
    said = FeedbackReceived(feedback_id=ID, text="hi", source="s", received_at=AT, occurred_at=AT)
    envelope = wrap(said, service="intake", workspace="acme", at=AT)
    subject, body = envelope.nats_subject, envelope.to_bytes()
    assert readable(subject, body, [], "*") is not None
    assert readable(subject, body, [], "other") is None
    assert readable(subject, body, ["whystream.decision.*.v*"], "*") is None
    broken = readable(subject, b"{", [], "*")
    assert broken is not None
    assert broken.plain.startswith("whystream.feedback.received.v1.acme: ")


def test_observations_are_shown_only_when_asked_for() -> None:
    assert not wanted("whystream.observation.exposed.v1", [])
    assert wanted("whystream.observation.exposed.v1", [pattern_of("observation.*")])


@pytest.mark.parametrize(
    ("asked", "pattern"),
    [
        ("decision.made", "whystream.decision.made.v*"),
        ("decision.*", "whystream.decision.*.v*"),
        ("whystream.decision.made.v1", "whystream.decision.made.v1"),
    ],
)
def test_patterns(asked: str, pattern: str) -> None:
    assert pattern_of(asked) == pattern


def test_an_unknown_type_lists_the_known_ones() -> None:
    with pytest.raises(UsageWrong, match=r"no event is called 'decision\.taken'; known are feedback\.received"):
        pattern_of("decision.taken")
