"""Postgres reaches its files as another user without anyone being able to list or read more than before."""

import stat
from pathlib import Path

import pytest

from deploy.embedded.errors import SystemUserNeeded
from deploy.embedded.system_user import check_readable, open_the_way


def test_only_the_right_to_pass_through_is_added_and_said_once(tmp_path: Path) -> None:
    inner = tmp_path / "home" / "inner"
    inner.mkdir(parents=True)
    inner.chmod(0o700)
    inner.parent.chmod(0o750)
    said: list[str] = []
    open_the_way(inner / "postgres", said.append)
    assert stat.S_IMODE(inner.stat().st_mode) == 0o701
    assert stat.S_IMODE(inner.parent.stat().st_mode) == 0o751
    assert f"{inner}: others may now pass through it" in said[-1]
    said.clear()
    open_the_way(inner / "postgres", said.append)
    assert said == []


def test_a_program_that_only_its_owner_may_run_is_refused_with_the_command_that_helps(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "postgres"
    program.parent.mkdir()
    program.touch(mode=0o700)
    with pytest.raises(SystemUserNeeded, match=f"chmod -R o\\+rX {tmp_path}"):
        check_readable(program)
    program.chmod(0o755)
    check_readable(program)
