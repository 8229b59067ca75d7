"""Passwords are made once, for every user that is asked for, and only their owner can read them."""

import shutil
import stat
from pathlib import Path

import pytest

from deploy.containers.credentials import complete
from deploy.containers.generate import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    return tmp_path


def test_every_password_is_made_and_only_the_owner_reads_it(folder: Path) -> None:
    made = complete(folder)
    settings = _settings(folder)
    assert set(made) == set(settings)
    assert {"SUPERUSER_POSTGRES_PASSWORD", "ADMIN_NATS_PASSWORD", "TRIAGE_POSTGRES_PASSWORD"} <= set(made)
    assert len(set(settings.values())) == len(settings)
    assert all(password.isalpha() and len(password) == 32 for password in settings.values())
    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600


def test_a_second_run_changes_nothing(folder: Path) -> None:
    complete(folder)
    before = (folder / ".env").read_text()
    assert complete(folder) == []
    assert (folder / ".env").read_text() == before


def test_what_is_there_stays_and_what_is_missing_or_empty_is_made(folder: Path) -> None:
    (folder / ".env").write_text("WHYSTREAM_PORT=9000\nADMIN_NATS_PASSWORD=kept\nTOOLS_NATS_PASSWORD=")
    made = complete(folder)
    settings = _settings(folder)
    assert (settings["WHYSTREAM_PORT"], settings["ADMIN_NATS_PASSWORD"]) == ("9000", "kept")
    assert "ADMIN_NATS_PASSWORD" not in made
    assert len(settings["TOOLS_NATS_PASSWORD"]) == 32
    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600


def _settings(folder: Path) -> dict[str, str]:
    # The last one counts, as it does for Compose.
    return dict(line.split("=", 1) for line in (folder / ".env").read_text().splitlines())
