"""A command finds the installation that it is about, and says what is missing."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.embedded.home import Home
from libs.command.doctor import Finding, look_at_home, look_at_machine, look_at_running
from libs.command.errors import KeyMissing, NotInstalled, UsageWrong
from libs.command.installation import address, holder, installation
from libs.command.republish import moment_of

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home", 18_080)


def started_once(home: Home) -> Home:
    home.prepare()
    services = {"triage": 20_013}
    home.ports_file.write_text(
        json.dumps({"postgres": 20_010, "nats": 20_011, "nats_monitor": 20_012, "services": services})
    )
    passwords = {"nats": {"admin": "n"}, "postgres": {"triage": "p"}, "admin_key": "ws_default_k"}
    home.credentials_file.write_text(json.dumps(passwords))
    home.credentials_file.chmod(0o600)
    return home


def test_who_runs_a_home_is_known_while_it_lives_and_only_then(home: Home) -> None:
    assert holder(home) is None
    with home.lock():
        found = holder(home)
        assert found is not None
        assert (found.pid, found.url) == (os.getpid(), home.url)
    assert holder(home) is None


def test_the_name_that_a_killed_supervisor_left_is_nobody(home: Home) -> None:
    home.prepare()
    home.lock_file.write_text(json.dumps({"pid": os.getpid(), "url": home.url}))
    assert holder(home) is None


def test_the_addresses_of_an_installation(home: Home) -> None:
    with pytest.raises(NotInstalled, match="start one with `whystream up`"):
        installation(home)
    found = installation(started_once(home))
    assert found.nats_url() == "nats://admin:n@127.0.0.1:20011"
    assert found.database_url("triage") == "postgresql://triage:p@127.0.0.1:20010/whystream"
    assert found.services == {"triage": "http://127.0.0.1:20013"}


def test_what_is_given_goes_before_what_the_home_knows(home: Home) -> None:
    with pytest.raises(KeyMissing):
        address(home, None, None)
    assert address(home, "http://there", "ws_x_y") == ("http://there", "ws_x_y")
    assert address(started_once(home), None, None) == (home.url, "ws_default_k")


def test_the_doctor_sees_what_others_may_read(home: Home) -> None:
    assert [finding.state for finding in look_at_home(home.folder)] == ["note"]
    started_once(home)
    assert [finding.state for finding in look_at_home(home.folder)] == ["good"]
    home.credentials_file.chmod(0o644)
    (bad,) = look_at_home(home.folder)
    advice = f"chmod 600 {home.credentials_file}"
    assert bad == Finding("bad", f"{home.credentials_file} is open to other users (mode 644)", advice)


async def test_the_doctor_is_content_with_this_machine_and_says_that_nothing_runs(home: Home) -> None:
    assert [finding for finding in look_at_machine(started_once(home)) if finding.state == "bad"] == []
    assert Finding("note", "not running", "start it with `whystream up`") in await look_at_running(home)


async def test_the_doctor_names_services_that_do_not_answer(home: Home) -> None:
    with started_once(home).lock():
        found = await look_at_running(home)
    assert any(finding.state == "bad" and finding.what.startswith("triage does not answer") for finding in found)
    assert all(finding.advice for finding in found if finding.state == "bad")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30m", NOW - timedelta(minutes=30)),
        ("2h", NOW - timedelta(hours=2)),
        ("5d", NOW - timedelta(days=5)),
        ("2026-11-22T08:00Z", NOW.replace(hour=8)),
        ("2026-11-22", NOW.replace(hour=0)),
        ("2026-11-22T10:00+02:00", NOW.replace(hour=8)),
    ],
)
def test_since(text: str, moment: datetime) -> None:
    assert moment_of(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "2 h", "-2h", "999999w", "2027-01-01", "2h30m"])
def test_since_when_is_refused_with_what_to_say_instead(text: str) -> None:
    with pytest.raises(UsageWrong, match=r"say 30m, 2h, 5d|lies in the future"):
        moment_of(text, NOW)
