"""A home belongs to one supervisor, keeps its secrets to itself, and stays out of the way of other homes."""

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.embedded.credentials import admin_key, keep_admin_key, kept_credentials
from deploy.embedded.errors import AlreadyRunning, FrontDoorTaken, HomeUnusable, InvalidSetting, UnreadableFile
from deploy.embedded.home import Home, temporary_home
from deploy.embedded.ports import front_door, is_free, remembered_ports

SERVICES = ("intake", "triage")


def test_the_environment_names_the_home_and_the_front_door(tmp_path: Path) -> None:
    home = Home.from_environment({"WHYSTREAM_HOME": str(tmp_path / "here"), "WHYSTREAM_PORT": "9001"})
    assert (home.folder, home.url) == (tmp_path / "here", "http://127.0.0.1:9001")


def test_without_settings_it_is_here_on_8080(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert Home.from_environment({}) == Home(tmp_path / ".whystream", 8080)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "8080 ", "٨٠٨٠"])
def test_an_unusable_port_is_refused_by_name(port: str) -> None:
    with pytest.raises(InvalidSetting, match=r"WHYSTREAM_PORT is .* between 1 and 65535"):
        Home.from_environment({"WHYSTREAM_PORT": port})


def test_a_second_lock_is_refused_and_names_the_holder(home: Home) -> None:
    with home.lock(), pytest.raises(AlreadyRunning, match=f"already running \\(pid {os.getpid()}\\) at {home.url}"):
        _lock_once(home)
    _lock_once(home)


def test_the_lock_of_a_killed_holder_is_free(home: Home) -> None:
    code = (
        "import sys, time; from pathlib import Path; from deploy.embedded.home import Home\n"
        "with Home(Path(sys.argv[1])).lock(): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(home.folder)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(AlreadyRunning, match=f"pid {holder.pid}"):
            _lock_once(home)
        holder.kill()
    _lock_once(home)


def test_a_home_that_cannot_be_made_says_which_variable_to_set(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    home = Home(tmp_path / "file" / "home")
    with pytest.raises(HomeUnusable, match=r"home cannot be used \(Not a directory\); set WHYSTREAM_HOME"), home.lock():
        raise AssertionError("held a home that is no folder")


def test_two_homes_are_locked_side_by_side(home: Home) -> None:
    with temporary_home() as other, home.lock(), other.lock():
        assert home.lock_file != other.lock_file


def test_credentials_are_private_and_stay_as_they_are(home: Home) -> None:
    first = kept_credentials(home.credentials_file, ["admin", "triage"], SERVICES)
    assert not first.admin_key_shown
    keep_admin_key(home.credentials_file, first, "ws_default_abc", shown=True)
    again = kept_credentials(home.credentials_file, ["admin", "triage", "new"], SERVICES)
    assert stat.S_IMODE(home.credentials_file.stat().st_mode) == 0o600
    assert {**again.nats, "new": None} == {**first.nats, "new": None}
    assert again.postgres == first.postgres
    assert set(first.postgres) == {"postgres", *SERVICES}
    assert again.admin_key == admin_key(home.credentials_file) == "ws_default_abc"
    assert again.admin_key_shown
    passwords = [*again.nats.values(), *again.postgres.values()]
    assert len(set(passwords)) == len(passwords)
    assert min(map(len, passwords)) >= 32
    assert not any(password in repr(again) for password in passwords)


def test_damaged_credentials_are_never_replaced_silently(home: Home) -> None:
    home.credentials_file.write_text('{"nats": {"adm')
    with pytest.raises(UnreadableFile, match=r"credentials\.json cannot be read"):
        kept_credentials(home.credentials_file, ["admin"], SERVICES)
    assert home.credentials_file.read_text() == '{"nats": {"adm'


def test_ports_are_remembered_while_they_are_free(home: Home) -> None:
    ports = remembered_ports(home.ports_file, SERVICES)
    assert remembered_ports(home.ports_file, SERVICES) == ports
    assert len(set(ports.all())) == len(ports.all())
    assert all(map(is_free, ports.all()))


def test_ports_are_chosen_again_when_another_program_took_one(home: Home) -> None:
    ports = remembered_ports(home.ports_file, SERVICES)
    with socket.create_server(("127.0.0.1", ports.nats)):
        moved = remembered_ports(home.ports_file, SERVICES)
    assert not set(moved.all()) & set(ports.all())
    assert remembered_ports(home.ports_file, SERVICES) == moved


@pytest.mark.parametrize("content", ["{}", '{"postgres": "x"}', "[]", '{"postgres": 99999, "nats": 1}'])
def test_a_ports_file_that_makes_no_sense_is_replaced(home: Home, content: str) -> None:
    home.ports_file.write_text(content)
    ports = remembered_ports(home.ports_file, SERVICES)
    assert json.loads(home.ports_file.read_text())["nats"] == ports.nats


def test_an_occupied_front_door_says_which_variable_to_set(home: Home) -> None:
    with (
        front_door(home.front_port),
        pytest.raises(FrontDoorTaken, match=rf"port {home.front_port} .*another program .*WHYSTREAM_PORT=\d+"),
        front_door(home.front_port),
    ):
        raise AssertionError("the door was opened twice")


def test_the_home_keeps_itself_out_of_git(home: Home) -> None:
    assert (home.folder / ".gitignore").read_text() == "*\n"


def _lock_once(home: Home) -> None:
    with home.lock():
        pass
