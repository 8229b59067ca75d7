"""The passwords of one home: made at its first start, kept in one private file, never shown."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from deploy.embedded.files import read_json, write_json

# More users and roles can appear with a new version; a home that exists keeps the passwords it has.
SUPERUSER = "postgres"


@dataclass(frozen=True)
class Credentials:
    """A password for each NATS user and each Postgres role, and the first admin key once there is one.

    `admin_key_shown` is false until a start has told it to its user: one that failed half way has not.
    """

    nats: Mapping[str, str] = field(repr=False)
    postgres: Mapping[str, str] = field(repr=False)
    admin_key: str | None = field(default=None, repr=False)
    admin_key_shown: bool = False


def kept_credentials(file: Path, nats_users: Iterable[str], roles: Iterable[str]) -> Credentials:
    """The credentials in the file, with a new password for every user and role that has none yet."""
    stored: dict[str, Any] = read_json(file, {})
    kept = Credentials(
        _with_passwords(stored.get("nats", {}), nats_users),
        _with_passwords(stored.get("postgres", {}), [SUPERUSER, *roles]),
        stored.get("admin_key"),
        stored.get("admin_key_shown", False),
    )
    _write(file, kept)
    return kept


def keep_admin_key(file: Path, credentials: Credentials, key: str, *, shown: bool) -> Credentials:
    """Remember the first admin key beside the passwords, so that the commands of this home can use it."""
    kept = replace(credentials, admin_key=key, admin_key_shown=shown)
    _write(file, kept)
    return kept


def admin_key(file: Path) -> str | None:
    """The first admin key of the home that this file belongs to, or None before its first start ended."""
    return read_json(file, {}).get("admin_key")


def _with_passwords(stored: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    # token_urlsafe needs no quoting in a URL, in SQL or in nats.conf.
    return {**stored, **{name: secrets.token_urlsafe(24) for name in names if name not in stored}}


def _write(file: Path, credentials: Credentials) -> None:
    content = asdict(credentials)
    if read_json(file, None) != content:
        write_json(file, content)
