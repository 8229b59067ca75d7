"""The whole platform as a hostile user sees it, and as its operator does: calls, keys, and what is stored."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import asyncpg
import httpx
import nats
from nats.aio.client import Client

from contracts.catalog import SERVICES
from deploy.embedded.home import temporary_home
from libs.runtime.keys import create_key, revoke_key
from libs.runtime.problems import BASE
from tests.support.up import Up, running_up, until

T = TypeVar("T")

# What no answer may hold: the inside of a program, of a database, of this machine.
_INSIDE = re.compile(
    r"Traceback|File \"|\.py\b|asyncpg|sqlalchemy|pydantic|nats\.|site-packages|SELECT |INSERT |UPDATE |relation \""
    r"|/tmp/|postgresql:|violates|UniqueViolation"
)
# Rows of these come and go by themselves, whatever is called.
_RESTLESS = {"inbox", "inbox_attempt", "alembic_version", "wake", "session", "dead_letter"}


class Platform:
    """A running platform, its front door at `http`."""

    def __init__(self, up: Up) -> None:
        self.up = up
        self.http = httpx.Client(base_url=up.home.url, timeout=30, trust_env=False)
        self.ports = json.loads(up.home.ports_file.read_text())
        self.credentials = json.loads(up.home.credentials_file.read_text())
        self.secrets: set[str] = set()

    def call(self, method: str, path: str, *, key: str | None = None, **request: Any) -> httpx.Response:
        """The answer, which is no failure of ours and says nothing of the inside."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        answer = self.http.request(method, path, headers=headers | request.pop("headers", {}), **request)
        assert answer.status_code < 500, f"{method} {path[:200]}: {answer.status_code} {answer.text[:500]}"
        assert not _INSIDE.search(answer.text), f"{method} {path[:200]}: {answer.text[:500]}"
        return answer

    def ask(self, method: str, path: str, key: str, body: Any = None) -> Any:
        """The body of an answer that must be a success."""
        answer = self.call(method, path, key=key, json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def key(self, workspace: str, *scopes: str) -> str:
        """A new key, known to every service."""
        made = self.as_admin(lambda client: create_key(client, workspace, "tester", scopes))
        until(lambda: all(self.knows(service, made) for service in SERVICES), 1.0, "every service knows the key")
        return made

    def revoke(self, key: str) -> None:
        assert self.as_admin(lambda client: revoke_key(client, key))

    def knows(self, service: str, key: str) -> bool:
        """Whether the service lets this key in (to its dead letters, which every service has)."""
        path = f"/v1/services/{service}/dead-letters"
        return self.call("GET", path, key=key).status_code in (200, 403)

    def as_admin(self, step: Callable[[Client], Awaitable[T]]) -> T:
        async def run() -> T:
            client = await nats.connect(self.nats_url("admin"), connect_timeout=5)
            try:
                return await step(client)
            finally:
                await client.close()

        return asyncio.run(run())

    def nats_url(self, user: str) -> str:
        return f"nats://{user}:{self.credentials['nats'][user]}@127.0.0.1:{self.ports['nats']}"

    def sql(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """Rows, as the superuser sees them."""

        async def run() -> list[asyncpg.Record]:
            password = self.credentials["postgres"]["postgres"]
            url = f"postgresql://postgres:{password}@127.0.0.1:{self.ports['postgres']}/whystream"
            connection = await asyncpg.connect(url)
            try:
                return await connection.fetch(query, *arguments)
            finally:
                await connection.close()

        return asyncio.run(run())

    def stored(self, *workspaces: str) -> dict[str, tuple[int, int]]:
        """How many rows each table of each service has of these workspaces, with a fingerprint of all they say."""
        if not hasattr(self, "_fingerprint"):
            self._fingerprint = " UNION ALL ".join(self._each_table())
        rows = self.sql(self._fingerprint, list(workspaces))
        return {row[0]: (row[1], row[2]) for row in rows}

    def _each_table(self) -> Iterator[str]:
        tables = self.sql(
            "SELECT table_schema, table_name, bool_or(column_name = 'workspace') FROM information_schema.columns"
            " WHERE table_schema = ANY($1) AND table_name NOT LIKE 'outbox!_%' ESCAPE '!' GROUP BY 1, 2 ORDER BY 1, 2",
            list(SERVICES),
        )
        for schema, table, scoped in tables:
            if table in _RESTLESS:
                continue
            # Publication marks an outbox row; everything else of a row must stay as it is.
            row = "(event_id, envelope)" if table == "outbox" else "t"
            mine = "split_part(subject, '.v1.', 2) = ANY($1)" if table == "outbox" else "workspace = ANY($1)"
            yield (
                f"SELECT '{schema}.{table}', count(*), coalesce(sum(hashtext({row}::text)), 0)::bigint"
                f" FROM {schema}.{table} t WHERE {mine if scoped or table == 'outbox' else '$1 IS NOT NULL'}"
            )

    @contextmanager
    def nothing_stored(self, *workspaces: str, by: str = "") -> Iterator[None]:
        """Fails when anything of these workspaces changes meanwhile, in any service or in the one that is named."""
        before = self.stored(*workspaces)
        yield
        after = self.stored(*workspaces)
        changed = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
        assert not [name for name in changed if name.startswith(by)], changed

    def refused(self, answer: httpx.Response, status: int | tuple[int, ...], kind: str | None = None) -> dict[str, Any]:
        """The problem document of a refusal, which is one in every detail and tells no secret."""
        wanted = (status,) if isinstance(status, int) else status
        about = f"{answer.request.method} {answer.request.url}"[:300] + f": {answer.status_code} {answer.text[:500]}"
        assert answer.status_code in wanted, about
        assert answer.headers["content-type"] == "application/problem+json", about
        if answer.request.method == "HEAD":
            return {}
        document = answer.json()
        assert document["status"] == answer.status_code, about
        assert document["type"].startswith(BASE), about
        assert document["title"], about
        assert document["detail"], about
        assert kind is None or document["type"] == BASE + kind, about
        assert len(answer.content) < 20_000, about
        assert not any(secret in answer.text for secret in self.secrets), about
        return document


@contextmanager
def running_platform() -> Iterator[Platform]:
    with temporary_home() as home, running_up(home) as up:
        platform = Platform(up.ready())
        try:
            yield platform
        finally:
            platform.http.close()
