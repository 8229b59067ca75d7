"""Input within each field's bounds that is too much together, or that would cost too much, stops at the edge."""

import time
from uuid import uuid4

import pytest

from contracts.alignment import DecisionMade
from libs.messaging.outbox import MAX_EVENT_BYTES
from services.alignment.domain.decisions import MOST_BYTES
from services.alignment.domain.subscriptions import AddressRefused, checked_url, names_matching
from services.alignment.tests.stories import proposal, proposed
from services.alignment.webhook import Letter, post_webhook, webhook_client
from tests.support.driven import Driven

WIDE = "\x01"  # one character of a field's bound, six bytes of JSON


async def test_a_proposal_that_no_event_could_carry_is_refused_whole(alignment: Driven) -> None:
    heavy = {"kind": "url", "ref": f"x{WIDE * 1_998}x", "note": WIDE * 500}
    answer = await alignment.http.post("/v1/decisions", json=proposal(evidence=[heavy] * 100))
    assert answer.status_code == 422
    assert f"is over {MOST_BYTES:,} bytes in all" in answer.json()["errors"][0]["error"]
    assert await alignment.said() == []


async def test_a_decision_with_as_much_as_may_be_said_can_still_be_made(alignment: Driven) -> None:
    """What one more stakeholder says is refused before it is too much for the event that tells of all of them."""
    heavy = {"kind": "url", "ref": f"x{WIDE * 1_998}x", "note": WIDE * 500}
    decision_id = await proposed(alignment, evidence=[heavy] * 25, choice="x" * 1_000)
    statuses = []
    for number in range(20):
        position = {"stakeholder": f"{number}", "position": "concern", "comment": f"x{WIDE * 4_998}x"}
        taken = await alignment.http.post(f"/v1/decisions/{decision_id}/positions", json=position)
        statuses.append(taken.status_code)
    assert statuses[0] == 200
    assert statuses[-1] == 413
    shorter = {"stakeholder": "0", "position": "agree"}
    assert (await alignment.http.post(f"/v1/decisions/{decision_id}/positions", json=shorter)).status_code == 200
    making = {"review_on": "2999-01-01", "answer_to_concerns": f"x{WIDE * 9_998}x"}
    answer = await alignment.http.post(f"/v1/decisions/{decision_id}/make", json=making)
    assert answer.status_code == 200, answer.text
    assert isinstance(await alignment.last_said(), DecisionMade)
    assert len((await alignment.said_envelopes())[-1].to_bytes()) <= MAX_EVENT_BYTES


@pytest.mark.parametrize("pattern", ["[" * 30_000, "*a" * 15_000, "?" * 30_000, "decision.made\n", "", "Decision.*"])
def test_a_pattern_that_is_none_matches_nothing_at_once(pattern: str) -> None:
    began = time.perf_counter()
    assert names_matching([pattern]) == frozenset()
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("host", ["a" * 64, f"{'a' * 64}.example", "a..example", ".example", "x\x7f", "a\x01b"])
def test_a_name_that_no_host_has_is_refused(host: str) -> None:
    with pytest.raises(AddressRefused):
        checked_url(f"http://{host}/hook")


@pytest.mark.parametrize(
    "url", ["http://xn--/", f"http://{'a' * 64}/", "http://\u24db/", "http://\u2025/", "http://a\u3002\u3002b/"]
)
async def test_a_name_that_cannot_be_looked_up_is_an_answer_and_no_error(url: str) -> None:
    """Of names that were taken before they were checked like this, or that only the look-up finds wrong."""
    letter = Letter(url, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", str(uuid4()), b"{}")
    async with webhook_client() as client:
        answer = await post_webhook(client, letter, timeout=5)
    assert not answer.told
    assert answer.error
