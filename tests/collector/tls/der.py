"""Certificates written byte by byte, as no library of ours would write them, but signed for real."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.parts.tls import Authority

INTEGER, BIT_STRING, OCTET_STRING, OID = 0x02, 0x03, 0x04, 0x06
UTF8_STRING, PRINTABLE_STRING, T61_STRING, IA5_STRING = 0x0C, 0x13, 0x14, 0x16
UTC_TIME, GENERALIZED_TIME, UNIVERSAL_STRING, BMP_STRING = 0x17, 0x18, 0x1C, 0x1E
SEQUENCE, SET = 0x30, 0x31
# GeneralName (RFC 5280, section 4.2.1.6).
OTHER_NAME, MAIL, DNS, DIRECTORY, URI, ADDRESS, REGISTERED = (
    0xA0,
    0x81,
    0x82,
    0xA4,
    0x86,
    0x87,
    0x88,
)

COMMON_NAME, COUNTRY = bytes.fromhex("550403"), bytes.fromhex("550406")
SUBJECT_ALT_NAME, KEY_USAGE = bytes.fromhex("551d11"), bytes.fromhex("551d0f")
BASIC_CONSTRAINTS = bytes.fromhex("551d13")
_ECDSA_WITH_SHA256 = bytes.fromhex("2a8648ce3d040302")


def tlv(tag: int, *parts: bytes) -> bytes:
    """Write one DER element: its tag, its length, and its contents."""
    contents = b"".join(parts)
    size = len(contents)
    if size < 0x80:
        return bytes([tag, size]) + contents
    octets = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(octets)]) + octets + contents


class Element(NamedTuple):
    """What one primitive element says, whether or not its type allows it."""

    tag: int
    contents: bytes


class Attribute(NamedTuple):
    """One attribute of a name."""

    kind: bytes
    value: Element


class Extension(NamedTuple):
    """One extension; its value is DER, or no DER at all."""

    kind: bytes
    value: bytes
    critical: bool = False


@dataclass(frozen=True, slots=True)
class Odd:
    """The parts of a certificate that may be odd; the key and the signature are real."""

    not_before: Element
    not_after: Element
    names: Sequence[Element] = ()
    subject: Sequence[Attribute] = ()
    extensions: Sequence[Extension] = ()
    version: bytes = b"\2"
    serial_number: bytes = b"\1"

    def signed(self, issuer: Authority, key: ec.EllipticCurvePublicKey) -> bytes:
        """Return DER of the certificate for a key, signed by an authority with a P-256 key."""
        algorithm = tlv(SEQUENCE, tlv(OID, _ECDSA_WITH_SHA256))
        contents = tlv(
            SEQUENCE,
            tlv(0xA0, tlv(INTEGER, self.version)),
            tlv(INTEGER, self.serial_number),
            algorithm,
            issuer.certificate.subject.public_bytes(),
            tlv(SEQUENCE, tlv(*self.not_before), tlv(*self.not_after)),
            tlv(SEQUENCE, *map(_attribute, self.subject)),
            key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            self._extensions(),
        )
        assert isinstance(issuer.key, ec.EllipticCurvePrivateKey)
        signature = issuer.key.sign(contents, ec.ECDSA(hashes.SHA256()))
        return tlv(SEQUENCE, contents, algorithm, tlv(BIT_STRING, b"\0", signature))

    def _extensions(self) -> bytes:
        written = [_extension(each) for each in self.extensions]
        if self.names:
            names = tlv(SEQUENCE, *(tlv(*name) for name in self.names))
            written.append(_extension(Extension(SUBJECT_ALT_NAME, names)))
        return tlv(0xA3, tlv(SEQUENCE, *written)) if written else b""


def _attribute(attribute: Attribute) -> bytes:
    return tlv(SET, tlv(SEQUENCE, tlv(OID, attribute.kind), tlv(*attribute.value)))


def _extension(extension: Extension) -> bytes:
    critical = b"\x01\x01\xff" if extension.critical else b""
    value = tlv(OCTET_STRING, extension.value)
    return tlv(SEQUENCE, tlv(OID, extension.kind), critical, value)
