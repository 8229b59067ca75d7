"""A subscriber's own receiver: a real HTTP server that believes only what is signed, and keeps each thing once."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from libs.client import WebhookInvalid, verify_webhook

_LARGEST = 5 * 1024 * 1024
_SECRET_WITHIN = 10.0


class Receiver:
    """Listens on a free port of this machine from the start; tell it the secret when the subscription gave it.

    `told` holds the verified CloudEvents in order of arrival, `refused` why others were not believed.
    """

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.refused: list[str] = []
        self._secret = ""
        self._secret_known = threading.Event()
        self._seen: set[str] = set()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._receive))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/told"

    def believe(self, secret: str) -> None:
        """From now on deliveries signed with this secret are believed."""
        self._secret = secret
        self._secret_known.set()

    def about(self, type_: str, **fields: str) -> list[dict[str, Any]]:
        """What was told of this type, whose data has these fields."""
        with self._lock:
            told = list(self.told)
        return [
            event
            for event in told
            if event["type"] == type_ and all(event["data"].get(name) == value for name, value in fields.items())
        ]

    def close(self) -> None:
        """Listen no longer."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _receive(self, headers: dict[str, str], body: bytes) -> int:
        # The first delivery may overtake the answer that carries the secret.
        self._secret_known.wait(_SECRET_WITHIN)
        try:
            event = verify_webhook(self._secret, headers, body)
        except WebhookInvalid as error:
            with self._lock:
                self.refused.append(str(error))
            return 401
        with self._lock:
            identity = headers["webhook-id"]
            if identity not in self._seen:
                self._seen.add(identity)
                self.told.append(event)
        return 204


def _handler(receive: Callable[[dict[str, str], bytes], int]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length") or ""
            if not length.isdigit() or int(length) > _LARGEST:
                self.send_error(413)
                return
            body = self.rfile.read(int(length))
            status = receive({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """The story prints what was told; the requests themselves are no news."""

    return Handler
