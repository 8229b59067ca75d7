"""One signed POST to a subscriber's receiver, as Standard Webhooks has it: https://www.standardwebhooks.com

The host is looked up for every attempt, and the connection goes to an address that was checked, so that a name which
changes its mind between check and connection reaches nothing that it should not. Redirects are never followed.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
from standardwebhooks import Webhook
from uuid_utils.compat import uuid7

from contracts.envelope import CONTENT_TYPE, Envelope
from libs.messaging.tracing import TraceCarrier
from libs.runtime.problems import Conflict
from services.alignment.domain.deliveries import Answer
from services.alignment.domain.subscriptions import AddressRefused, Subscription, check_address

MAX_ANSWER_BYTES = 64 * 1024
_CONNECT_SECONDS = 3.0  # per address, so that a host's second address gets its turn within the attempt
_SHOWN_CHARACTERS = 1_000
_lookups = ThreadPoolExecutor(16, thread_name_prefix="lookup")  # its own: a slow name must not hold up anything else


@dataclass(frozen=True)
class Letter:
    """What is sent where. `message_id` stays the same over all attempts: it is how a receiver recognises a repeat."""

    url: str
    secret: str
    message_id: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def trial_letter(subscription: Subscription, workspace: str, trace: TraceCarrier, *, at: datetime) -> Letter:
    """A letter that only proves that the receiver is there; its event is in no catalogue and no feed.

    Raises Conflict for a subscription that has no receiver.
    """
    if subscription.url is None:
        raise Conflict("a feed has no receiver to test; read it with GET /v1/feed?subscription_id=…")
    identity = str(uuid7())
    envelope = Envelope(
        id=identity,
        source="/whystream/alignment",
        type="whystream.subscription.tested.v1",
        subject=f"subscription/{subscription.id}",
        time=at,
        workspace=workspace,
        data={"subscription_id": str(subscription.id), "subscriber": subscription.name},
        correlationid=identity,
    )
    return Letter(subscription.url, subscription.secret, identity, envelope.to_bytes(), trace.headers())


def webhook_client() -> httpx.AsyncClient:
    """A client for `post_webhook`. It keeps no connection, because one is made for a checked address and a name."""
    return httpx.AsyncClient(
        follow_redirects=False,
        trust_env=False,  # a proxy would look names up itself, past the check
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
    )


async def post_webhook(client: httpx.AsyncClient, letter: Letter, *, timeout: float) -> Answer:
    """The receiver's answer within `timeout` seconds in all, or why there is none; never raises for a bad receiver.

    At most 64 KiB of the answer's body are read. Once the status is there, a body that fails or lingers is no matter.
    """
    status, body, error = None, bytearray(), ""
    try:
        async with asyncio.timeout(timeout), _sent(client, letter, timeout) as response:
            status = response.status_code
            async for part in response.aiter_raw():
                body += part
                if len(body) >= MAX_ANSWER_BYTES:
                    break
    except TimeoutError:
        error = f"no complete answer within {timeout:g} s"
    except AddressRefused as refused:
        error = str(refused)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as failure:  # the last for a name that is none
        error = f"{type(failure).__name__}: {failure}".rstrip(": ")
    text = body[:MAX_ANSWER_BYTES].decode(errors="replace").replace("\x00", "\ufffd")
    return Answer(status, text[:_SHOWN_CHARACTERS], error)


@asynccontextmanager
async def _sent(client: httpx.AsyncClient, letter: Letter, timeout: float) -> AsyncIterator[httpx.Response]:
    url = httpx.URL(letter.url)
    addresses = await _addresses(url)
    limits = httpx.Timeout(timeout, connect=_CONNECT_SECONDS)
    for number, address in enumerate(addresses, 1):
        request = client.build_request(
            "POST",
            url.copy_with(host=address),
            content=letter.body,
            headers={**_headers(letter), "Host": url.netloc.decode()},
            timeout=limits,
            extensions={"sni_hostname": url.host},
        )
        try:
            response = await client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            if number == len(addresses):
                raise
            continue  # nothing was sent yet, so the next address may have it
        try:
            yield response
        finally:
            await response.aclose()
        return


async def _addresses(url: httpx.URL) -> list[str]:
    """What the host resolves to now; raises AddressRefused if any of it is off limits, OSError if it is unknown."""
    port = url.port or (443 if url.scheme == "https" else 80)
    found = await asyncio.get_running_loop().run_in_executor(
        _lookups, lambda: socket.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    )
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        check_address(address)
    return addresses


def _headers(letter: Letter) -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        **letter.headers,
        "Content-Type": CONTENT_TYPE,
        "User-Agent": "Whystream",
        "Accept-Encoding": "identity",
        "webhook-id": letter.message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(letter.secret).sign(letter.message_id, now, letter.body.decode()),
    }
