"""Bytes on the wire that no client library would send: to the front door, and to NATS as a product tool."""

import socket
from collections.abc import Iterator, Sequence

from tests.flow.bad_input.platform import Platform


def odd_requests(key: str) -> Iterator[bytes]:
    """Requests with strange headers, each whole."""
    head = f"Authorization: Bearer {key}\r\nConnection: close\r\n".encode()
    body = b'{"name": "x", "weight": -1}'
    about = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n".encode()
    for header in (
        b"Host: [\r\n",
        b"Host: [::1\r\n",
        b"Host: \xff\r\n",
        b"Host: a b\r\n",
        b"",
        b"Host: a\r\nIdempotency-Key: \xff\xfe\r\n",
        b"Host: a\r\nIdempotency-Key: \x00\r\n",
        b"Host: a\r\ntraceparent: \xff\r\ntracestate: \xff=\xfe\r\n",
        b"Host: a\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ntracestate: a=\xff\r\n",
        b"Host: a\r\nbaggage: " + b"a=b," * 5_000 + b"\r\n",
        b"Host: a\r\nContent-Encoding: gzip\r\n",
        b"Host: a\r\nX: " + b"a" * 200_000 + b"\r\n",
    ):
        yield b"POST /v1/objectives HTTP/1.1\r\n" + header + head + about + b"\r\n" + body
    for target in (
        b"/v1/objectives?cursor=\xff",
        b"/v1/objectives/\xff",
        b"/v1/feedback/%zz",
        b"*",
        b"/v1/" + b"a" * 90_000,
    ):
        yield b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n"
    yield b"BREW /v1/objectives HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n"
    yield b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50 + b"\r\n\r\n"


def http_status(port: int, request: bytes) -> int | None:
    """The status with which a request was answered; None if it was not."""
    with socket.create_connection(("127.0.0.1", port), timeout=15) as connection:
        connection.sendall(request)
        answer = connection.recv(65_536)
    return int(answer.split()[1]) if answer.startswith(b"HTTP/1.") else None


def pub(subject: str | bytes, body: bytes, headers: bytes | None = None) -> bytes:
    """A message as NATS's protocol has it, with these bytes as its headers."""
    name = subject.encode() if isinstance(subject, str) else subject
    if headers is None:
        return b"PUB %b %d\r\n%b\r\n" % (name, len(body), body)
    block = b"NATS/1.0" + headers + b"\r\n\r\n"
    return b"HPUB %b %d %d\r\n%b%b\r\n" % (name, len(block), len(block) + len(body), block, body)


def bad_messages(workspace: str) -> list[bytes]:
    """Messages for intake's ingress, none of which it can accept."""
    subject = f"ingress.feedback.{workspace}"
    bodies = [
        b"",
        b"\xff\xfe",
        b"{",
        b"[]",
        b"5",
        b'"words"',
        b"[" * 100_000,
        b"{}",
        b'{"text": "x"}',
        b'{"text": "\\u0000", "source": "x"}',
        b'{"text": "x", "source": "y", "\\u0000": 1}',
        b'{"text": "\\ud800", "source": "y"}',
        b'{"text": "x", "source": "y", "colour": "green"}',
        b'{"text": "x", "source": "y", "occurred_at": "0001-01-01T00:00:00+14:00"}',
        b'{"text": "x", "source": "y", "rating": {"value": NaN, "scale": 5}}',
        b'{"specversion": "1.0", "type": "\\u0000", "source": "x", "id": "1", "data": {}}',
    ]
    headers = [b"\r\nx: a\x00b", b"\r\nx: \xff\xfe", b"\r\nno colon", b"\r\ntraceparent: \x00", b" 404 Not Found"]
    return [*(pub(subject, body) for body in bodies), *(pub(subject, b"{", block) for block in headers)]


def silencing_messages(workspace: str) -> list[bytes]:
    """Messages that are no UTF-8 where a client reads text, and events whose text no database holds."""
    good, ingress = b'{"text": "x", "source": "y"}', f"ingress.feedback.{workspace}"
    observed = f"whystream.observation.exposed.v1.{workspace}"
    event = (
        '{"specversion": "1.0", "id": "%s", "source": "tool", "type": "whystream.observation.exposed.v1", "workspace":'
        ' "%s", "time": "2026-01-01T00:00:00Z", "data": {"experiment": "e", "unit": "u", "variant": "a", "at": "%s"}}'
    )
    foreign = event.replace("exposed.v1", "exposed\\u0000") % ("1", workspace, "2026-01-01T00:00:00Z")
    return [
        pub(b"ingress.feedback.\xff", good),
        pub(b"ingress.feedback.a\x00b", good),
        pub(ingress, good, b" \xff\xff\xff\r\nx: y"),
        pub(ingress, good, b"\r\ntraceparent: \xc3\xa4\x00"),
        pub(ingress, good, b"\r\ntracestate: \xff"),
        pub(observed, b"\xff"),
        pub(observed, foreign.encode()),
        pub(observed, b"{}", b" \xff\xff"),
        pub(observed, (event % ("2", workspace, "0001-01-01T00:00:00+14:00")).encode()),
    ]


def publish(platform: Platform, messages: Sequence[bytes]) -> int:
    """Send them as a product tool; returns how many were refused for lack of permission."""
    return _as_tool(platform, messages).count(b"Permissions Violation for Publish")


def subscribe_refused(platform: Platform, subjects: Sequence[str]) -> bool:
    """Whether a product tool may subscribe to none of these."""
    asked = [f"SUB {subject} {number}\r\n".encode() for number, subject in enumerate(subjects, 1)]
    return _as_tool(platform, asked).count(b"Permissions Violation for Subscription") == len(subjects)


def _as_tool(platform: Platform, protocol: Sequence[bytes]) -> bytes:
    password = platform.credentials["nats"]["tools"]
    hello = f'CONNECT {{"verbose": false, "headers": true, "user": "tools", "pass": "{password}"}}\r\n'.encode()
    said = b""
    with socket.create_connection(("127.0.0.1", platform.ports["nats"]), timeout=10) as connection:
        connection.sendall(hello + b"".join(protocol) + b"PING\r\n")
        while b"PONG\r\n" not in said:
            part = connection.recv(65_536)
            assert part, f"NATS closed the connection: {said[-300:]!r}"
            said += part
    return said
