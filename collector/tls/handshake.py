"""One TLS handshake over a connection that asyncio owns; gets what the server shows, judges nothing.

pyOpenSSL's Connection works on two memory buffers, so nothing here blocks and no socket is wrapped.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import cast

from OpenSSL import SSL
from OpenSSL.crypto import FILETYPE_ASN1, X509, dump_certificate

from collector.tls.answer import Collected, Look, NoAnswerError, Shown
from collector.tls.failures import is_alert, shaking_hands
from registry.facts.outcomes import FailureReason
from registry.server_names import as_address

_READ_SIZE = 16 * 1024
_SIGNED_EXCHANGES = ("ECDHE-", "DHE-")


class Handshake(asyncio.Protocol):
    """Shakes hands as soon as it has a connection; `shown` is the answer or raises NoAnswerError."""

    def __init__(
        self, context: SSL.Context, look: Look, server_name: str, alpn: list[bytes]
    ) -> None:
        self.shown: asyncio.Future[Shown] = asyncio.get_running_loop().create_future()
        self._look = look
        self._began = b""
        self._flights = 0
        self._told = Collected()
        self._tls = SSL.Connection(context, None)
        self._tls.set_app_data(self._told)
        self._tls.request_ocsp()
        self._tls.set_connect_state()
        if not as_address(server_name):  # RFC 6066, section 3: an address is no server name
            self._tls.set_tlsext_host_name(server_name.encode("ascii"))
        if alpn:
            self._tls.set_alpn_protos(alpn)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first flight."""
        self._transport = cast("asyncio.Transport", transport)
        self._look.step = "the TLS handshake"
        self._advance()

    def data_received(self, data: bytes) -> None:
        """Take the server's bytes one step further."""
        if self.shown.done():
            return
        self._began = self._began or data[:120]
        try:
            self._look.receive(len(data))
        except NoAnswerError as none:
            self._end(none)
            return
        self._tls.bio_write(data)
        self._advance()

    def connection_lost(self, exc: Exception | None) -> None:
        """End a handshake that the server left unfinished."""
        if not self.shown.done():
            how = "reset" if exc else "closed"
            detail = f"the server {how} the connection during {self._look.step}"
            self._end(NoAnswerError(FailureReason.TLS, detail), by_server=True)

    def _advance(self) -> None:
        try:
            self._tls.do_handshake()
        except SSL.WantReadError:
            self._flush()
        except SSL.Error as error:
            self._end(shaking_hands(error, self._began), by_server=is_alert(error))
        else:
            self._succeed()
            self._say_goodbye()

    def _flush(self) -> None:
        with suppress(SSL.WantReadError):
            self._transport.write(self._tls.bio_read(_READ_SIZE))
            self._flights += 1

    def _say_goodbye(self) -> None:
        """Send the last flight and close_notify, lest the server's log fill with broken handshakes."""
        with suppress(SSL.Error):
            self._tls.shutdown()
        self._flush()
        self._transport.close()

    def _succeed(self) -> None:
        verified = self._tls.get_verify_mode() != SSL.VERIFY_NONE
        self.shown.set_result(
            Shown(
                chain=_der(self._tls.get_peer_cert_chain()),
                path=_der(self._tls.get_verified_chain()) if verified else (),
                errors=tuple(self._told.errors),
                tls_version=self._tls.get_protocol_version_name(),
                cipher=self._tls.get_cipher_name() or "",
                alpn=self._tls.get_alpn_proto_negotiated().decode("ascii", "backslashreplace"),
                staple=self._told.staple,
            )
        )

    def _end(self, none: NoAnswerError, *, by_server: bool = False) -> None:
        """End without a finished handshake, unless all that was wanted was seen."""
        if by_server and self._is_proved() and self._tls.get_peer_cert_chain():
            self._succeed()
        else:
            self.shown.set_exception(none)
        self._transport.abort()

    def _is_proved(self) -> bool:
        """Tell whether the server proved that its certificate is its own, though it did not finish.

        Before TLS 1.3 a server refuses a client without a certificate only after that client has
        answered its own, which was shown by then and proved by the signed key exchange: a fact. In
        TLS 1.3 it refuses later. An RSA key exchange is not signed: only the last message proves it.
        """
        answered = self._flights > 1 and self._tls.get_protocol_version() < SSL.TLS1_3_VERSION
        return answered and (self._tls.get_cipher_name() or "").startswith(_SIGNED_EXCHANGES)


def _der(certificates: list[X509] | None) -> tuple[bytes, ...]:
    return tuple(dump_certificate(FILETYPE_ASN1, each) for each in certificates or ())
