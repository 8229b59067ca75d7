"""`whystream up` as its user meets it: it becomes ready, repairs itself, and leaves nothing behind however it ends."""

import os
import signal
import subprocess
from collections.abc import Iterator

import httpx
import pytest

from contracts.catalog import SERVICES
from deploy.embedded import caddy, nats, postgres
from deploy.embedded.credentials import admin_key
from deploy.embedded.home import Home, temporary_home
from deploy.embedded.programs import postgres_programs
from tests.support.up import READY_WITHIN, STOPPED_WITHIN, Up, left_running, running_up, until

PROGRAMS = {caddy.NAME, nats.NAME, postgres.NAME, *SERVICES}
pytestmark = pytest.mark.drill


@pytest.fixture
def home() -> Iterator[Home]:
    with temporary_home() as made:
        yield made
        assert left_running(made) == []


@pytest.fixture(scope="module")
def running() -> Iterator[Up]:
    """One that runs through several tests, each of which leaves it as it was."""
    with temporary_home() as made:
        with running_up(made) as up:
            yield up.ready()
        assert left_running(made) == []


def test_it_becomes_ready_and_stops_cleanly_at_every_signal(home: Home) -> None:
    shown = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with running_up(home) as up:
            lines = up.ready().said().splitlines()
            assert any(line.startswith("started in ") and line.endswith(" s") for line in lines)
            shown += [line for line in lines if line.startswith(f"admin key {admin_key(home.credentials_file)} ")]
            assert up.pids().keys() == PROGRAMS
            assert up.call("GET", "/v1/problems").status_code == 200
            assert up.end(number) == 0
            assert up.said().endswith("stopping\nstopped\n")
            assert left_running(home) == []
        assert _database_state(home) == "shut down"
        assert home.log(nats.NAME).read_text().rstrip().endswith("Server Exiting..")
    assert len(shown) == 1


def test_after_kill_9_of_the_supervisor_the_next_start_finds_everything_in_order(home: Home) -> None:
    feedback = {"text": "Reminders arrive an hour late", "source": "support-desk", "external_id": "kept-1"}
    with running_up(home) as up:
        up.ready()
        assert up.call("POST", "/v1/feedback", json=feedback).status_code == 202
        before = up.pids()
        assert up.end(signal.SIGKILL) == -signal.SIGKILL
    with running_up(home) as again:
        again.ready()
        assert not set(before.values()) & set(again.pids().values())
        assert {process.pid for process in left_running(home)} & set(before.values()) == set()
        answer = again.call("POST", "/v1/feedback", json=feedback)
        assert "duplicate" in answer.text
        assert again.end(signal.SIGTERM) == 0
    assert _database_state(home) == "shut down"


def test_even_children_that_were_killed_with_it_do_not_keep_it_from_starting(home: Home) -> None:
    with running_up(home) as up:
        up.ready()
        pids = up.pids()
        # All at once, as when the machine loses its power: halted first, so that it repairs nothing meanwhile.
        up.process.send_signal(signal.SIGSTOP)
        for pid in pids.values():
            os.kill(pid, signal.SIGKILL)
        up.process.kill()
        up.process.wait(STOPPED_WITHIN)
    with running_up(home) as again:
        assert again.ready().call("GET", "/v1/problems").status_code == 200


def test_a_killed_service_is_started_again_while_the_front_door_says_to_retry(running: Up) -> None:
    first = running.pids()["triage"]
    os.kill(first, signal.SIGKILL)
    running.until_said("triage ended with signal SIGKILL; starting it again in 0.5 s")
    down = running.call("GET", "/v1/problems")
    assert (down.status_code, down.headers["content-type"]) == (503, "application/problem+json")
    assert running.call("GET", "/v1/objectives").status_code == 200
    until(lambda: running.call("GET", "/v1/problems").status_code == 200, 60, "triage answers again")
    assert running.pids()["triage"] != first


@pytest.mark.parametrize("program", [nats.NAME, postgres.NAME])
def test_killing_what_the_services_stand_on_is_survived(running: Up, program: str) -> None:
    words = f"cannot move their own appointment while {program} is away"
    # Two, as something that only one person says is no problem yet.
    feedback = [{"text": f"{who} {words}", "source": "in-app"} for who in ("Clients", "My clients")]
    os.kill(running.pids()[program], signal.SIGKILL)
    running.until_said(f"{program} ended with signal SIGKILL")
    until(lambda: running.call("POST", "/v1/feedback", json=feedback).status_code == 202, 60, "feedback is accepted")
    path = f"/v1/problems?q={program}"
    until(lambda: bool(running.call("GET", path).json().get("items")), 60, "a problem is opened")


def test_a_second_one_in_the_same_home_is_refused_and_the_first_goes_on(running: Up) -> None:
    second = _run_to_its_end(running.home)
    assert second.returncode != 0
    assert f"already running (pid {running.process.pid}) at {running.home.url}" in second.stdout
    assert f"stop it with `kill {running.process.pid}`" in second.stdout
    assert running.call("GET", "/v1/problems").status_code == 200


def test_an_occupied_front_door_is_named_with_the_variable_to_set(home: Home, running: Up) -> None:
    refused = _run_to_its_end(Home(home.folder, running.home.front_port))
    assert refused.returncode != 0
    assert f"port {running.home.front_port} on 127.0.0.1 cannot be used" in refused.stdout
    assert "WHYSTREAM_PORT=" in refused.stdout


def test_two_installations_run_side_by_side(home: Home, running: Up) -> None:
    with running_up(home) as other:
        other.ready()
        assert not set(other.pids().values()) & set(running.pids().values())
        foreign = {"Authorization": f"Bearer {admin_key(running.home.credentials_file)}"}
        assert httpx.get(f"{home.url}/v1/problems", headers=foreign, trust_env=False).status_code == 401
        assert other.end(signal.SIGINT) == 0
        assert left_running(home) == []
    assert running.call("GET", "/v1/problems").status_code == 200


def test_a_stop_in_the_middle_of_the_start_leaves_nothing(home: Home) -> None:
    for step in ("starting Whystream", "postgres, roles and schemas", "migrations"):
        with running_up(home) as up:
            up.until_said(step)
            assert up.end(signal.SIGINT) == 0
            assert left_running(home) == []
    with running_up(home) as again:
        again.ready()


def test_a_step_that_fails_shows_its_log_and_stops_everything(home: Home) -> None:
    home.prepare()
    (home.nats / "jetstream").write_text("a file where a folder belongs")
    failed = _run_to_its_end(home)
    assert failed.returncode != 0
    assert f"nats ended with exit code 1 before it was ready; the end of {home.log(nats.NAME)}:" in failed.stdout
    assert "  nats | " in failed.stdout
    assert left_running(home) == []


def _run_to_its_end(home: Home) -> subprocess.CompletedProcess[str]:
    with running_up(home) as up:
        code = up.process.wait(READY_WITHIN)
        return subprocess.CompletedProcess([], code, up.said())


def _database_state(home: Home) -> str:
    command = [postgres_programs() / "pg_controldata", home.postgres]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
    return next(line for line in output.splitlines() if "cluster state" in line).partition(":")[2].strip()
