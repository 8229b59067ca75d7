"""A service's settings: from the environment only, typed; what is missing or wrong is named, all at once."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

_PORT = re.compile(r"[0-9]{1,5}")
_LAST_PORT = 65_535


class SettingsInvalid(Exception):
    """The environment lacks settings or has wrong ones; the message lists every one with what it should be."""


@dataclass(frozen=True)
class Settings:
    """Where a service finds Postgres (its own role) and NATS (its own user), and where it listens."""

    database_url: str
    nats_url: str
    nats_monitor_url: str
    listen_host: str
    listen_port: int
    public_url: str

    @property
    def sqlalchemy_url(self) -> str:
        return self.database_url.replace("postgresql://", "postgresql+asyncpg://", 1)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        wrong: list[str] = []

        def get(name: str, about: str, prefix: str) -> str:
            value = environment.get(name, "")
            if not value.startswith(prefix):
                wrong.append(f"{name} ({about})" + (f", not {_kind(value)}" if value else " is missing"))
            return value

        database_url = get("WHYSTREAM_DATABASE_URL", "postgresql://role:password@host:port/whystream", "postgresql://")
        nats_url = get("WHYSTREAM_NATS_URL", "nats://user:password@host:port", "nats://")
        monitor = get("WHYSTREAM_NATS_MONITOR_URL", "http://host:port of NATS's monitoring", "http://")
        host, _, port = environment.get("WHYSTREAM_LISTEN", "").rpartition(":")
        if not host or not _PORT.fullmatch(port) or int(port) > _LAST_PORT:
            wrong.append("WHYSTREAM_LISTEN (host:port to listen on)")
        if wrong:
            raise SettingsInvalid("set these variables: " + "; ".join(wrong))
        public = environment.get("WHYSTREAM_PUBLIC_URL", "http://127.0.0.1:8080").rstrip("/")
        return cls(database_url, nats_url, monitor.rstrip("/"), host, int(port), public)


def _kind(value: str) -> str:
    """What a wrong address looks like, without what it holds: it may be a password."""
    scheme, separator, _ = value.partition("://")
    return f"'{scheme[:20]}://…'" if separator and scheme.isalnum() else "one without its scheme"
