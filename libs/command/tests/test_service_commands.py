"""Commands that services bring: found by their room's name, without a list, and without slowing down the others."""

import json
import subprocess
import sys
from typing import Any

import pytest

LOOK = """
import json, sys, typer
from libs.command.main import app
merged = [group.typer_instance for group in app.registered_groups if not isinstance(group.name, str)]
registered = [one for owner in (app, *merged) for one in owner.registered_commands]
print(json.dumps({
    "heavy": [name for name in ("numpy", "scipy", "pandas") if name in sys.modules],
    "names": list(typer.main.get_command(app).commands),
    "registered": [one.name or one.callback.__name__ for one in registered],
}))
"""


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    """What a process of its own sees that has imported the command and nothing else."""
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)


def test_what_a_service_brings_is_found(seen: dict[str, Any]) -> None:
    assert {"up", "keys", "analyze", "plan-experiment"} <= set(seen["names"])


def test_starting_stays_light(seen: dict[str, Any]) -> None:
    assert seen["heavy"] == []


def test_no_service_hides_the_command_of_another(seen: dict[str, Any]) -> None:
    assert len(set(seen["registered"])) == len(seen["registered"])
