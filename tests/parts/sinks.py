"""Where alerts arrive: a webhook, and a mail server that demands STARTTLS and an account."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer, StreamRequestHandler, ThreadingTCPServer
from typing import Any

from tests.parts.tls import Identity, server_context


@dataclass
class Webhook:
    """A webhook at `url`, and every message that was posted to it; answers with `status`."""

    url: str = ""
    status: int = 200
    messages: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def webhook() -> Iterator[Webhook]:
    """Take what Alertmanager posts."""
    sink = Webhook()

    class Take(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if sink.status == 200:
                sink.messages.append(json.loads(body))
            self.send_response(sink.status)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
    sink.url = f"http://127.0.0.1:{server.server_port}/s3cret-path"
    with _serving(server):
        yield sink


@dataclass
class Mailbox:
    """A mail server at `address`, every mail that it took, and whether anybody told it a password."""

    address: str
    user: str
    password: str
    mails: list[EmailMessage] = field(default_factory=list)
    was_told: bool = False


@contextmanager
def mailbox(identity: Identity, user: str, password: str) -> Iterator[Mailbox]:
    """Take mail from one account, after STARTTLS only."""
    context = server_context(identity)

    class Talk(StreamRequestHandler):
        def handle(self) -> None:
            session = _SmtpSession(self, context, box)
            with suppress(OSError):  # a client that leaves, or does not trust us
                session.run()
            session.close()

    server = ThreadingTCPServer(("127.0.0.1", 0), Talk)
    box = Mailbox(f"localhost:{server.server_address[1]}", user, password)
    with _serving(server):
        yield box


@contextmanager
def _serving(server: BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class _SmtpSession:
    """One connection; as much of RFC 5321 as a client needs that sends one mail."""

    def __init__(
        self, handler: StreamRequestHandler, context: ssl.SSLContext, box: Mailbox
    ) -> None:
        self._socket, self._context, self._box = handler.connection, context, box
        self._file = self._socket.makefile("rwb")
        self._is_closed_to_others = self._is_known = False

    def run(self) -> None:
        self._say("220 sink ESMTP")
        while line := self._file.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            answer = getattr(self, f"_{verb.lower()}", None)
            if answer:
                answer(rest)
            else:
                self._say("250 fine")
            if verb.upper() == "QUIT":
                return

    def close(self) -> None:
        """Close what STARTTLS opened; the handler closes the rest."""
        with suppress(OSError):
            self._file.close()
        self._socket.close()

    def _say(self, *lines: str) -> None:
        self._file.writelines(f"{line}\r\n".encode() for line in lines)
        self._file.flush()

    def _ehlo(self, _: str) -> None:
        offer = "AUTH PLAIN" if self._is_closed_to_others else "STARTTLS"
        self._say("250-sink", f"250 {offer}")

    def _starttls(self, _: str) -> None:
        self._say("220 go ahead")
        self._file.close()
        self._socket = self._context.wrap_socket(self._socket, server_side=True)
        self._file = self._socket.makefile("rwb")
        self._is_closed_to_others = True

    def _auth(self, rest: str) -> None:
        self._box.was_told = True
        _, user, password = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")
        self._is_known = (user, password) == (self._box.user, self._box.password)
        self._say("235 welcome" if self._is_known else "535 who are you?")

    def _mail(self, _: str) -> None:
        self._say("250 fine" if self._is_known else "530 authentication required")

    def _data(self, _: str) -> None:
        self._say("354 go on")
        lines = iter(self._file.readline, b".\r\n")
        text = b"".join(line.removeprefix(b".") for line in lines)
        mail = message_from_bytes(text, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self._box.mails.append(mail)
        self._say("250 taken")
