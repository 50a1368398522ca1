"""Clients of the edge that work all the time, to see whether one of them is hurt."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.parts.nginx import DOMAIN


class Connection(http.client.HTTPSConnection):
    """A connection that asks for the domain, wherever it leads, and takes any certificate."""

    def connect(self) -> None:
        wire = socket.create_connection((self.host, self.port), self.timeout)
        self.sock = ssl._create_unverified_context().wrap_socket(wire, server_hostname=DOMAIN)


@dataclass
class Client:
    """One keep-alive connection, asked again and again.

    A server may close a connection that is idle, and a client that is just sending then asks once
    more on a new one (RFC 9112, 9.3.1), as every browser does. A second failure is an error.
    """

    port: int
    answers: int = 0
    errors: list[str] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        connection = Connection("127.0.0.1", self.port, timeout=10)
        while not self.stopped.wait(0.002):  # idle between two requests, as clients are
            try:
                status = self.ask(connection)
            except (OSError, http.client.HTTPException) as error:
                self.errors.append(repr(error))
            else:
                self.answers += 1
                if status != http.client.FOUND:
                    self.errors.append(f"status {status}")
        connection.close()

    def ask(self, connection: http.client.HTTPSConnection) -> int:
        reused = connection.sock is not None
        try:
            return _ask(connection)
        except (ConnectionError, ssl.SSLEOFError):
            connection.close()
            if not reused:
                raise
            return _ask(connection)


def _ask(connection: http.client.HTTPSConnection) -> int:
    connection.request("GET", "/", headers={"Host": DOMAIN})
    answer = connection.getresponse()
    answer.read()
    return answer.status


@contextmanager
def clients_at_work(port: int, count: int = 4) -> Iterator[list[Client]]:
    """Let some clients ask until the block ends."""
    clients = [Client(port) for _ in range(count)]
    threads = [threading.Thread(target=client.run) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield clients
    finally:
        for client in clients:
            client.stopped.set()
        for thread in threads:
            thread.join()
