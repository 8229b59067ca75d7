"""Keeping a NATS connection alive whatever others publish.

NATS lets a client publish any bytes in a subject and in headers. nats-py 2.16 decodes both inside its read loop, and
the first byte that is no UTF-8 ends that loop for good: the connection stays open, and nothing is read from it any
more. Redelivery would do the same to the next connection, so one message from a product tool would silence a service.
"""

from nats.aio.client import Client

_SHORTEST_HEADERS = len(b"NATS/1.0\r\n")


def withstand_any_bytes(client: Client) -> None:
    """Have `client` take in every message: bytes outside ASCII in subject and headers arrive as question marks.

    No subject and no header of ours has any, and a message whose subject is altered ends in the dead letters.
    """
    process = client._process_msg

    async def process_msg(sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        await process(sid, _ascii(subject), reply, data, _readable(headers))

    client._process_msg = process_msg


def _ascii(given: bytes) -> bytes:
    return given if given.isascii() else given.decode("latin-1").encode("ascii", "replace")


def _readable(headers: bytes) -> bytes:
    return _ascii(headers) if headers and len(headers) >= _SHORTEST_HEADERS else b""
