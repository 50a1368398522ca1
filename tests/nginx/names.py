"""A name server of one answer, as Docker's: the address of a container that may be made anew."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_ADDRESS_RECORD = b"\x00\x01"


class Names:
    """What every name resolves to now; "" for no such name."""

    def __init__(self, address: str) -> None:
        self.address = address

    def answer(self, query: bytes) -> bytes:
        """Answer one question about an IPv4 address."""
        question = query[12 : query.index(b"\0", 12) + 5]
        if not self.address:
            return query[:2] + b"\x81\x83" + query[4:6] + bytes(6) + question
        assert question[-4:-2] == _ADDRESS_RECORD
        head = query[:2] + b"\x81\x80" + query[4:6] + b"\x00\x01" + bytes(4)
        record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04"
        return head + question + record + socket.inet_aton(self.address)


@contextmanager
def name_server(names: Names) -> Iterator[int]:
    """Serve `names` from a thread; yields its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.1)
        stopped = threading.Event()

        def serve() -> None:
            while not stopped.is_set():
                with suppress(TimeoutError):
                    query, client = server.recvfrom(512)
                    server.sendto(names.answer(query), client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            stopped.set()
            thread.join(10)
