"""A certificate authority of the tests' own, and real TLS servers on loopback.

    authority = Authority.create()
    with serve(authority.issue(["example.test"])) as server:
        ...  # ask server.address, server.port; trust authority.bundle_path(tmp_path)

Nothing here is patched: certificates are signed for real, servers are the standard library's `ssl`
in a thread, listening on a free port of a loopback address.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import AuthorityInformationAccessOID
from OpenSSL import crypto

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
Handler = Callable[[socket.socket], None]

_PATIENCE = 5.0


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """Make an RSA key; 1024 bits make a weak one."""
    return rsa.generate_private_key(65537, bits)


def ec_key() -> ec.EllipticCurvePrivateKey:
    """Make a P-256 key, the cheapest to make."""
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True, slots=True)
class Identity:
    """What a server proves itself with: its key, its certificate, and what it sends after it."""

    key: PrivateKey
    certificate: x509.Certificate
    sent: tuple[x509.Certificate, ...] = ()

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The chain as sent, in DER, leaf first."""
        return tuple(c.public_bytes(Encoding.DER) for c in (self.certificate, *self.sent))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the leaf, as `CertificateFacts.fingerprint` writes it."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def sending(self, *others: x509.Certificate) -> Identity:
        """Return the same identity with another chain behind the leaf; nothing leaves it alone."""
        return replace(self, sent=others)

    def pem(self) -> bytes:
        """Key and chain in one PEM text, as NGINX and `ssl` read them."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        certificates = (self.certificate, *self.sent)
        return key + b"".join(c.public_bytes(Encoding.PEM) for c in certificates)


@dataclass(frozen=True, slots=True)
class Authority:
    """A root, or an intermediate that sends itself behind what it issues."""

    key: PrivateKey
    certificate: x509.Certificate
    sent: tuple[x509.Certificate, ...] = ()

    @classmethod
    def create(
        cls, name: str = "Test Root", *, key: PrivateKey | None = None, sha1: bool = False
    ) -> Authority:
        """Make a self-signed root, valid from a year ago for ten years."""
        key, subject = key or ec_key(), _name(name)
        builder = _builder(subject, subject, key, _days(-365), _days(3650))
        sign = _sign_with_sha1 if sha1 else _sign
        return cls(key, sign(_as_authority(builder, None), key))

    def intermediate(
        self,
        name: str = "Test Intermediate",
        *,
        key: PrivateKey | None = None,
        not_after: datetime | None = None,
        path_length: int | None = None,
        extensions: Sequence[x509.ExtensionType] = (),
    ) -> Authority:
        """Make an authority below this one; `extensions` are added as critical ones."""
        key = key or ec_key()
        builder = _builder(
            _name(name), self.certificate.subject, key, _days(-300), not_after or _days(1800)
        )
        builder = _extended(_as_authority(builder, path_length), extensions)
        certificate = _sign(builder, self.key)
        return Authority(key, certificate, (certificate, *self.sent))

    def issue(
        self,
        names: Sequence[str],
        *,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        key: PrivateKey | None = None,
        ca_issuers: str | None = None,
        sha1: bool = False,
        common_name: str | None = None,
        extensions: Sequence[x509.ExtensionType] = (),
    ) -> Identity:
        """Issue a server certificate for DNS names and IP addresses; by default from yesterday for 90 days.

        The subject's common name is the first name unless given; it counts for nothing.
        `ca_issuers` is the URL of the issuer that the certificate names (RFC 5280, 4.2.2.1).
        """
        key = key or ec_key()
        subject = _name(common_name or names[0]) if common_name or names else x509.Name([])
        start, end = not_before or _days(-1), not_after or _days(89)
        builder = _builder(subject, self.certificate.subject, key, start, end)
        builder = _extended(builder, [*_leaf_extensions(names, ca_issuers), *extensions])
        sign = _sign_with_sha1 if sha1 else _sign
        return Identity(key, sign(builder, self.key), self.sent)

    def bundle_path(self, folder: Path) -> Path:
        """Write this authority's certificate to a file of trusted ones and return its path."""
        path = folder / "bundle.pem"
        path.write_bytes(self.certificate.public_bytes(Encoding.PEM))
        return path


def self_signed(names: Sequence[str], *, key: PrivateKey | None = None) -> Identity:
    """Make a certificate that signed itself and is no authority's."""
    key, subject = key or ec_key(), _name(names[0])
    builder = _builder(subject, subject, key, _days(-1), _days(89))
    builder = _extended(builder, _leaf_extensions(names, None))
    return Identity(key, _sign(builder, key))


# ---------------------------------------------------------------------------- servers


@dataclass(frozen=True, slots=True)
class Server:
    """Where a test server listens."""

    address: str
    port: int


@contextmanager
def serve(
    identity: Identity,
    *,
    address: str = "127.0.0.1",
    port: int = 0,
    context: ssl.SSLContext | None = None,
    before: Handler | None = None,
) -> Iterator[Server]:
    """Serve TLS with an identity until the block ends.

    `before` speaks plain text first (STARTTLS); `context` replaces `server_context(identity)`.
    """
    context = context or server_context(identity)

    def handle(connection: socket.socket) -> None:
        if before:
            before(connection)
        with context.wrap_socket(connection, server_side=True) as secured:
            hold(secured)

    with listen(handle, address=address, port=port) as server:
        yield server


def server_context(identity: Identity) -> ssl.SSLContext:
    """Make a server's TLS context that lets weak keys, hashes and old versions through."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(identity.pem())
        file.flush()
        context.load_cert_chain(file.name)
    return context


def hold(connection: socket.socket) -> None:
    """Read and say nothing until the client leaves: also what a server that stalls does."""
    while connection.recv(4096):
        pass


@contextmanager
def listen(handle: Handler, *, address: str = "127.0.0.1", port: int = 0) -> Iterator[Server]:
    """Give every connection to `handle` in a thread of its own; all are cut when the block ends."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # TLS takes a socket's descriptor for itself, so the cutting is done by a second one.
    wires: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def answer(connection: socket.socket, wire: socket.socket) -> None:
        # A client that leaves early is no fault of the server; any other error fails the test.
        with wire, connection, suppress(OSError):
            handle(connection)
            wire.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with suppress(OSError):  # the listener was shut down
            while True:
                connection, _ = listener.accept()
                wires.append(connection.dup())
                threads.append(threading.Thread(target=answer, args=(connection, wires[-1])))
                threads[-1].start()

    with socket.create_server((address, port), family=family) as listener:
        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield Server(address, listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join(_PATIENCE)
            for wire in wires:
                with suppress(OSError):
                    wire.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(_PATIENCE)


# ---------------------------------------------------------------------------- certificates' parts


def _days(number: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=number)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name[:64])])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer, subject, key.public_key(), x509.random_serial_number(), start, end
    )


def _as_authority(
    builder: x509.CertificateBuilder, path_length: int | None
) -> x509.CertificateBuilder:
    return builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), True)


def _leaf_extensions(names: Sequence[str], ca_issuers: str | None) -> list[x509.ExtensionType]:
    extensions: list[x509.ExtensionType] = []
    if names:
        extensions.append(x509.SubjectAlternativeName(map(_general_name, names)))
    if ca_issuers:
        where = x509.UniformResourceIdentifier(ca_issuers)
        access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, where)
        extensions.append(x509.AuthorityInformationAccess([access]))
    return extensions


def _extended(
    builder: x509.CertificateBuilder, extensions: Sequence[x509.ExtensionType]
) -> x509.CertificateBuilder:
    for extension in extensions:
        critical = isinstance(extension, x509.NameConstraints | x509.BasicConstraints)
        builder = builder.add_extension(extension, critical)
    return builder


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _sign(builder: x509.CertificateBuilder, key: PrivateKey) -> x509.Certificate:
    return builder.sign(
        key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    )


def _sign_with_sha1(builder: x509.CertificateBuilder, key: PrivateKey) -> x509.Certificate:
    """Sign as cryptography no longer does; pyOpenSSL still can, and warns."""
    certificate = crypto.X509.from_cryptography(_sign(builder, key))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        certificate.sign(crypto.PKey.from_cryptography_key(key), "sha1")
    return certificate.to_cryptography()
