"""Taking a request's body to its end before answering, also when the answer needs none of it.

A refusal (no key, no such path, too large) is known before the body has come. Answered at once, it crosses the body on
its way, and the front door, which is then still sending, gives its client half an answer or none.
"""

import asyncio
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_DISCARDED_BYTES = 40 * 1024 * 1024
_PATIENCE_SECONDS = 5.0  # for a sender that announced a body and does not send it


class BodyTaken:
    """Middleware: what the application has not read of a body when it begins to answer is read and thrown away.

    Of a body that is larger still, or slower, the rest is left, and the connection ends with the answer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name for name, _ in scope.get("headers", ())}
        if scope["type"] != "http" or not headers & {b"content-length", b"transfer-encoding"}:
            await self._app(scope, receive, send)
            return
        ended = False

        async def received() -> Message:
            nonlocal ended
            message = await receive()
            ended = not message.get("more_body", False)
            return message

        async def discard() -> None:
            size = 0
            while not ended and size <= MAX_DISCARDED_BYTES:
                size += len((await received()).get("body", b""))

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and not ended:
                with suppress(TimeoutError):
                    await asyncio.wait_for(discard(), _PATIENCE_SECONDS)
            await send(message)

        await self._app(scope, received, sent)
