"""Dead letters over HTTP, the same for every service: list, show, replay. For administrators of a workspace."""

import base64
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from contracts.envelope import EnvelopeInvalid
from libs.messaging import dead_letters
from libs.messaging.dead_letters import letter_headers
from libs.messaging.delivered import from_dead_letter
from libs.messaging.processor import is_transient
from libs.messaging.work import Work, driver_connection
from libs.runtime.http import Edge, current_access, current_work, needs
from libs.runtime.keys import Access
from libs.runtime.problems import Conflict, NotFound


def router(service: str) -> APIRouter:
    """Routes under `/v1/services/<service>/dead-letters`."""
    routes = APIRouter(prefix=f"/v1/services/{service}/dead-letters", route_class=Edge, tags=["dead letters"])

    @routes.get("")
    @needs("admin")
    async def list_dead_letters(
        work: Annotated[Work, Depends(current_work)], limit: Annotated[int, Query(ge=1, le=500)] = 100
    ) -> dict[str, Any]:
        found = await dead_letters.list_open(await work.driver(), workspace=work.workspace, limit=limit)
        return {"items": [{**letter, "service": service} for letter in found]}

    @routes.get("/{identity}")
    @needs("admin")
    async def show_dead_letter(identity: UUID, work: Annotated[Work, Depends(current_work)]) -> dict[str, Any]:
        letter = await dead_letters.find(await work.driver(), identity, workspace=work.workspace)
        if letter is None:
            raise NotFound("dead letter", identity)
        return {**letter, "service": service, **_readable(letter), "headers": letter_headers(letter)}

    @routes.post("/{identity}/replay")
    @needs("admin", transaction=False)
    async def replay_dead_letter(
        identity: UUID, request: Request, access: Annotated[Access, Depends(current_access)]
    ) -> dict[str, str]:
        await _replay(request.app.state, identity, access.workspace)
        return {"id": str(identity), "status": "handled"}

    return routes


async def _replay(state: Any, identity: UUID, workspace: str) -> None:
    async with state.engine.connect() as connection:
        letter = await dead_letters.find(await driver_connection(connection), identity, workspace=workspace)
    if letter is None:
        raise NotFound("dead letter", identity)
    processor = state.processors.get(letter["stream"])
    if processor is None:
        raise Conflict(f"nothing here reads the stream {letter['stream']} any more")
    try:
        await processor.replay(from_dead_letter(letter))
    except EnvelopeInvalid as error:
        raise Conflict(f"it still cannot be read: {error}") from error
    except Exception as error:
        if is_transient(error):
            raise  # the database is away, which says nothing about the letter
        raise Conflict(f"it failed again: {type(error).__qualname__}: {error}") from error
    async with state.engine.begin() as connection:
        await dead_letters.mark_replayed(await driver_connection(connection), identity)


def _readable(letter: dict[str, Any]) -> dict[str, str]:
    try:
        return {"body": letter["body"].decode()}
    except UnicodeDecodeError:
        return {"body": base64.b64encode(letter["body"]).decode(), "body_encoding": "base64"}
