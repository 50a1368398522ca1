"""A stand-in for an upstream: it tells what reached it, and answers as badly as an upstream may."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NONCE_POLICY = "script-src 'self' 'nonce-r4nd0m'; object-src 'none'"


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Grafana/13.2.3"

    def do_GET(self) -> None:
        if self.headers.get("Upgrade") == "websocket":
            self._speak()
            return
        length = int(self.headers.get("Content-Length", "0"))
        received = {
            "method": self.command,
            "path": self.path,
            "headers": [[name.lower(), value] for name, value in self.headers.items()],
            "body": len(self.rfile.read(length)),
        }
        status = int(self.path.partition("/status/")[2] or 200)
        self._answer(status, json.dumps(received).encode())

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the base class finds them by these names

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (
            ("X-Frame-Options", "SAMEORIGIN"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-XSS-Protection", "1; mode=block"),
            ("Strict-Transport-Security", "max-age=1"),
            ("Referrer-Policy", "unsafe-url"),
            ("X-Powered-By", "a stand-in"),
            ("X-Accel-Redirect", "/vsa-error/page.html"),
        ):
            self.send_header(name, value)
        if "page" in self.path:
            self.send_header("Content-Security-Policy", NONCE_POLICY)
        self.end_headers()
        self.wfile.write(body)

    def _speak(self) -> None:
        """Switch protocols, tell who connected, then send back whatever comes."""
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.end_headers()
        self.wfile.write(f"hello {self.headers['X-WEBAUTH-USER']}\n".encode())
        while line := self.rfile.readline():
            self.wfile.write(line)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def echoing(address: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve the echo from a thread; yields its HOST:PORT."""
    server = ThreadingHTTPServer((address, port), _Echo)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"{address}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
