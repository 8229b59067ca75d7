"""Waiting for what runs outside this process, always with an end."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import httpx

from deploy.embedded.processes import Child

EVERY = 0.05
READY = None


async def until_ready(child: Child, obstacle: Callable[[], Awaitable[str | None]], within: float) -> None:
    """Return once there is no obstacle: `obstacle` answers READY, or else what is in the way, in words.

    Raises ProgramFailed, with the last obstacle, when the child ended or after `within` seconds. What `obstacle`
    itself raises passes through.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while (reason := await obstacle()) is not READY:
        if not child.running:
            raise child.failed(f"ended with {child.exit} before it was ready")
        if loop.time() > deadline:
            raise child.failed(f"was not ready within {within:g} seconds ({reason})")
        await asyncio.sleep(EVERY)


async def until_status(child: Child, url: str, status: int, within: float) -> None:
    """`until_ready` for a child that is ready when a GET of this URL answers with this status."""

    async def obstacle() -> str | None:
        try:
            answer = await client.get(url)
        except httpx.TransportError as error:
            return f"{url}: {error or type(error).__name__}"
        return READY if answer.status_code == status else f"{url} answers {answer.status_code}: {answer.text[:500]}"

    # Without the caller's proxy settings: these are addresses of this machine.
    async with httpx.AsyncClient(trust_env=False, timeout=5.0) as client:
        await until_ready(child, obstacle, within)


async def side_by_side(*parts: Coroutine[Any, Any, None]) -> None:
    """Run all parts at once; the first error is raised, after the other parts were cancelled and have ended."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            # A second cancellation would cut short what a part does at its end.
            if not task.cancelling():
                task.cancel()
        await asyncio.wait(tasks)
