"""Writes the files of the containers that follow from the catalogue and from the table of paths.

python -m deploy.containers.generate            # after an event, a permission or a route changed
python -m deploy.containers.generate --check    # change nothing; fail when a file is stale
"""

import json
import sys
from pathlib import Path

from deploy.containers.front_door import front_door
from deploy.nats.users import users_conf
from libs.messaging.topology import nats_permissions

ROOT = Path(__file__).parents[2]


def generated() -> dict[Path, str]:
    """Every generated file, by its path from the top, with the text that it must have."""
    return {
        Path("deploy/nats/users.conf"): users_conf(nats_permissions()),
        Path("deploy/containers/caddy.json"): json.dumps(front_door(), indent=2) + "\n",
    }


def stale(root: Path = ROOT) -> list[Path]:
    """The generated files that are missing or not what they must be."""
    return [file for file, text in generated().items() if _text_of(root / file) != text]


def main() -> None:
    found = stale()
    if "--check" in sys.argv[1:]:
        if found:
            names = ", ".join(str(file) for file in found)
            raise SystemExit(f"{names} is stale: run `python -m deploy.containers.generate`")
        return
    for file in found:
        (ROOT / file).write_text(generated()[file], encoding="utf-8")
        print(f"wrote {file}")


def _text_of(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.exists() else None


if __name__ == "__main__":
    main()
