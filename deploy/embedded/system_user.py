"""Whom Postgres runs as, because it refuses to run as root, and the way to its files for that user."""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

from deploy.embedded.errors import SystemUserNeeded

PREFERRED = ("postgres", "whystream")
CREATED = "whystream"


def unprivileged_user(say: Callable[[str], None]) -> tuple[int, int] | None:
    """(uid, gid) to run Postgres as: None for ourselves, or a system user when we are root.

    An existing `postgres` or `whystream` is taken, else `whystream` is made. Raises SystemUserNeeded.
    """
    if os.geteuid() != 0:
        return None
    for name in PREFERRED:
        try:
            found = pwd.getpwnam(name)
            return found.pw_uid, found.pw_gid
        except KeyError:
            continue
    return _create(say)


def open_the_way(path: Path, say: Callable[[str], None]) -> None:
    """Let every user pass through (not list, not read) the folders above `path`; says which ones it changed."""
    for folder in reversed(path.resolve().parents):
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
            say(f"{folder}: others may now pass through it (not read it), so that Postgres reaches its files")


def check_readable(program: Path) -> None:
    """Raise SystemUserNeeded when other users may not run this program, as after an install with a strict umask."""
    if stat.S_IMODE(program.stat().st_mode) & 0o005 != 0o005:
        raise SystemUserNeeded(
            f"{program} may only be run by its owner, but Postgres must not run as root; "
            f"run `chmod -R o+rX {program.parent.parent}` or start Whystream as another user"
        )


def _create(say: Callable[[str], None]) -> tuple[int, int]:
    useradd = shutil.which("useradd")
    if useradd is None:
        raise SystemUserNeeded(
            f"Postgres must not run as root and there is no useradd here; create a user named {CREATED}, "
            "or start Whystream as a user that is not root"
        )
    command = [useradd, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", CREATED]
    made = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if made.returncode != 0:
        raise SystemUserNeeded(
            f"`{' '.join(command)}` failed ({made.stderr.strip()}); create the user {CREATED} yourself, "
            "or start Whystream as a user that is not root"
        )
    say(f"created the system user {CREATED}, because Postgres must not run as root")
    user = pwd.getpwnam(CREATED)
    return user.pw_uid, user.pw_gid
