"""A Sentry: a server that keeps what it is sent."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Sentry(ThreadingHTTPServer):
    """Takes the SDK's envelopes at `dsn`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Intake)
        self.items: list[tuple[str, Any]] = []

    @property
    def dsn(self) -> str:
        """What SENTRY_DSN is to be."""
        return f"http://public@127.0.0.1:{self.server_port}/1"

    @property
    def events(self) -> list[Any]:
        """What was reported; not the sessions, transactions and check-ins."""
        return [payload for kind, payload in list(self.items) if kind == "event"]


class Intake(BaseHTTPRequestHandler):
    """Reads an envelope: a header, then for each item a header and the item."""

    server: Sentry

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        _, *lines = body.splitlines()
        pairs = zip(lines[::2], lines[1::2], strict=False)
        self.server.items += [(json.loads(header)["type"], json.loads(payload)) for header, payload in pairs]
        self.send_response(HTTPStatus.OK)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def listening() -> Iterator[Sentry]:
    """Run one."""
    with Sentry() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
