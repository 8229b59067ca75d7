"""Makes every password that docker-compose.yml asks for, and keeps them in .env, for its owner's eyes only.

    python3 deploy/containers/credentials.py [FOLDER]      # needs nothing but Python

What .env already says stays as it is, so it may hold other settings too and it may run again at every start.
"""

import os
import re
import secrets
import string
import sys
from pathlib import Path

ASKED_FOR = re.compile(r"\$\{([A-Z_]+_PASSWORD):\?")
# Letters only: a digit in front would be a number to NATS, and nothing needs quoting in a URL or in .env.
LETTERS, LENGTH = string.ascii_letters, 32


def complete(folder: Path) -> list[str]:
    """Add the passwords that .env in this folder lacks, and return their names. A crash leaves the old file."""
    file = folder / ".env"
    kept = file.read_text(encoding="utf-8") if file.exists() else ""
    asked = dict.fromkeys(ASKED_FOR.findall((folder / "docker-compose.yml").read_text(encoding="utf-8")))
    missing = [name for name in asked if not re.search(rf"^\s*{name}=.", kept, re.MULTILINE)]
    if missing:
        start = kept if kept.endswith("\n") or not kept else f"{kept}\n"
        _replace(file, start + "".join(f"{name}={_password()}\n" for name in missing))
    return missing


def _password() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(LENGTH))


def _replace(file: Path, text: str) -> None:
    beside = file.with_name(f"{file.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(file)


if __name__ == "__main__":
    made = complete(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2])
    print(f"made {len(made)} passwords in .env" if made else ".env has every password")
