"""Installs what one part of Whystream needs, and no more, every file checked against requirements.lock.

    python install_pinned.py FOLDER base|EXTRA|PACKAGE      # beside pyproject.toml and requirements.lock

pip first says which packages these are, without installing any: that only decides which lines of the lock are taken.
What is then installed has the version and one of the hashes of its line, and pip refuses when it needs a package whose
line was not taken. Packages that this Python already finds are not installed again.
"""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ENTRY = re.compile(r"^([A-Za-z0-9._-]+)(==[^\\\n]*?)\s*\\?$")


def requirements_of(part: str, project: dict[str, Any]) -> list[str]:
    """What pyproject.toml asks for: `base` is what every service stands on; a name that is no extra is a package."""
    return {"base": project["dependencies"], **project["optional-dependencies"]}.get(part, [part])


def entries_of(lock: str) -> dict[str, list[str]]:
    """The lock's entries with their hashes, by canonical name; a package has several when a marker tells them apart."""
    entries: dict[str, list[str]] = {}
    for entry in re.split(r"\n(?=\S)", lock.strip()):
        if found := ENTRY.match(entry.partition("\n")[0]):
            entries.setdefault(canonical(found[1]), []).append(entry)
    return entries


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def install(folder: str, part: str) -> None:
    """Install one part under the prefix `folder`; raises CalledProcessError when pip refuses."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    entries = entries_of(Path("requirements.lock").read_text(encoding="utf-8"))
    Path(folder).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        versions, report, needed = (Path(scratch) / name for name in ("versions", "report", "needed"))
        versions.write_text("".join(f"{_version(entry)}\n" for found in entries.values() for entry in found))
        asked = requirements_of(part, project)
        # Wheels only: building from source would run code that no hash was checked for.
        pip("--dry-run", "--only-binary=:all:", f"--constraint={versions}", f"--report={report}", *asked)
        names = [canonical(one["metadata"]["name"]) for one in json.loads(report.read_text())["install"]]
        needed.write_text("\n".join(entry for name in sorted(names) for entry in entries[name]) + "\n")
        print(f"{part}: {', '.join(sorted(names)) or 'nothing more'}", flush=True)
        pip("--require-hashes", "--only-binary=:all:", f"--prefix={folder}", f"--requirement={needed}")


def pip(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *arguments], check=True, timeout=1_800)


def _version(entry: str) -> str:
    """The first line without its hashes: as a constraint it may not have any, or pip would want them for all."""
    return entry.partition("\n")[0].rstrip("\\ ")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit("usage: install_pinned.py FOLDER base|EXTRA|PACKAGE")
    install(sys.argv[1], sys.argv[2])
