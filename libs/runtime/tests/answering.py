"""A service of a few routes, answering over its real edge, with triage's database behind it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
from fastapi import APIRouter, FastAPI
from nats.aio.client import Client
from sqlalchemy.ext.asyncio import create_async_engine

from contracts.problems import ProblemOpened
from deploy.embedded.infrastructure import Infrastructure
from libs.messaging.handlers import Handlers
from libs.messaging.work import Transactions, Work
from libs.runtime.keys import Access, KeyRing, digest_of
from libs.runtime.service import Service
from tests.support.driven import settings_for

SERVICE = "triage"


class Answering:
    """The application, a client that may do everything, and what the routes have said."""

    def __init__(self, app: FastAPI, http: httpx.AsyncClient, workspace: str, database_url: str) -> None:
        self.app, self.http, self.workspace, self._database_url = app, http, workspace, database_url

    def allow(self, key: str, *scopes: str) -> dict[str, str]:
        """Make the key valid and return the header that carries it."""
        self.app.state.keys._known[digest_of(key)] = Access(self.workspace, "test", scopes)
        return {"Authorization": f"Bearer {key}"}

    async def rows(self, query: str) -> list[asyncpg.Record]:
        """What another connection sees: `$1` is the workspace."""
        connection = await asyncpg.connect(self._database_url)
        try:
            return await connection.fetch(query, self.workspace)
        finally:
            await connection.close()

    async def said(self) -> int:
        """How many events are in the outbox."""
        return len(await self.rows("SELECT FROM outbox WHERE subject LIKE '%.' || $1"))


def something(statement: str = "words") -> ProblemOpened:
    return ProblemOpened(problem_id=uuid4(), statement=statement, first_feedback_id=uuid4())


@asynccontextmanager
async def answering(platform: Infrastructure, workspace: str, router: APIRouter) -> AsyncIterator[Answering]:
    settings = settings_for(platform, SERVICE)
    engine = create_async_engine(settings.sqlalchemy_url, pool_size=12)
    app = Service(name=SERVICE, work=Work, router=router, handlers=Handlers()).app(settings)
    state: Any = app.state
    state.engine, state.keys = engine, KeyRing(Client())
    state.transactions = Transactions(engine, SERVICE, Work)
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
            found = Answering(app, http, workspace, settings.database_url)
            http.headers.update(found.allow(f"ws_{workspace}_test", "admin"))
            yield found
    finally:
        await engine.dispose()
