"""Who may be told, about what, and where a webhook may point."""

import ipaddress
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alignment.domain.deliveries import Answer, DeliveryRules, GiveUp, Retry, judge
from services.alignment.domain.subject import Subject
from services.alignment.domain.subscriptions import (
    NAMES,
    AddressRefused,
    Wanted,
    check_address,
    checked_url,
    names_matching,
)
from services.alignment.tests.receivers import Reply, receiving
from services.alignment.tests.stories import subscribed
from services.alignment.webhook import Letter, post_webhook, webhook_client
from tests.support.driven import Driven

HOOK: dict[str, Any] = {
    "name": "x",
    "channel": "webhook",
    "url": "https://a.example/hook",
    "filter": {"types": ["decision.made"]},
}


async def test_the_secret_is_shown_once(alignment: Driven) -> None:
    made = await subscribed(alignment, "https://receiver.example/hook", "decision.*", "problem.opened")
    assert made["secret"].startswith("whsec_")
    shown = await alignment.http.get(f"/v1/subscriptions/{made['id']}")
    listed = await alignment.http.get("/v1/subscriptions")
    assert made["secret"] not in shown.text + listed.text
    assert shown.json() == {key: value for key, value in made.items() if key != "secret"}
    assert shown.json()["filter"]["types"] == ["decision.*", "problem.opened"]
    assert [item["id"] for item in listed.json()["items"]] == [made["id"]]


@pytest.mark.parametrize(
    "changes",
    [
        {"url": None},
        {"channel": "feed"},
        {"channel": "mail"},
        {"name": " "},
        {"filter": {"types": []}},
        {"filter": {"types": ["feedback.received"]}},
        {"filter": {"types": ["nonsense.*"]}},
        {"filter": {"types": ["decision.made"], "colour": 1}},
        {"filter": {"types": ["decision.made"], "problem_ids": ["7"]}},
        {"url": "ftp://a.example/"},
        {"url": "https://"},
        {"url": "https://user:secret@a.example/"},
        {"url": "https://@a.example/"},
        {"url": "https://a.example:99999/"},
        {"url": "https://a.example/#part"},
        {"url": "https://a.example/a b"},
        {"url": "http://169.254.169.254/latest/meta-data"},
        {"url": "http://[fe80::1]/"},
        {"url": "http://[::ffff:169.254.169.254]/"},
        {"url": "http://[fd00:ec2::254]/"},
        {"url": "https://a.example/\x00"},
        {"url": "https://a.example/" + "x" * 2_000},
    ],
)
async def test_a_bad_subscription_is_refused(alignment: Driven, changes: dict[str, Any]) -> None:
    answer = await alignment.http.post("/v1/subscriptions", json={**HOOK, **changes})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["errors"]
    assert (await alignment.http.get("/v1/subscriptions")).json()["items"] == []


async def test_a_feed_has_no_receiver_to_test(alignment: Driven) -> None:
    feed = {"name": "x", "channel": "feed", "filter": {"types": ["*"]}}
    made = (await alignment.http.post("/v1/subscriptions", json=feed)).json()
    assert (await alignment.http.post(f"/v1/subscriptions/{made['id']}/test")).status_code == 409


@pytest.mark.parametrize("host", ["169.254.1.1", "2852039166", "0xa9fea9fe", "[::ffff:a9fe:a9fe]"])
async def test_no_spelling_of_a_refused_address_is_connected_to(host: str) -> None:
    letter = Letter(f"http://{host}/", "whsec_c2VjcmV0", str(uuid4()), b"{}")
    async with webhook_client() as client:
        answer = await post_webhook(client, letter, timeout=5)
    assert answer.status is None
    assert "link-local" in answer.error


async def test_a_name_is_looked_up_and_sent_as_host_and_a_dead_address_gives_way_to_the_next() -> None:
    async with receiving() as receiver, webhook_client() as client:
        receiver.reply = Reply(204)
        port = receiver.url.split(":")[2].partition("/")[0]
        letter = Letter(f"http://localhost:{port}/x?y=1", "whsec_c2VjcmV0", str(uuid4()), b"{}")
        answer = await post_webhook(client, letter, timeout=5)
    assert answer.told
    assert (receiver.got[0].path, receiver.got[0].headers["host"]) == ("/x?y=1", f"localhost:{port}")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://no-such-host.invalid/", "https://127.0.0.1:1/"])
async def test_an_unreachable_receiver_is_an_answer_not_an_error(url: str) -> None:
    async with webhook_client() as client:
        answer = await post_webhook(client, Letter(url, "whsec_c2VjcmV0", "1", b"{}"), timeout=5)
    assert answer.status is None
    assert answer.error
    assert answer.describe()


async def test_what_is_not_http_is_an_answer_too() -> None:
    async with receiving() as receiver, webhook_client() as client:
        receiver.reply = Reply(99)
        letter = Letter(receiver.url, "whsec_c2VjcmV0", "1", b"{}")
        answer = await post_webhook(client, letter, timeout=5)
    assert not answer.told


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.0.0.7", "192.168.1.1", "::1", "fd12::1", "93.184.216.34", "a.example"]
)
def test_loopback_and_private_addresses_are_allowed(host: str) -> None:
    check_address(host)
    assert checked_url(f"http://[{host}]/" if ":" in host else f"http://{host}/")


@given(st.ip_addresses(network="169.254.0.0/16") | st.ip_addresses(network="fe80::/10"))
def test_every_link_local_address_is_refused(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    with pytest.raises(AddressRefused):
        check_address(str(address))
    mapped = f"::ffff:{address}" if address.version == 4 else str(address)
    with pytest.raises(AddressRefused):
        checked_url(f"http://[{mapped}]/")


@given(st.text(max_size=60))
def test_a_url_is_either_kept_as_it_is_or_refused(text: str) -> None:
    for url in (text, f"http://{text}", f"https://a.example/{text}"):
        with suppress(AddressRefused):
            assert checked_url(url) == url


def test_patterns_name_events() -> None:
    assert names_matching(["*"]) == set(NAMES)
    assert names_matching(["decision.*"]) == {"decision.proposed", "decision.made", "decision.reviewed"}
    assert names_matching(["decision.made", "loop.closed"]) == {"decision.made", "loop.closed"}


@given(
    st.booleans(),
    st.sets(st.integers(0, 3)),
    st.sets(st.integers(0, 3)),
    st.sets(st.integers(0, 3)),
    st.none() | st.integers(0, 3),
)
def test_ids_narrow_a_filter_and_either_kind_suffices(
    named: bool, problems: set[int], decisions: set[int], about: set[int], decision: int | None
) -> None:
    ids = [uuid4() for _ in range(4)]
    wanted = Wanted(
        frozenset({"decision.made"} if named else ()),
        frozenset(ids[number] for number in problems),
        frozenset(ids[number] for number in decisions),
    )
    subject = Subject(None if decision is None else ids[decision], tuple(ids[number] for number in about))
    expected = named and (not (problems or decisions) or decision in decisions or bool(problems & about))
    assert wanted.lets_through("decision.made", subject) == expected


@given(st.integers(100, 599) | st.none(), st.integers(1, 20), st.floats(0, 1))
def test_every_answer_leads_somewhere_and_pauses_grow(status: int | None, attempts: int, chance: float) -> None:
    rules, answer = DeliveryRules(), Answer(status, "x" * 2_000, "refused")
    verdict = judge(answer, attempts, rules, chance)
    assert 1 <= len(answer.describe()) <= 500
    assert (verdict is None) == (status is not None and 200 <= status < 300)
    if isinstance(verdict, Retry):
        assert timedelta(seconds=rules.schedule[attempts - 1]) <= verdict.pause
        assert attempts == len(rules.schedule) or verdict.pause < timedelta(seconds=rules.schedule[attempts])
    elif isinstance(verdict, GiveUp):
        assert verdict.gone == (status == 410)
        assert verdict.gone or attempts > len(rules.schedule)
