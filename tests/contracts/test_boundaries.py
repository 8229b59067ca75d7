"""The tree's boundaries hold, and the linter that keeps them really sees the tree and really bites."""

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from contracts.generate import ROOT

FOLDERS = ("contracts", "libs", "services", "deploy")
# `-S` and an explicit path: a copy of the tree must not be mixed with an installed one, as namespace packages would be.
LINT = """
import sys
sys.path[:0] = sys.argv[1:]
from importlinter.cli import lint_imports
sys.exit(lint_imports(no_cache=True, no_logo=True))
"""


def lint(tree: Path) -> tuple[int, str]:
    """The linter's exit code and what it printed."""
    packages = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    done = subprocess.run(
        [sys.executable, "-S", "-c", LINT, str(tree), *packages],
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The tree's Python files and its boundaries, to be broken."""
    for folder in FOLDERS:
        for file in (ROOT / folder).rglob("*.py"):
            target = tmp_path / file.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
    shutil.copyfile(ROOT / ".importlinter", tmp_path / ".importlinter")
    return tmp_path


def test_the_tree_keeps_its_boundaries_and_all_of_it_was_looked_at() -> None:
    code, said = lint(ROOT)
    assert code == 0, said
    analysed = re.search(r"Analyzed (\d+) files", said)
    assert analysed, said
    written = sum(1 for folder in FOLDERS for _ in (ROOT / folder).rglob("*.py"))
    assert int(analysed[1]) >= 0.9 * written > 60
    assert "0 broken" in said


@pytest.mark.parametrize(
    ("broken", "file", "statement"),
    [
        (
            "Services never import each other",
            "services/triage/use_cases/planted.py",
            "from services.intake import store",
        ),
        ("Contracts import nothing of ours", "contracts/planted.py", "from libs.messaging import outbox"),
        ("Contracts import nothing of ours", "contracts/event.py", "def late():\n    import services.intake.domain"),
        ("Libs never import services", "libs/command/planted.py", "import services.intake.domain"),
        ("Libs never import services", "libs/runtime/planted.py", "from services.console import events"),
        ("Nothing but deploy imports the command", "libs/runtime/planted.py", "import libs.command.up"),
        ("What runs does not know how it is deployed", "services/intake/store.py", "import deploy.embedded.home"),
        ("What runs does not know how it is deployed", "libs/messaging/planted.py", "import deploy.embedded.nats"),
        ("Messaging does not import the runtime", "libs/messaging/planted.py", "from libs.runtime import keys"),
        ("The client stands alone", "libs/client/planted.py", "import contracts.event"),
        ("Inside a service", "services/intake/domain.py", "import services.intake.store"),
        ("Inside a service", "services/intake/store.py", "import services.intake.use_cases.receive_feedback"),
        ("Inside a service", "services/triage/use_cases/planted.py", "from services.triage import events"),
        ("Inside a service", "services/intake/http.py", "from services.intake.events import HANDLERS"),
        ("Inside a service", "services/intake/events.py", "import services.intake.main"),
        ("Inside a service", "services/intake/unplaced.py", "x = 1"),
        ("Rules and engines know nothing", "services/intake/domain.py", "from libs.messaging.work import Work"),
        ("Rules and engines know nothing", "services/intake/domain.py", "import asyncpg"),
        ("Rules and engines know nothing", "services/triage/grouping/planted.py", "import libs.runtime.keys"),
    ],
)
def test_a_forbidden_import_is_refused(copy: Path, broken: str, file: str, statement: str) -> None:
    planted = copy / file
    text = planted.read_text() if planted.exists() else ""
    planted.write_text(f"{text}\n{statement}\n")
    code, said = lint(copy)
    assert code == 1
    assert re.search(rf"^{broken}.* BROKEN", said, re.MULTILINE), said
