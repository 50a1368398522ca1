"""The TLS contexts that all looks share: whom we trust, and how weak a server may be to be judged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from OpenSSL import SSL
from OpenSSL.crypto import FILETYPE_ASN1, X509, X509StoreFlags, load_certificate

from collector.tls.answer import VerifyError

# SSL_OP_LEGACY_SERVER_CONNECT: pyOpenSSL has no name for it. Servers without RFC 5746 answer too.
_LEGACY_SERVER_CONNECT = 0x4
# Browsers' order: AES-128 with SHA-256 is the cheapest where the processor has instructions for both.
_TLS13 = b"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"


def capturing_context() -> SSL.Context:
    """Make a client context that shows a server's chain and verifies nothing of it.

    A server that offers only weak versions, keys or hashes gets its verdict, so none of them may make
    the handshake fail.
    """
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_VERSION)
    context.set_cipher_list(b"DEFAULT:!PSK:!SRP:@SECLEVEL=0")
    context.set_tls13_ciphersuites(_TLS13)
    context.set_options(_LEGACY_SERVER_CONNECT)
    context.set_ocsp_client_callback(_keep_staple)
    return context


def verifying_context(trust_bundle: Path | None, authorities: Sequence[bytes] = ()) -> SSL.Context:
    """Make the same that verifies, trusting the system's authorities, those of a PEM file, and these (DER).

    What is wrong goes into the connection's app data, a Collected; the handshake goes on.
    Costs about 10 ms; raises ValueError when the file holds no certificate.
    """
    context = capturing_context()
    context.set_verify(SSL.VERIFY_PEER, _collect)
    context.set_default_verify_paths()
    if trust_bundle:
        _trust_bundle(context, trust_bundle)
    store = context.get_cert_store()
    assert store is not None, "a context has its store from the start"
    for der in authorities:
        store.add_cert(load_certificate(FILETYPE_ASN1, der))
    if trust_bundle or authorities:
        # An intermediate of ours is trusted as it stands: its root need not be there.
        store.set_flags(X509StoreFlags.PARTIAL_CHAIN)
    return context


def _trust_bundle(context: SSL.Context, bundle: Path) -> None:
    try:
        context.load_verify_locations(str(bundle))
    except SSL.Error as error:
        raise ValueError(f"the trust bundle {bundle} holds no readable PEM certificate") from error


def _collect(connection: SSL.Connection, _: X509, code: int, depth: int, _ok: int) -> bool:
    """Note what OpenSSL finds wrong and let it go on: one handshake finds everything."""
    if code:
        connection.get_app_data().errors.append(VerifyError(code, depth))
    return True


def _keep_staple(connection: SSL.Connection, staple: bytes, _: object) -> bool:
    """Keep the OCSP response that came, and go on whatever it says."""
    connection.get_app_data().staple = staple
    return True
